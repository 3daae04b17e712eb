"""Incidents: what went wrong, whom it hit, what happened meanwhile, and the evidence that a restart would destroy."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class IncidentEntryKind(StrEnum):
    """What happened in an incident."""

    OPENED = "opened"
    REOPENED = "reopened"
    BOT_JOINED = "bot_joined"
    BOT_RECOVERED = "bot_recovered"
    RESTART = "restart"
    EVIDENCE = "evidence"
    ACKNOWLEDGED = "acknowledged"
    NOTE = "note"
    MERGED = "merged"
    RESOLVED = "resolved"


class Incident(SQLModel, table=True):
    """One trouble with one root cause: ``service:redis``, ``address:localhost:8000``, or a bot's own, ``bot:elena``."""

    __tablename__ = "web_incidents"
    __table_args__ = (
        Index("idx_web_incidents_opened", "opened_at"),
        # However many keepers there are: a second open incident of one cause cannot be stored.
        Index("uq_web_incidents_open", "cause", unique=True, postgresql_where=text("resolved_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    cause: str = Field(max_length=100)
    title: str = Field(max_length=200)
    detail: str = Field(default="", sa_type=Text)
    opened_at: datetime = timestamptz()
    resolved_at: datetime | None = timestamptz(nullable=True)
    acknowledged_at: datetime | None = timestamptz(nullable=True)
    acknowledged_by: str | None = Field(default=None, max_length=100)
    acknowledge_reason: str | None = Field(default=None, sa_type=Text)
    reopened: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    merged_into: UUID | None = Field(default=None, foreign_key="web_incidents.id", ondelete="SET NULL")


class IncidentBot(SQLModel, table=True):
    """A bot in an incident; it fails from ``failed_at`` to ``recovered_at``, without the first not at all."""

    __tablename__ = "web_incident_bots"

    incident_id: UUID = Field(primary_key=True, foreign_key="web_incidents.id", ondelete="CASCADE")
    bot_name: str = Field(primary_key=True, max_length=50, index=True)
    failed_at: datetime | None = timestamptz(nullable=True)
    recovered_at: datetime | None = timestamptz(nullable=True)
    status: str = Field(max_length=16)
    error: str | None = Field(default=None, sa_type=Text)


class IncidentEntry(SQLModel, table=True):
    """One line of an incident's timeline. What the service itself writes has an id that follows from its content."""

    __tablename__ = "web_incident_entries"

    id: UUID = Field(primary_key=True)
    incident_id: UUID = Field(foreign_key="web_incidents.id", ondelete="CASCADE", index=True)
    at: datetime = timestamptz()
    kind: str = Field(max_length=20)
    actor_name: str | None = Field(default=None, max_length=100)
    bot_name: str | None = Field(default=None, max_length=50)
    content: str = Field(default="", sa_type=Text)


class IncidentEvidence(SQLModel, table=True):
    """How a bot was at one moment: its container, its last checks, its last log lines with secrets masked.

    Without an incident when it was taken before a restart of a bot that was well; one that follows takes it over.
    """

    __tablename__ = "web_incident_evidence"
    __table_args__ = (Index("idx_web_incident_evidence_bot", "bot_name", "captured_at"),)

    id: UUID = Field(primary_key=True)
    incident_id: UUID | None = Field(default=None, foreign_key="web_incidents.id", ondelete="CASCADE", index=True)
    bot_name: str = Field(max_length=50)
    captured_at: datetime = timestamptz()
    reason: str = Field(max_length=200)
    facts: dict[str, Any] = Field(sa_type=JSONB, nullable=False)
    checks: list[dict[str, Any]] = Field(sa_type=JSONB, nullable=False)
    log: str = Field(default="", sa_type=Text)
    problem: str | None = Field(default=None, sa_type=Text)
