"""What is set in the console: settings, switches, and what is said to everybody."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chat_api.core.language import N_
from chat_api.core.read_models import ReadModel


class Source(StrEnum):
    """Where a setting's value comes from; what was set here wins over the environment, and that over the default."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    HERE = "here"


class Effect(StrEnum):
    """What a change of a setting does, and where it is made."""

    AT_ONCE = "at once"
    AFTER_RESTART = "after a restart"
    ENVIRONMENT_ONLY = "environment only"


class Tone(StrEnum):
    """How an announcement looks."""

    INFO = "info"
    SUCCESS = "success"
    WARNING = "warning"


class Feature(StrEnum):
    """What can be switched off; each is checked by the service that does it."""

    NEW_USERS = "new_users"
    GUESTS = "guests"
    EDITING = "editing"
    REACTIONS = "reactions"
    API_KEYS = "api_keys"


FEATURE_MEANINGS: dict[Feature, str] = {
    Feature.NEW_USERS: N_("New people can join. Off: only people who have been here before can sign in."),
    Feature.GUESTS: N_("If a name is taken, people join as guests. Off: they have to choose another name."),
    Feature.EDITING: N_("People can edit their messages."),
    Feature.REACTIONS: N_("People can react to messages with an emoji."),
    Feature.API_KEYS: N_("People can make API keys. Off: keys they already have still work."),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView(ReadModel):
    """One setting. A secret's values are masked."""

    name: Annotated[str, Field(examples=["rate_limit_requests_per_minute"])]
    meaning: str
    value: Annotated[str, Field(description="In effect now.", examples=["100"])]
    source: Source
    effect: Effect
    default: Annotated[str, Field(examples=["100"])]
    environment: Annotated[str | None, Field(description="What the environment says, if anything.")]
    here: Annotated[str | None, Field(description="What was set in the console, if anything; it wins.")]
    waiting: Annotated[str | None, Field(description="What takes effect at the next start.")] = None
    is_secret: bool = False
    changed_by: str | None = None
    changed_at: datetime | None = None
    note: Annotated[str | None, Field(description="What it comes to now, e.g. what it costs a day.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement(ReadModel):
    """Plain text for everybody, from and until a moment; without them from now on, or until it is taken back.

    An empty text says nothing.
    """

    text: str
    tone: Tone = Tone.INFO
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def is_shown(self, now: datetime) -> bool:
        """Whether it is its time."""
        is_begun = self.starts_at is None or self.starts_at <= now
        return is_begun and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceView(ReadModel):
    """Whether the chat takes new messages, and what is said to those who send one."""

    is_on: bool
    text: str = ""
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView(ReadModel):
    """One feature switch."""

    feature: Feature
    is_on: bool
    meaning: str
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Notices:
    """What every page shows on top at this moment: an announcement, and that the chat is in maintenance."""

    announcement: Announcement | None = None
    maintenance: str | None = None
