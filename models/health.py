"""Health checks of bots, one row a check: what the heartbeat bars are drawn from."""

from datetime import datetime

from sqlalchemy import BigInteger, Identity, Index
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class BotCheck(SQLModel, table=True):
    """One health check of one bot; kept for a day."""

    __tablename__ = "web_bot_checks"
    __table_args__ = (
        Index("idx_web_bot_checks_bot", "bot_name", "checked_at"),
        Index("idx_web_bot_checks_at", "checked_at"),
    )

    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=(Identity(),))
    bot_name: str = Field(max_length=50)
    checked_at: datetime = timestamptz()
    status: str = Field(max_length=16)
    latency_ms: float | None = Field(default=None)
