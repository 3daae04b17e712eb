"""What the routes of the settings, the switches and the announcement take and give."""

from typing import Self

from pydantic import Field, StrictBool, StrictFloat, StrictInt, StrictStr

from chat_api.http.base_models import Answer, Body, Moment
from chat_api.settings.feature_flags import MAX_ANNOUNCEMENT_CHARS, MAX_MAINTENANCE_CHARS
from chat_api.settings.schemas import (
    FeatureView,
    Notices,
    SettingView,
    Tone,
)


class SettingBody(Body):
    """A value for one setting."""

    value: StrictStr | StrictInt | StrictFloat = Field(
        description="As in the environment: a number, or a word.", examples=[200]
    )


class SettingList(Answer):
    """Every setting, and what is stored and cannot be used."""

    settings: tuple[SettingView, ...]
    ignored: tuple[str, ...]


class AnnouncementBody(Body):
    """What to say to everybody."""

    text: StrictStr = Field(
        max_length=MAX_ANNOUNCEMENT_CHARS,
        description="Plain text; an empty one takes the announcement back.",
        examples=["New voices on Friday."],
    )
    tone: Tone = Field(Tone.INFO, strict=False, examples=["info"])
    starts_at: Moment | None = Field(None, examples=["2030-01-01T08:00:00Z"])
    ends_at: Moment | None = Field(None, examples=["2030-01-01T18:00:00Z"])


class NoticesAnswer(Answer):
    """What is on top of every page at this moment."""

    announcement: str | None = Field(examples=["New voices on Friday."])
    tone: Tone
    maintenance: str | None = Field(description="Set while the chat takes no new messages: why, in plain text.")

    @classmethod
    def of(cls, notices: Notices) -> Self:
        """The answer for what is shown now."""
        said = notices.announcement
        return cls(
            announcement=said.text if said else None,
            tone=said.tone if said else Tone.INFO,
            maintenance=notices.maintenance,
        )


class FeatureBody(Body):
    """On or off."""

    is_on: StrictBool = Field(examples=[False])


class FeatureList(Answer):
    """Every feature switch."""

    features: tuple[FeatureView, ...]


class MaintenanceBody(Body):
    """Whether the chat takes no new messages."""

    is_on: StrictBool = Field(examples=[True])
    text: StrictStr = Field(
        "",
        max_length=MAX_MAINTENANCE_CHARS,
        description="What is said to those who write; without it a friendly sentence.",
        examples=["Back at 18:00."],
    )
