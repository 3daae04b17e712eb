"""Who did what, allowed or denied. Rows are only ever added."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class AuditOutcome(StrEnum):
    """How an action ended when it was recorded."""

    ALLOWED = "allowed"
    DENIED = "denied"
    AUTOMATIC = "automatic"


class AuditEntry(SQLModel, table=True):
    """One action of a person or of the service itself on a named target."""

    __tablename__ = "web_audit"

    id: UUID = Field(primary_key=True)
    at: datetime = timestamptz()
    actor_id: str = Field(max_length=100)
    actor_name: str = Field(max_length=50)
    action: str = Field(max_length=60)
    target: str = Field(max_length=100)
    outcome: str = Field(max_length=16)
    address: str | None = Field(default=None, max_length=64)
    details: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
