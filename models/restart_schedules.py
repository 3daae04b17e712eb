"""Restarts at a time of day: once, every day, or on some days of the week."""

from datetime import date, datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class Recurrence(StrEnum):
    """How often a scheduled restart takes place."""

    ONCE = "once"
    DAILY = "daily"
    WEEKLY = "weekly"


class ScheduleOutcome(StrEnum):
    """What became of the last time. ``interrupted``: the console ended at that very moment."""

    STARTED = "started"
    SKIPPED = "skipped"
    INTERRUPTED = "interrupted"


class WebRestartSchedule(SQLModel, table=True):
    """Without ``bots`` all are meant. ``next_at`` is when it is due; without it, it is over or paused.

    It is done in the name of ``created_by_id``, with what that person may do by then.
    """

    __tablename__ = "web_restart_schedules"
    __table_args__ = (Index("idx_web_restart_schedules_next", "next_at", postgresql_where=text("next_at IS NOT NULL")),)

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=80, unique=True)
    bots: list[str] | None = Field(default=None, sa_type=JSONB)
    batch_size: int
    recurrence: str = Field(max_length=8)
    weekdays: list[int] = Field(sa_type=JSONB, nullable=False)
    on_day: date | None = Field(default=None)
    at_time: str = Field(max_length=5)
    time_zone: str = Field(max_length=64)
    is_paused: bool
    created_by_id: str = Field(max_length=100)
    created_by: str = Field(max_length=100)
    created_at: datetime = timestamptz()
    next_at: datetime | None = timestamptz(nullable=True)
    last_at: datetime | None = timestamptz(nullable=True)
    last_outcome: str | None = Field(default=None, max_length=16)
    last_reason: str | None = Field(default=None, sa_type=Text)
    last_rolling_id: UUID | None = Field(default=None)
