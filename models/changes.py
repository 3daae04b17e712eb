"""What each bot ran with, and since when: image, environment, character, models, flags. No secret is in it."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebBotConfiguration(SQLModel, table=True):
    """One configuration of a bot and the starts with it in a row; what changed begins the next one.

    ``start_key`` is the last start's: a start that is reported twice counts once. ``is_start``: it began with a start,
    not while the bot ran. ``told_at`` is when the bot first told of itself since its last start. ``facts`` are names
    with values of an allow-list and keyed digests of all others; ``changes`` the difference to the row before.
    """

    __tablename__ = "web_bot_configurations"
    __table_args__ = (
        # However many recorders there are: one of them adds the next one.
        UniqueConstraint("bot_name", "number", name="uq_web_bot_configurations"),
        Index("idx_web_bot_configurations_started", "started_at", "id"),
    )

    id: UUID = Field(primary_key=True)
    bot_name: str = Field(max_length=50)
    number: int
    start_key: str = Field(max_length=200)
    started_at: datetime = timestamptz()
    last_started_at: datetime = timestamptz()
    starts: int = Field(default=1, sa_column_kwargs={"server_default": "1"})
    is_start: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    told_at: datetime | None = timestamptz(nullable=True)
    facts: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    changes: list[dict[str, Any]] = Field(sa_type=JSONB, nullable=False)
