"""How each process of the deployment is, as it last said."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class WebProcess(SQLModel, table=True):
    """The newest report of one process; it is dropped a while after the process is gone."""

    __tablename__ = "web_processes"

    id: UUID = Field(primary_key=True)
    report: dict[str, Any] = Field(sa_type=JSONB)
    reported_at: datetime = timestamptz()
