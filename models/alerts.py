"""Alerts: rules, the channels they are told on, what is wrong now, what was sent, and windows of maintenance."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Float, Index, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class RuleKind(StrEnum):
    """What a rule looks at."""

    BOT_DOWN = "bot_down"
    BOT_DEGRADED = "bot_degraded"
    SLOW_P95 = "slow_p95"  # threshold: milliseconds
    ERROR_RATE = "error_rate"  # threshold: share, 0 to 1
    RESTARTS = "restarts"  # threshold: more than so many in an hour
    QUARANTINED = "quarantined"
    SERVICE_DOWN = "service_down"
    DISK = "disk"  # threshold: less than this share free
    NO_DATA = "no_data"
    LOOP_LAG = "loop_lag"  # threshold: milliseconds


class NoData(StrEnum):
    """What it means when a rule cannot see what it looks at."""

    OK = "ok"
    ALERT = "alert"
    KEEP = "keep"


class Severity(StrEnum):
    """How bad it is, least first."""

    INFO = "info"
    WARNING = "warning"
    CRITICAL = "critical"


class SubjectStatus(StrEnum):
    """How one subject of one rule stands; what is inactive or resolved has no row."""

    PENDING = "pending"
    FIRING = "firing"
    NO_DATA = "no_data"


class AlertStatus(StrEnum):
    """How an alert stands: it waits a moment for company before it is told, fires, and is resolved."""

    PENDING = "pending"
    FIRING = "firing"
    RESOLVED = "resolved"


class NotificationKind(StrEnum):
    """Why something is sent."""

    FIRING = "firing"
    CHANGED = "changed"
    REPEAT = "repeat"
    RESOLVED = "resolved"
    TEST = "test"
    REPORT = "report"  # of a day; of no alert


class NotificationStatus(StrEnum):
    """Whether it was sent; ``failed`` is final."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"


class AlertRule(SQLModel, table=True):
    """When to alert. Without ``bots`` all are meant, without ``channels`` all; ``repeat_s`` 0 tells once."""

    __tablename__ = "web_alert_rules"

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=80, unique=True)
    kind: str = Field(max_length=20)
    threshold: float | None = Field(default=None, sa_type=Float)
    bots: list[str] | None = Field(default=None, sa_type=JSONB)
    for_s: int
    keep_firing_for_s: int
    no_data: str = Field(max_length=8)
    severity: str = Field(max_length=10)
    channels: list[str] | None = Field(default=None, sa_type=JSONB)
    repeat_s: int
    is_enabled: bool
    updated_at: datetime = timestamptz()


class AlertChannel(SQLModel, table=True):
    """Where alerts are told. ``url`` is a secret: it goes to the sender and nowhere else."""

    __tablename__ = "web_alert_channels"

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=50, unique=True)
    url: str = Field(sa_type=Text)
    severities: list[str] = Field(sa_type=JSONB, nullable=False)
    quiet_from: str | None = Field(default=None, max_length=5)
    quiet_to: str | None = Field(default=None, max_length=5)
    time_zone: str = Field(max_length=64)
    does_critical_break_quiet: bool
    is_enabled: bool
    updated_at: datetime = timestamptz()


class AlertSubject(SQLModel, table=True):
    """One bot, dependency or the console itself, as one rule sees it while that is not well.

    ``healthy_since`` is from when it is healthy again, while it has to stay so; ``cause`` the dependency that explains
    it, or did until ``cause_gone_at``.
    """

    __tablename__ = "web_alert_subjects"

    rule_id: UUID = Field(primary_key=True, foreign_key="web_alert_rules.id", ondelete="CASCADE")
    subject: str = Field(primary_key=True, max_length=100)
    status: str = Field(max_length=10)
    since: datetime = timestamptz()
    fired_at: datetime | None = timestamptz(nullable=True)
    healthy_since: datetime | None = timestamptz(nullable=True)
    summary: str = Field(max_length=300)
    cause: str | None = Field(default=None, max_length=50)
    cause_gone_at: datetime | None = timestamptz(nullable=True)


class Alert(SQLModel, table=True):
    """One root cause and all that suffers from it. ``key`` is the cause's or the rule's; one open alert a key."""

    __tablename__ = "web_alerts"
    __table_args__ = (
        Index("uq_web_alerts_open", "key", unique=True, postgresql_where=text("resolved_at IS NULL")),
        Index("idx_web_alerts_opened", "opened_at"),
    )

    id: UUID = Field(primary_key=True)
    key: str = Field(max_length=120)
    status: str = Field(max_length=10)
    severity: str = Field(max_length=10)
    title: str = Field(max_length=200)
    body: str = Field(sa_type=Text)
    subjects: list[str] = Field(sa_type=JSONB, nullable=False)
    notified_subjects: list[str] = Field(sa_type=JSONB, nullable=False)
    notified_channels: list[str] = Field(sa_type=JSONB, nullable=False)
    opened_at: datetime = timestamptz()
    notified_at: datetime | None = timestamptz(nullable=True)
    resolved_at: datetime | None = timestamptz(nullable=True)
    silenced_until: datetime | None = timestamptz(nullable=True)
    silenced_by: str | None = Field(default=None, max_length=50)
    silence_reason: str | None = Field(default=None, max_length=300)


class AlertNotification(SQLModel, table=True):
    """One message to one channel: written with the change that it tells, sent by whoever claims it."""

    __tablename__ = "web_notifications"
    __table_args__ = (
        Index("idx_web_notifications_waiting", "due_at", postgresql_where=text("status = 'waiting'")),
        Index("idx_web_notifications_created", "created_at"),
    )

    id: UUID = Field(primary_key=True)
    alert_id: UUID | None = Field(default=None, foreign_key="web_alerts.id", ondelete="CASCADE", nullable=True)
    channel_id: UUID | None = Field(
        default=None, foreign_key="web_alert_channels.id", ondelete="SET NULL", nullable=True
    )
    channel_name: str = Field(max_length=50)
    kind: str = Field(max_length=10)
    severity: str = Field(max_length=10)
    title: str = Field(max_length=200)
    body: str = Field(sa_type=Text)
    status: str = Field(max_length=10)
    created_at: datetime = timestamptz()
    due_at: datetime = timestamptz()
    leased_until: datetime | None = timestamptz(nullable=True)
    attempts: int
    give_up_at: datetime | None = timestamptz(nullable=True)
    done_at: datetime | None = timestamptz(nullable=True)
    error: str | None = Field(default=None, max_length=300)


class MaintenanceWindow(SQLModel, table=True):
    """A time in which some or all bots do not alert; every week again when ``is_weekly``, by its zone's clocks."""

    __tablename__ = "web_maintenance_windows"

    id: UUID = Field(primary_key=True)
    name: str = Field(max_length=80)
    bots: list[str] | None = Field(default=None, sa_type=JSONB)
    starts_at: datetime = timestamptz()
    ends_at: datetime = timestamptz()
    is_weekly: bool
    time_zone: str = Field(max_length=64)
    created_by: str = Field(max_length=50)
