"""The tables of the Alerts page: their columns, and what of an alert, a rule or a channel goes where."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from chat_api.alerts.schemas import (
    AlertView,
    ChannelView,
    NotificationView,
    RuleDraft,
    RuleView,
    SubjectState,
    WindowView,
)
from console.pages.alerts import labels
from console.widgets.action_table import action
from console.widgets.dialogs import counted
from console.widgets.records import column
from models import AlertStatus, Severity, SubjectStatus

ALERTS = (
    column("severity", "Severity", kind="status"),
    column("title", "What is wrong", kind="long"),
    column("subjects", "Affected", kind="long"),
    column("opened_at", "Since", kind="time"),
    column("state", "Notified"),
)
RULES = (
    column("name", "Rule"),
    column("condition", "Alerts when", kind="long"),
    column("severity", "Severity", kind="status"),
    column("bots", "Bots"),
    column("channels", "Channels"),
    column("repeat", "Repeats"),
    column("state", "State"),
)
CHANNELS = (
    column("name", "Channel"),
    column("url", "Address"),
    column("severities", "Severities"),
    column("quiet", "Quiet hours"),
    column("state", "State", kind="status"),
)
WINDOWS = (
    column("name", "Window"),
    column("bots", "Bots"),
    column("starts_at", "From", kind="time"),
    column("ends_at", "Until", kind="time"),
    column("repeats", "Repeats"),
    column("state", "State", kind="status"),
    column("by", "By"),
)
HISTORY = (
    column("created_at", "When", kind="time"),
    column("status", "Result", kind="status"),
    column("title", "Message", kind="long"),
    column("kind", "Why"),
    column("channel", "Channel"),
    column("attempts", "Attempts", kind="number"),
    column("error", "Reason", kind="long"),
)
_EDIT, _DELETE = action("edit", "Edit"), action("delete", "Delete")


def of_alert(alert: AlertView, *, is_allowed: bool) -> dict[str, Any]:
    """One alert; of a silenced one it says who silenced it, and why."""
    if alert.silenced_until is not None:
        state = f"silenced by {alert.silenced_by} until {labels.until(alert.silenced_until)}"
        state += f": {alert.silence_reason}"
        offered = [action("end", "End silence")]
    else:
        state = _told(alert)
        offered = [action("silence", "Silence")]
    return {
        "key": str(alert.alert_id),
        "called": alert.title,
        "title": alert.title,
        "subjects": ", ".join(alert.subjects[:20]),
        "opened_at": alert.opened_at.isoformat(),
        "state": state,
        "actions": offered if is_allowed else [],
    } | _severity(alert.severity)


def _told(alert: AlertView) -> str:
    if alert.status is AlertStatus.PENDING:
        return "waits a moment"
    count = len(alert.told_channels)
    return counted(count, "channel") if count else "no one: no matching channel"


def of_rule(
    rule: RuleView, channels: Mapping[UUID, str], states: Sequence[SubjectState], *, is_allowed: bool
) -> dict[str, Any]:
    """One rule in words, with how many subjects are not well for it."""
    counts = Counter(state.status for state in states if state.rule_id == rule.rule_id)
    found = [f"{counts[status]} {status.replace('_', ' ')}" for status in SubjectStatus if counts[status]]
    told = "all" if rule.channels is None else ", ".join(channels.get(one, "deleted") for one in rule.channels)
    switch = action("switch", "Turn off" if rule.is_enabled else "Turn on")
    return {
        "key": str(rule.rule_id),
        "called": rule.name,
        "name": rule.name,
        "condition": labels.condition(rule),
        "bots": labels.who(rule.bots),
        "channels": told,
        "repeat": labels.duration(rule.repeat_s) if rule.repeat_s else "never",
        "state": ", ".join(["on", *found]) if rule.is_enabled else "off",
        "actions": [switch, _EDIT, _DELETE] if is_allowed else [],
    } | _severity(rule.severity)


def switched(rule: RuleView) -> RuleDraft:
    """The same rule, off when it was on."""
    values = {field.name: getattr(rule, field.name) for field in fields(RuleDraft)}
    return RuleDraft(**(values | {"is_enabled": not rule.is_enabled}))


def of_channel(channel: ChannelView, *, is_allowed: bool) -> dict[str, Any]:
    """One channel; of its address only the kind."""
    quiet = channel.quiet
    tone, symbol = ("ok", "online") if channel.is_enabled else ("idle", "paused")
    return {
        "key": str(channel.channel_id),
        "called": channel.name,
        "name": channel.name,
        "url": channel.masked_url,
        "severities": ", ".join(channel.severities),
        "quiet": f"{quiet.starts}–{quiet.ends} {quiet.time_zone}" if quiet else "none",
        "state": "on" if channel.is_enabled else "off",
        "tone": tone,
        "symbol": symbol,
        "actions": [action("test", "Test"), _EDIT, _DELETE] if is_allowed else [],
    }


def of_window(window: WindowView, *, is_allowed: bool) -> dict[str, Any]:
    """One maintenance window."""
    tone, symbol = ("violet", "maintenance") if window.is_active else ("idle", "paused")
    return {
        "key": str(window.window_id),
        "called": window.name,
        "name": window.name,
        "bots": labels.who(window.bots),
        "starts_at": window.starts_at.isoformat(),
        "ends_at": window.ends_at.isoformat(),
        "repeats": f"weekly ({window.time_zone})" if window.is_weekly else "once",
        "state": "active now" if window.is_active else "not active",
        "by": window.created_by,
        "tone": tone,
        "symbol": symbol,
        "actions": [_EDIT, _DELETE] if is_allowed else [],
    }


def of_notification(one: NotificationView) -> dict[str, Any]:
    """One message of the history."""
    tone, symbol = labels.SENT_TONES[one.status]
    return {
        "key": str(one.notification_id),
        "created_at": one.created_at.isoformat(),
        "status": one.status,
        "title": one.title,
        "kind": labels.SENT_KINDS[one.kind],
        "channel": one.channel_name,
        "attempts": one.attempts,
        "error": one.error or "",
        "tone": tone,
        "symbol": symbol,
    }


def _severity(severity: Severity) -> dict[str, str]:
    tone, symbol = labels.SEVERITY_TONES[severity]
    return {"severity": labels.SEVERITIES[severity].lower(), "tone": tone, "symbol": symbol}
