"""Who did what, allowed or denied. Rows are only ever added: a trigger of the database refuses all else."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index
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
    # Its id grows with time, so that every index gives the newest first.
    __table_args__ = (
        Index("idx_web_audit_actor", "actor_name", "id"),
        Index("idx_web_audit_action", "action", "id"),
        Index("idx_web_audit_target", "target", "id"),
    )

    id: UUID = Field(primary_key=True)
    at: datetime = timestamptz()
    actor_id: str = Field(max_length=100)
    actor_name: str = Field(max_length=50)
    action: str = Field(max_length=60)
    target: str = Field(max_length=100)
    outcome: str = Field(max_length=16)
    address: str | None = Field(default=None, max_length=64)
    details: dict[str, Any] | None = Field(default=None, sa_type=JSONB)
