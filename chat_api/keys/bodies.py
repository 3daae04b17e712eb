"""What the doors of API keys take and give."""

from typing import Annotated

from pydantic import Field, StrictInt, StrictStr

from chat_api.http.base_models import Answer, Body, Moment
from chat_api.keys.schemas import KeyDay, KeyDraft, KeyView
from models import BackgroundMode, KeyScope


class KeyBody(Body):
    """What a key is for."""

    name: StrictStr = Field(min_length=1, max_length=60, examples=["Open WebUI at home"])
    scopes: list[Annotated[KeyScope, Field(strict=False)]] = Field(
        min_length=1,
        max_length=5,
        description="`chat` with bots, `history` of your conversations; administrators also `status`, `operate` and"
        " `administer`.",
        examples=[["chat"]],
    )
    bots: list[StrictStr] = Field(
        default_factory=list, max_length=200, description="The bots it is for; none: all of them.", examples=[["elena"]]
    )
    background: BackgroundMode = Field(
        BackgroundMode.AUTO,
        strict=False,
        description="Which requests are answered without history and memory: `auto` those that say so, and titles, tags"
        " and follow-ups of well-known clients; `all`; `none`.",
        examples=["auto"],
    )
    requests_per_minute: StrictInt | None = Field(
        None, ge=1, le=100_000, description="Null: the general limit.", examples=[60]
    )
    messages_per_day: StrictInt | None = Field(
        None, ge=1, le=100_000_000, description="Null: no budget.", examples=[500]
    )
    expires_at: Moment | None = Field(None, description="Null: it does not expire.", examples=["2027-01-31T00:00:00Z"])

    def draft(self) -> KeyDraft:
        """The same for the service."""
        return KeyDraft(**{name: getattr(self, name) for name in KeyDraft.__dataclass_fields__})


class RotateBody(Body):
    """How to change over."""

    overlap_hours: float = Field(
        24, ge=0, le=720, strict=False, description="So long the secret until now goes on working.", examples=[24]
    )


class KeyList(Answer):
    """Some keys."""

    keys: tuple[KeyView, ...]


class KeyUsage(Answer):
    """What a key did, day by day (UTC), oldest first."""

    days: tuple[KeyDay, ...]
