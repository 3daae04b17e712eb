"""When the daily report is sent, and which day was sent last."""

from datetime import date, datetime

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebReportSchedule(SQLModel, table=True):
    """The only row says it all. Without ``channels`` all are meant; ``last_day`` was sent, and nothing before it is."""

    __tablename__ = "web_report_schedule"

    id: int = Field(default=1, primary_key=True)
    is_on: bool
    at_time: str = Field(max_length=5)
    time_zone: str = Field(max_length=64)
    channels: list[str] | None = Field(default=None, sa_type=JSONB)
    last_day: date | None = Field(default=None)
    updated_by: str = Field(max_length=100)
    updated_at: datetime = timestamptz()
