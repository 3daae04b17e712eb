"""What is set in the console: settings, switches, and what is said to everybody."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


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


FEATURE_MEANINGS: dict[Feature, str] = {
    Feature.NEW_USERS: "Somebody with a new name may join. Off: only those who have been here can sign in.",
    Feature.GUESTS: "Who signs in under somebody else's name joins as a guest. Off: they are asked for another name.",
    Feature.EDITING: "People may edit what they wrote.",
    Feature.REACTIONS: "People may put an emoji on a message.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingView:
    """One setting; a secret's values are masked. ``value`` is in effect; ``waiting`` is in effect after a restart."""

    name: str
    meaning: str
    value: str
    source: Source
    effect: Effect
    default: str
    environment: str | None
    here: str | None
    waiting: str | None = None
    is_secret: bool = False
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """Plain text for everybody, from and until a moment; without them from now on, or until it is taken back."""

    text: str
    tone: Tone = Tone.INFO
    starts_at: datetime | None = None
    ends_at: datetime | None = None

    def is_shown(self, now: datetime) -> bool:
        """Whether it is its time."""
        is_begun = self.starts_at is None or self.starts_at <= now
        return is_begun and (self.ends_at is None or now < self.ends_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceView:
    """Whether the chat takes new messages, and what is said to those who send one."""

    is_on: bool
    text: str = ""
    changed_by: str | None = None
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureView:
    """One switch."""

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
