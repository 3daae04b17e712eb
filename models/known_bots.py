"""Bots that were seen once: one row a bot, kept until the end, so that none vanishes because its container stopped."""

from datetime import datetime
from typing import Any

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebKnownBot(SQLModel, table=True):
    """What was last known of one bot.

    ``is_disabled``: ``BOTS_CONFIG`` takes it out. A bot that was removed comes back when a source describes it again.
    """

    __tablename__ = "web_known_bots"

    bot_name: str = Field(primary_key=True, max_length=50)
    facts: dict[str, Any] = Field(sa_type=JSONB, nullable=False, sa_column_kwargs={"server_default": text("'{}'")})
    first_seen_at: datetime = timestamptz()
    last_seen_at: datetime | None = timestamptz(nullable=True)
    is_disabled: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    removed_at: datetime | None = timestamptz(nullable=True)
    removed_by: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})
