"""Restarts, starts and stops of bots: what was asked, how it went, how long it took."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class RestartState(StrEnum):
    """The steps, in order; ``online``, ``failed`` and ``stopped`` are final. A start skips stopping; a stop ends it."""

    REQUESTED = "requested"
    STOPPING = "stopping"
    STARTING = "starting"
    HEALTH_CHECK = "health_check"
    ONLINE = "online"
    FAILED = "failed"
    STOPPED = "stopped"


class BotAction(StrEnum):
    """What is done with a bot's container or service."""

    RESTART = "restart"
    START = "start"
    STOP = "stop"


class ActionOrigin(StrEnum):
    """Who began it: a person for one bot, a person for many, a rolling restart, or the healing."""

    OPERATOR = "operator"
    BULK = "bulk"
    ROLLING = "rolling"
    AUTO_HEAL = "auto_heal"


class BotRestart(SQLModel, table=True):
    """One action on one bot. ``duration_s`` of a restart (request to healthy) teaches the estimate of the next.

    ``group_id`` is shared by the actions of one bulk, and by those of one rolling restart, whose id it is.
    """

    __tablename__ = "web_bot_restarts"
    __table_args__ = (
        Index("idx_web_bot_restarts_bot", "bot_name", "requested_at"),
        Index("idx_web_bot_restarts_at", "requested_at"),
        # The per-bot lock, across processes: a second running action on a bot cannot be stored.
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
    action: str = Field(default="restart", max_length=16, sa_column_kwargs={"server_default": "restart"})
    origin: str = Field(default="operator", max_length=16, sa_column_kwargs={"server_default": "operator"})
    group_id: UUID | None = Field(default=None)
