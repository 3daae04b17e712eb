"""What operators decided for bots, and what the healing decided: one row a bot, none for one that is as by default."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebBotPolicy(SQLModel, table=True):
    """The policy of one bot.

    ``healing_since``: automatic restarts before it count no more, for an operator took the bot in hand then.
    """

    __tablename__ = "web_bot_policies"

    bot_name: str = Field(primary_key=True, max_length=50)
    changed_at: datetime = timestamptz()
    changed_by: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})
    maintenance_since: datetime | None = timestamptz(nullable=True)
    maintenance_until: datetime | None = timestamptz(nullable=True)
    maintenance_reason: str = Field(default="", max_length=200, sa_column_kwargs={"server_default": ""})
    is_synthetic_check_on: bool = Field(default=True, sa_column_kwargs={"server_default": "true"})
    is_auto_healed: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    is_healed_when_silent: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    heal_after_failures: int = Field(default=3, sa_column_kwargs={"server_default": "3"})
    healing_since: datetime | None = timestamptz(nullable=True)
    quarantined_at: datetime | None = timestamptz(nullable=True)
    quarantine_reason: str = Field(default="", max_length=400, sa_column_kwargs={"server_default": ""})
    stopped_at: datetime | None = timestamptz(nullable=True)
    stopped_by: str = Field(default="", max_length=100, sa_column_kwargs={"server_default": ""})
    notes: str = Field(default="", sa_type=Text, sa_column_kwargs={"server_default": ""})
