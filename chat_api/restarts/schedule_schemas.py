"""Scheduled restarts as somebody wants them, and as pages and doors show them."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import Recurrence, ScheduleOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartScheduleDraft:
    """A rolling restart at a time of day. ``bots`` None: all; ``weekdays`` count from Monday, 0."""

    name: str
    bots: tuple[str, ...] | None = None
    batch_size: int = 1
    recurrence: Recurrence = Recurrence.DAILY
    weekdays: tuple[int, ...] = ()
    on_day: date | None = None
    at_time: str = "04:00"
    time_zone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartScheduleView(RestartScheduleDraft, ReadModel):
    """A stored one, with what became of the last time."""

    schedule_id: Annotated[UUID, Field(serialization_alias="id")]
    is_paused: bool
    created_by: Annotated[str, Field(description="In whose name it is done: who made or changed it last.")]
    next_at: Annotated[datetime | None, Field(description="Null: paused, or over.")]
    last_at: datetime | None = None
    last_outcome: ScheduleOutcome | None = None
    last_reason: Annotated[str | None, Field(description="Why it was skipped, or who was left out.")] = None
    last_rolling_id: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRestart:
    """One that is due, with whose name it is done in."""

    schedule: RestartScheduleView
    created_by_id: str
