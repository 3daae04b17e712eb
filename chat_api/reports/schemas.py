"""The report of one day, and when it is sent. What nobody observed is ``None``, never zero."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class DaySummary(ReadModel):
    """One day in numbers."""

    bots: Annotated[int | None, Field(description="Bots that were observed.")] = None
    active_bots: Annotated[int | None, Field(description="Of those, how many were up at some time.")] = None
    uptime: Annotated[float | None, Field(description="Of all bots together, 0 to 1.")] = None
    people: int | None = None
    messages: int | None = None
    answered: int | None = None
    failed: int | None = None
    p50_s: float | None = None
    p95_s: float | None = None
    incidents: Annotated[int | None, Field(description="Opened on this day.")] = None
    alerts: Annotated[int | None, Field(description="Opened on this day.")] = None
    restarts: int | None = None
    failed_restarts: int | None = None

    @property
    def failure_share(self) -> float | None:
        """Failed among those that ended, 0 to 1."""
        ended = (self.answered or 0) + (self.failed or 0)
        return (self.failed or 0) / ended if ended else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotDay(ReadModel):
    """One bot's day. ``uptime`` is that of the time in which it was observed."""

    bot_name: str
    uptime: float | None = None
    down_s: float = 0.0
    outages: Annotated[int, Field(description="How often it went offline.")] = 0
    people: int = 0
    messages: int = 0
    answered: int = 0
    failed: int = 0
    p50_s: float | None = None
    p95_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModeDay(ReadModel):
    """How many answers bots gave in one of their modes, as they said themselves."""

    mode: str
    answers: int
    share: Annotated[float, Field(description="Of all answers that name a mode, 0 to 1.")]
    p95_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueDay(ReadModel):
    """How long a queue of the fleet's workers was at its longest, and when about."""

    queue: str
    peak: int
    peak_at: Annotated[datetime, Field(description="The minute, or the hour, in which it was so long.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDay(ReadModel):
    """An incident that was open at some time of the day."""

    incident_id: UUID
    title: str
    cause: str
    opened_at: datetime
    resolved_at: datetime | None
    duration_s: float
    bots: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartsDay(ReadModel):
    """What one person, or the console itself, did to bots."""

    requested_by: str
    action: str
    origin: str
    count: int
    failed: int
    bot_names: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDay(ReadModel):
    """An alert that was opened on the day."""

    title: str
    severity: Severity
    opened_at: datetime
    resolved_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesDay(ReadModel):
    """How often somebody did one thing, by the audit trail."""

    actor: str
    action: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DayReport(ReadModel):
    """One day from midnight to midnight by the clocks of ``time_zone``; until ``until`` while it is not over."""

    day: date
    time_zone: str
    since: datetime
    until: datetime
    is_over: bool
    summary: DaySummary
    day_before: DaySummary
    week_before: Annotated[DaySummary, Field(description="The same weekday of the week before.")]
    bots: tuple[BotDay, ...]
    modes: Annotated[tuple[ModeDay, ...], Field(description="Empty where bots name none.")]
    queues: Annotated[tuple[QueueDay, ...], Field(description="Empty where no queue was watched.")]
    incidents: tuple[IncidentDay, ...]
    restarts: tuple[RestartsDay, ...]
    alerts: tuple[AlertDay, ...]
    changes: tuple[ChangesDay, ...]

    @property
    def is_observed(self) -> bool:
        """Whether anything is known of this day."""
        return self.summary.messages is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleDraft:
    """When the report of a day is sent on the next one. Without ``channels``: to all."""

    is_on: bool = False
    at_time: str = "08:00"
    time_zone: str = "UTC"
    channels: tuple[UUID, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportSchedule(ScheduleDraft, ReadModel):
    """The same as it is stored. Days up to ``last_day`` are not sent any more."""

    last_day: date | None = None
    updated_by: str | None = None
    updated_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchanged:
    """What was written to one bot in some time, or to all (``bot_name`` is empty)."""

    bot_name: str
    people: int
    messages: int
    answered: int
    failed: int
    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """How long a bot was seen in each state, and how often it went offline."""

    seconds: Mapping[str, float] = field(default_factory=dict)
    outages: int = 0
