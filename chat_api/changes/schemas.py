"""What a bot ran with, and how it differs from what it ran with before."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel


class ChangeKind(StrEnum):
    """What kind of thing changed."""

    IMAGE = "image"
    ENVIRONMENT = "environment"
    CHARACTER = "character"
    MODEL = "model"
    FLAG = "flag"
    SETTING = "setting"


class ChangeType(StrEnum):
    """What happened to it."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


class Group(StrEnum):
    """Facts that come together from one source: a group that a source does not give is as it was.

    ``limits`` is what the engine grants and begins the container with, ``version`` what the bot says of its program.
    """

    IMAGE = "image"
    ENVIRONMENT = "environment"
    LIMITS = "limits"
    CHARACTER = "character"
    MODEL = "model"
    FLAG = "flag"
    VERSION = "version"


Facts = Mapping[Group, Mapping[str, str]]
"""By group and name: ``=value`` in plain, or ``#digest`` where the value is kept back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """What is known of one configuration; ``key_id`` names the key of its digests, which compare with no others."""

    key_id: str = ""
    facts: Facts = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeEntry(ReadModel):
    """One thing that is not as it was. Of a hidden value it is only said that it changed."""

    kind: ChangeKind
    name: Annotated[str, Field(examples=["LLM_MODEL_NAME"])]
    change: ChangeType
    before: str | None = None
    after: str | None = None
    is_hidden: Annotated[bool, Field(description="The values are kept back: only digests of them are stored.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One start of a bot. ``key`` begins with the source that knows of it; ``at`` is that source's time."""

    key: str
    at: datetime

    @property
    def source(self) -> str:
        """Who knows of it: ``engine``, ``uptime`` or ``seen``."""
        return self.key.partition(":")[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordedStart:
    """The last start of a bot that is stored, and whether its environment is known by the key ``key_id``."""

    bot_name: str
    start_key: str
    key_id: str
    has_environment: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a bot ran with through ``starts`` starts in a row, as it is stored."""

    configuration_id: UUID
    bot_name: str
    number: int
    start_key: str
    started_at: datetime
    last_started_at: datetime
    starts: int
    is_start: bool
    told_at: datetime | None
    snapshot: Snapshot
    changes: tuple[ChangeEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfigurationView(ReadModel):
    """A configuration of one bot, and what is different from the one before."""

    configuration_id: Annotated[UUID, Field(serialization_alias="id")]
    bot_name: str
    is_first: Annotated[bool, Field(description="The first that is known of this bot: there is nothing to compare.")]
    is_start: Annotated[bool, Field(description="It began with a start, not while the bot ran.")]
    started_at: datetime
    last_started_at: datetime
    starts: Annotated[int, Field(description="Starts in a row with nothing changed.")]
    changes: tuple[ChangeEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesQuery:
    """Which configurations: all of what is given must hold. ``before`` is the last one of the page before."""

    bot_name: str | None = None
    kind: ChangeKind | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: UUID | None = None
    limit: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class LastChange(ReadModel):
    """The newest difference that is known."""

    at: datetime
    is_start: bool
    changes: tuple[ChangeEntry, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesSince(ReadModel):
    """What is different now from when a bot was last healthy."""

    bot_name: str
    healthy_at: Annotated[
        datetime | None,
        Field(description="The end of its last healthy time of ten minutes, else of its last healthy time at all."),
    ]
    changes: tuple[ChangeEntry, ...]
    starts: Annotated[int, Field(description="How many starts of it are known.")]
    last_change: Annotated[LastChange | None, Field(description="The newest change until then, whenever it was.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """The configuration of a bot when it was last healthy, and its last one until a moment."""

    bot_name: str
    healthy_at: datetime | None
    healthy: Snapshot | None
    latest: Snapshot | None
    starts: int
    last_change: LastChange | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixColumn(ReadModel):
    """One model, flag, setting, image or variable of the environment."""

    kind: ChangeKind
    name: str
    common: Annotated[str | None, Field(description="What more than half of the bots of a generation have.")]
    odd: Annotated[int, Field(description="How many bots have something else.")]
    is_hidden: Annotated[bool, Field(description="Its values are kept back: only digests of them are stored.")] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixRow(ReadModel):
    """One bot: a value for each column, null where it has none; ``odd`` are the columns in which it stands alone."""

    bot_name: str
    display_name: str
    generation: str | None
    values: tuple[str | None, ...]
    odd: Annotated[tuple[int, ...], Field(description="Positions of columns, from 0.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix(ReadModel):
    """All bots side by side, by name."""

    columns: tuple[MatrixColumn, ...]
    bots: tuple[MatrixRow, ...]
