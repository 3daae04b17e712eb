"""Small facts the service keeps for itself between starts."""

from datetime import datetime

from sqlalchemy import Text
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebSetting(SQLModel, table=True):
    """One named value, e.g. the hash of the setup code of the first administrator."""

    __tablename__ = "web_settings"

    key: str = Field(primary_key=True, max_length=100)
    value: str = Field(sa_type=Text)
    updated_at: datetime = timestamptz()
