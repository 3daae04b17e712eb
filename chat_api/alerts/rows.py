"""Between rows and what services give: nothing is decided here."""

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from chat_api.alerts.apprise_sender import masked
from chat_api.alerts.quiet_hours import is_active
from chat_api.alerts.schemas import (
    AlertView,
    ChannelDraft,
    ChannelView,
    NotificationView,
    QuietHours,
    RuleDraft,
    RuleView,
    SubjectState,
    WindowDraft,
    WindowView,
)
from models import (
    AlertStatus,
    NoData,
    NotificationKind,
    NotificationStatus,
    RuleKind,
    Severity,
    SubjectStatus,
)

Row = Mapping[Any, Any]
R = TypeVar("R", bound=Row)


def rule_view(row: Row) -> RuleView:
    """A stored rule."""
    return RuleView(
        rule_id=row["id"],
        name=row["name"],
        kind=RuleKind(row["kind"]),
        threshold=row["threshold"],
        bots=_names(row["bots"]),
        for_s=row["for_s"],
        keep_firing_for_s=row["keep_firing_for_s"],
        no_data=NoData(row["no_data"]),
        severity=Severity(row["severity"]),
        channels=tuple(UUID(one) for one in row["channels"]) if row["channels"] is not None else None,
        repeat_s=row["repeat_s"],
        is_enabled=row["is_enabled"],
    )


def rule_values(rule: RuleDraft) -> dict[str, Any]:
    """A rule's columns."""
    return {
        "name": rule.name,
        "kind": rule.kind.value,
        "threshold": rule.threshold,
        "bots": list(rule.bots) if rule.bots is not None else None,
        "for_s": rule.for_s,
        "keep_firing_for_s": rule.keep_firing_for_s,
        "no_data": rule.no_data.value,
        "severity": rule.severity.value,
        "channels": [str(one) for one in rule.channels] if rule.channels is not None else None,
        "repeat_s": rule.repeat_s,
        "is_enabled": rule.is_enabled,
    }


def quiet_hours(row: Row) -> QuietHours | None:
    """The quiet hours of a stored channel. Raises: ValueError, KeyError, TypeError for those that no clock has."""
    if row["quiet_from"] is None or row["quiet_to"] is None:
        return None
    for moment in (row["quiet_from"], row["quiet_to"]):
        time.fromisoformat(moment)
    ZoneInfo(row["time_zone"])
    return QuietHours(
        starts=row["quiet_from"],
        ends=row["quiet_to"],
        time_zone=row["time_zone"],
        does_critical_break=row["does_critical_break_quiet"],
    )


def channel_view(row: Row) -> ChannelView:
    """A stored channel without its address."""
    return ChannelView(
        channel_id=row["id"],
        name=row["name"],
        masked_url=masked(row["url"]),
        severities=tuple(Severity(one) for one in row["severities"]),
        quiet=quiet_hours(row),
        is_enabled=row["is_enabled"],
    )


def readable_channel(row: R) -> R:
    """A stored channel with its address, as it is. Raises: as :func:`channel_view` for one that cannot be read."""
    channel_view(row)
    return row


def channel_values(channel: ChannelDraft) -> dict[str, Any]:
    """A channel's columns; the address only when there is one to store."""
    quiet = channel.quiet
    values = {
        "name": channel.name,
        "severities": [one.value for one in Severity if one in channel.severities],
        "quiet_from": quiet.starts if quiet else None,
        "quiet_to": quiet.ends if quiet else None,
        "time_zone": quiet.time_zone if quiet else "UTC",
        "does_critical_break_quiet": quiet.does_critical_break if quiet else True,
        "is_enabled": channel.is_enabled,
    }
    return values | ({"url": channel.url} if channel.url is not None else {})


def window_view(row: Row, now: datetime) -> WindowView:
    """A stored maintenance window."""
    return WindowView(
        window_id=row["id"],
        created_by=row["created_by"],
        is_active=is_active(_window_draft(row), now),
        name=row["name"],
        bots=_names(row["bots"]),
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        is_weekly=row["is_weekly"],
        time_zone=row["time_zone"],
    )


def window_values(window: WindowDraft) -> dict[str, Any]:
    """A window's columns."""
    return {
        "name": window.name,
        "bots": list(window.bots) if window.bots is not None else None,
        "starts_at": window.starts_at,
        "ends_at": window.ends_at,
        "is_weekly": window.is_weekly,
        "time_zone": window.time_zone,
    }


def subject_state(row: Row) -> SubjectState:
    """A stored state."""
    return SubjectState(**(dict(row) | {"status": SubjectStatus(row["status"])}))


def subject_values(state: SubjectState) -> dict[str, Any]:
    """A state's columns."""
    return {
        "rule_id": state.rule_id,
        "subject": state.subject,
        "status": state.status.value,
        "since": state.since,
        "fired_at": state.fired_at,
        "well_since": state.well_since,
        "words": state.words,
        "cause": state.cause,
        "cause_lost_at": state.cause_lost_at,
    }


def alert_view(row: Row) -> AlertView:
    """A stored alert."""
    return AlertView(
        alert_id=row["id"],
        key=row["key"],
        status=AlertStatus(row["status"]),
        severity=Severity(row["severity"]),
        title=row["title"],
        body=row["body"],
        subjects=tuple(row["subjects"]),
        opened_at=row["opened_at"],
        told_subjects=tuple(row["told_subjects"]),
        told_channels=tuple(row["told_channels"]),
        told_at=row["told_at"],
        resolved_at=row["resolved_at"],
        silenced_until=row["silenced_until"],
        silenced_by=row["silenced_by"],
        silence_reason=row["silence_reason"],
    )


def alert_values(alert: AlertView) -> dict[str, Any]:
    """An alert's columns but who silenced it, which operators set."""
    return {
        "id": alert.alert_id,
        "key": alert.key,
        "status": alert.status.value,
        "severity": alert.severity.value,
        "title": alert.title,
        "body": alert.body,
        "subjects": list(alert.subjects),
        "told_subjects": list(alert.told_subjects),
        "told_channels": list(alert.told_channels),
        "opened_at": alert.opened_at,
        "told_at": alert.told_at,
        "resolved_at": alert.resolved_at,
    }


def notification_view(row: Row) -> NotificationView:
    """One message of the history."""
    return NotificationView(
        notification_id=row["id"],
        alert_id=row["alert_id"],
        channel_name=row["channel_name"],
        kind=NotificationKind(row["kind"]),
        severity=Severity(row["severity"]),
        title=row["title"],
        status=NotificationStatus(row["status"]),
        created_at=row["created_at"],
        due_at=row["due_at"],
        attempts=row["attempts"],
        done_at=row["done_at"],
        error=row["error"],
    )


def _names(names: list[str] | None) -> tuple[str, ...] | None:
    return tuple(names) if names is not None else None


def _window_draft(row: Row) -> WindowDraft:
    return WindowDraft(
        name=row["name"],
        starts_at=row["starts_at"],
        ends_at=row["ends_at"],
        is_weekly=row["is_weekly"],
        time_zone=row["time_zone"],
    )
