"""How the fleet is used, counted once an hour is over: pages read these rows instead of every message."""

from datetime import date, datetime

from sqlalchemy import BigInteger, Date, DateTime, Index
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel


class WebActivityDay(SQLModel, table=True):
    """How often one person wrote to one bot on one day (UTC)."""

    __tablename__ = "web_activity_days"
    __table_args__ = (Index("idx_web_activity_days_day", "day", "bot_name", "user_id"),)

    user_id: str = Field(primary_key=True, max_length=100)
    day: date = Field(primary_key=True, sa_type=Date)
    bot_name: str = Field(primary_key=True, max_length=50)
    messages: int = Field(sa_type=BigInteger)


class WebUsage(SQLModel, table=True):
    """One bot (or with an empty name all of them) in one hour, day or week that begins at ``start`` (UTC).

    ``answer_times`` counts answers by how long they took; ``visits`` and ``visit_seconds`` are of all bots only.
    """

    __tablename__ = "web_usage"

    grain: str = Field(primary_key=True, max_length=4)
    start: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
    bot_name: str = Field(primary_key=True, max_length=50)
    users: int = Field(sa_type=BigInteger)
    messages: int = Field(sa_type=BigInteger)
    answered: int = Field(sa_type=BigInteger)
    failed: int = Field(sa_type=BigInteger)
    visits: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    visit_seconds: float = Field(default=0, sa_column_kwargs={"server_default": "0"})
    answer_times: list[int] = Field(sa_type=ARRAY(BigInteger))


class WebRetention(SQLModel, table=True):
    """How many of the people whose first week was ``cohort`` wrote again in ``week``. Weeks begin on Monday."""

    __tablename__ = "web_retention"

    cohort: date = Field(primary_key=True, sa_type=Date)
    week: date = Field(primary_key=True, sa_type=Date)
    people: int = Field(sa_type=BigInteger)


class WebUsageDirty(SQLModel, table=True):
    """An hour whose counts are no longer true: an answer came late, or a person was erased."""

    __tablename__ = "web_usage_dirty"

    hour: datetime = Field(primary_key=True, sa_type=DateTime(timezone=True))
