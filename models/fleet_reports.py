"""What was last seen of bots, dependencies and containers: the picture for processes that do not look themselves."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebFleetReport(SQLModel, table=True):
    """The newest report of one thing, e.g. ``probe:elena``, as JSON."""

    __tablename__ = "web_fleet_reports"

    key: str = Field(primary_key=True, max_length=100)
    report: str = Field(sa_type=Text)
    reported_at: datetime = timestamptz()
