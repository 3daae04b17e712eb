"""Alerts as pages and the API show them, and the settings that operators may change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import AlertStatus, NoData, NotificationKind, NotificationStatus, RuleKind, Severity, SubjectStatus

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleDraft:
    """A requested rule. ``bots`` and ``channels`` None: all; ``repeat_s`` 0: notify once."""

    name: str
    kind: RuleKind
    threshold: float | None = None
    bots: tuple[str, ...] | None = None
    for_s: int = 60
    keep_firing_for_s: int = 60
    no_data: NoData = NoData.KEEP
    severity: Severity = Severity.WARNING
    channels: tuple[UUID, ...] | None = None
    repeat_s: int = 14_400
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView(RuleDraft, ReadModel):
    """A stored rule."""

    rule_id: Annotated[UUID, Field(serialization_alias="id")]


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours(ReadModel):
    """When a channel must not be disturbed: ``HH:MM`` to ``HH:MM`` in a time zone, also across midnight."""

    starts: str
    ends: str
    time_zone: str = "UTC"
    does_critical_break: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelDraft:
    """A requested channel. ``url`` None keeps the stored one."""

    name: str
    url: str | None = field(default=None, repr=False)
    severities: tuple[Severity, ...] = tuple(Severity)
    quiet: QuietHours | None = None
    is_enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel:
    """A stored channel. ``url`` is a secret that only the sender gets."""

    channel_id: UUID
    name: str
    url: str = field(repr=False)
    severities: tuple[Severity, ...]
    quiet: QuietHours | None
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelView(ReadModel):
    """A stored channel as anyone may see it, with only the kind of its address."""

    channel_id: Annotated[UUID, Field(serialization_alias="id")]
    name: str
    masked_url: Annotated[str, Field(serialization_alias="url", description="Masked.", examples=["ntfy://••••"])]
    severities: tuple[Severity, ...]
    quiet: QuietHours | None
    is_enabled: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowDraft:
    """A requested maintenance window; weekly ones keep their local time in ``time_zone``."""

    name: str
    bots: tuple[str, ...] | None = None
    starts_at: datetime
    ends_at: datetime
    is_weekly: bool = False
    time_zone: str = "UTC"

    def is_active_at(self, now: datetime) -> bool:
        """Whether it is active at ``now``; a weekly one also in later weeks."""
        if not self.is_weekly:
            return self.starts_at <= now < self.ends_at
        if now < self.starts_at:
            return False
        zone = ZoneInfo(self.time_zone)
        begin = self.starts_at.astimezone(zone)
        end = self.ends_at.astimezone(zone)
        weeks = (now.astimezone(zone).date() - begin.date()).days // 7
        # Adding to a local time keeps the clock time; last week's window may still be running.
        return any(
            (begin + week * WEEK).astimezone(UTC) <= now < (end + week * WEEK).astimezone(UTC)
            for week in (max(0, weeks - 1), weeks)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowView(WindowDraft, ReadModel):
    """A stored maintenance window."""

    window_id: Annotated[UUID, Field(serialization_alias="id")]
    created_by: str
    is_active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SubjectState:
    """The state of one subject of one rule while it is not OK; a subject that is OK has none.

    ``fired_at`` is set from when the rule fired until it is resolved, also while there is no data;
    ``healthy_since`` while its recovery is being confirmed. Nothing here changes while the situation is the same, so
    that nothing is written.
    """

    rule_id: UUID
    subject: str
    status: SubjectStatus
    since: datetime
    summary: str
    fired_at: datetime | None = None
    healthy_since: datetime | None = None
    cause: str | None = None
    cause_gone_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertView:
    """One root cause. ``subjects`` are the names of what is affected; silenced until ``silenced_until``."""

    alert_id: UUID
    key: str
    status: AlertStatus
    severity: Severity
    title: str
    body: str
    subjects: tuple[str, ...]
    opened_at: datetime
    notified_subjects: tuple[str, ...] = ()
    notified_channels: tuple[str, ...] = ()
    notified_at: datetime | None = None
    resolved_at: datetime | None = None
    silenced_until: datetime | None = None
    silenced_by: str | None = None
    silence_reason: str | None = None

    def is_silenced(self, now: datetime) -> bool:
        """Whether notifications are silenced at ``now``."""
        return self.silenced_until is not None and self.silenced_until > now


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationRecord:
    """One message to one channel with its result. A test has no alert, and the channel may have been deleted.

    ``kind`` and ``severity`` are None if they cannot be read, as in a row of another version.
    """

    notification_id: UUID
    alert_id: UUID | None
    channel_id: UUID | None
    channel_name: str
    kind: NotificationKind | None
    severity: Severity | None
    title: str
    body: str
    status: NotificationStatus = NotificationStatus.WAITING
    created_at: datetime
    due_at: datetime
    give_up_at: datetime | None = None
    attempts: int = 0
    done_at: datetime | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NotificationView(NotificationRecord):
    """A message that can be sent."""

    kind: NotificationKind
    severity: Severity


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableNotification:
    """A message that was given up because its row cannot be read; ``error`` says why."""

    channel_name: str
    title: str
    error: str


class Evaluation(StrEnum):
    """The result of one reading: ``hold`` neither starts nor ends anything."""

    OK = "ok"
    BAD = "bad"
    HOLD = "hold"
    NO_DATA = "no_data"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """One rule's reading of one subject (``bot:elena``, ``service:redis``, ``console``).

    ``summary`` says what is wrong; ``cause`` is the root cause; ``is_muted``: in maintenance.
    """

    subject: str
    title: str
    evaluation: Evaluation
    summary: str = ""
    cause: str | None = None
    is_muted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsSnapshot:
    """What rules need besides the fleet: each bot's restarts in the last hour, free disk share, loop lag."""

    restarts: Mapping[str, int] = field(default_factory=dict)
    disk_free: float | None = None
    loop_lag_ms: float | None = None
    muted: frozenset[str] = frozenset()
