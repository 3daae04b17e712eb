"""Rolling restarts: many bots, a few at a time, and no further than the first that does not come back."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class RollingState(StrEnum):
    """How a rolling restart is; all but ``running`` are final. ``interrupted``: the process that ran it is gone."""

    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    ABORTED = "aborted"
    INTERRUPTED = "interrupted"


class RollingRestart(SQLModel, table=True):
    """One rolling restart. ``steps`` is a list with one entry a bot, in the order of restarting."""

    __tablename__ = "web_rolling_restarts"
    __table_args__ = (
        Index("idx_web_rolling_restarts_at", "requested_at"),
        # One at a time in the whole deployment: a second running one cannot be stored.
        Index("uq_web_rolling_restarts_running", "state", unique=True, postgresql_where=text("finished_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    requested_by: str = Field(max_length=100)
    requested_at: datetime = timestamptz()
    batch_size: int
    state: str = Field(max_length=16)
    estimate_s: float
    steps: list[dict[str, Any]] = Field(sa_type=JSONB)
    # By the database's clock: who does not say in time that it is there is taken for dead.
    heartbeat_at: datetime = timestamptz()
    abort_requested_by: str | None = Field(default=None, max_length=100)
    finished_at: datetime | None = timestamptz(nullable=True)
    error: str | None = Field(default=None, sa_type=Text)
