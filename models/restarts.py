"""Restarts of bots: what was asked, how it went, how long it took."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class RestartState(StrEnum):
    """The steps of a restart, in order; ``online`` and ``failed`` are final."""

    REQUESTED = "requested"
    STOPPING = "stopping"
    STARTING = "starting"
    HEALTH_CHECK = "health_check"
    ONLINE = "online"
    FAILED = "failed"


class BotRestart(SQLModel, table=True):
    """One restart of one bot. ``duration_s`` (request to healthy) teaches the estimate of the next."""

    __tablename__ = "web_bot_restarts"
    __table_args__ = (
        Index("idx_web_bot_restarts_bot", "bot_name", "requested_at"),
        # The per-bot lock, across processes: a second running restart of a bot cannot be stored.
        Index("uq_web_bot_restarts_running", "bot_name", unique=True, postgresql_where=text("finished_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    bot_name: str = Field(max_length=50)
    requested_by: str = Field(max_length=100)
    requested_at: datetime = timestamptz()
    state: str = Field(max_length=16)
    finished_at: datetime | None = timestamptz(nullable=True)
    duration_s: float | None = Field(default=None)
    error: str | None = Field(default=None, sa_type=Text)
