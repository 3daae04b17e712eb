"""Checks: suites of prompts with what is expected of the answers, and their runs over bots."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class CheckRunState(StrEnum):
    """How a run is; all but ``running`` are final. ``interrupted``: the process that ran it is gone."""

    RUNNING = "running"
    DONE = "done"
    STOPPED = "stopped"
    INTERRUPTED = "interrupted"


class WebCheckSuite(SQLModel, table=True):
    """Prompts in their order, each with what is expected of an answer."""

    __tablename__ = "web_check_suites"

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=80, unique=True)
    prompts: list[dict[str, Any]] = Field(sa_type=JSONB, nullable=False)
    updated_by: str = Field(max_length=100)
    updated_at: datetime = timestamptz()


class WebCheckRun(SQLModel, table=True):
    """One run of a suite over some bots. It has the prompts as they were: a suite may change, its runs do not."""

    __tablename__ = "web_check_runs"
    __table_args__ = (
        Index("idx_web_check_runs_suite", "suite_id", "requested_at"),
        # One at a time in the whole deployment: a second running one cannot be stored.
        Index("uq_web_check_runs_running", "state", unique=True, postgresql_where=text("finished_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    suite_id: UUID = Field(foreign_key="web_check_suites.id", ondelete="CASCADE")
    suite_name: str = Field(max_length=80)
    prompts: list[dict[str, Any]] = Field(sa_type=JSONB, nullable=False)
    bots: list[str] = Field(sa_type=JSONB, nullable=False)
    requested_by: str = Field(max_length=100)
    requested_at: datetime = timestamptz()
    state: str = Field(max_length=16)
    heartbeat_at: datetime = timestamptz()
    finished_at: datetime | None = timestamptz(nullable=True)


class WebCheckResult(SQLModel, table=True):
    """What one bot answered to one prompt of a run, and which expectations that fails."""

    __tablename__ = "web_check_results"

    run_id: UUID = Field(primary_key=True, foreign_key="web_check_runs.id", ondelete="CASCADE")
    place: int = Field(primary_key=True)
    bot_name: str = Field(primary_key=True, max_length=50)
    is_passed: bool
    outcome: str = Field(max_length=40)
    answer: str = Field(default="", sa_type=Text)
    duration_s: float
    failures: list[dict[str, Any]] = Field(sa_type=JSONB, nullable=False)
    at: datetime = timestamptz()
