"""What the fleet's own stores say of its bots, each figure by where it comes from.

``None`` is always "not known": a store is not configured, cannot be read, or has nothing of this bot. A ``0`` was
counted.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from chat_api.core.read_models import ReadModel
from chat_api.core.store_faults import StoreFault

Dimension = Literal["mode", "complexity", "model"]


class LifeWindow(StrEnum):
    """How far back one looks; other people's stores are asked for no more."""

    HOUR = "1h"
    DAY = "24h"
    WEEK = "7d"

    @property
    def length(self) -> timedelta:
        """How long it is."""
        return {"1h": timedelta(hours=1), "24h": timedelta(hours=24), "7d": timedelta(days=7)}[self]

    @property
    def step_s(self) -> int:
        """How many seconds one point covers: a minute in the last hour."""
        return {"1h": 60, "24h": 900, "7d": 7200}[self]


class Store(StrEnum):
    """Where a figure comes from."""

    HISTORY = "history"
    INFLUXDB = "influxdb"
    CONSOLE = "console"


class StoreState(StrEnum):
    """How the reading of a store goes."""

    OK = "ok"
    READING = "reading"
    UNREADABLE = "unreadable"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoreView(ReadModel):
    """One store, and how old what is shown of it is."""

    store: Store
    state: StoreState
    fault: Annotated[StoreFault | None, Field(description="Why it could not be read last.")] = None
    detail: Annotated[str | None, Field(description="The same in the store's own words, without secrets.")] = None
    read_at: Annotated[datetime | None, Field(description="When what is shown of it was read.")] = None
    zone: Annotated[str | None, Field(description="The zone in which its times were understood.")] = None
    is_ahead: Annotated[
        bool, Field(description="Its newest time lies ahead of ours: the zone is wrong, set `FLEET_TIMEZONE`.")
    ] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LifePoint(ReadModel):
    """One step of time of one bot."""

    at: datetime
    discord_people: Annotated[int | None, Field(description="Messages of people on Discord, from the history.")] = None
    discord_bot: Annotated[int | None, Field(description="Messages of the bot on Discord, from the history.")] = None
    events: Annotated[int | None, Field(description="Messages of people on Discord, from InfluxDB.")] = None
    console: Annotated[int | None, Field(description="Answers through this console, the failed ones too.")] = None
    p95_s: Annotated[float | None, Field(description="Answer time of all channels, from InfluxDB.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTime(ReadModel):
    """How long answers took, by one store."""

    store: Store
    answers: int
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reactions(ReadModel):
    """What people did to a bot's messages on Discord. ``removed`` says nothing of which."""

    positive: int = 0
    negative: int = 0
    removed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BotLife(ReadModel):
    """One bot within the window. A name that is no bot of the fleet is as the store spells it."""

    bot_name: str
    display_name: str
    is_known: Annotated[bool, Field(description="Whether it is a bot of the fleet.")] = True
    discord_people: int | None = None
    discord_bot: int | None = None
    discord_per_min: Annotated[float | None, Field(description="Of people and of the bot together.")] = None
    api: Annotated[int | None, Field(description="Messages over HTTP in the history, of whatever caller.")] = None
    events: int | None = None
    console: int | None = None
    times: tuple[AnswerTime, ...] = ()
    reactions: Reactions | None = None
    last_at: Annotated[datetime | None, Field(description="The newest message in the history.")] = None
    points: tuple[LifePoint, ...] = field(default=())


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerPart(ReadModel):
    """The answers of one mode, complexity or model, of one bot, or of all (``bot_name`` is empty), by one store."""

    store: Store
    dimension: Dimension
    value: str
    bot_name: str
    answers: int
    share: Annotated[float, Field(description="Of those of which the store tells this, 0 to 1.")]
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetLife(ReadModel):
    """The life of the fleet within a window; the last step is the one that is running."""

    window: LifeWindow
    since: datetime
    until: datetime
    step_s: int
    stores: tuple[StoreView, ...]
    bots: tuple[BotLife, ...]
    anatomy: tuple[AnswerPart, ...]


class QueueState(StrEnum):
    """How a queue of the fleet's workers is."""

    OK = "ok"
    GROWING = "growing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueLife(ReadModel):
    """One queue of the fleet's workers, from its Redis, or as a bot says (``reported_by``), which tells no age."""

    queue: str
    depth: int
    state: QueueState
    waiting: Annotated[int | None, Field(description="Of these, what is due: the rest is for later.")] = None
    oldest_job_s: Annotated[float | None, Field(description="How long the oldest job that is due has waited.")] = None
    growing_since: datetime | None = None
    read_at: datetime | None = None
    reported_by: Annotated[str | None, Field(description="The bot whose claim this is.")] = None
