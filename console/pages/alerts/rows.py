"""The tables of the Alerts page: their columns, and what of an alert, a rule or a channel goes where."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from chat_api.alerts.schemas import (
    AlertView,
    ChannelView,
    NotificationRecord,
    RuleDraft,
    RuleView,
    SubjectState,
    WindowView,
)
from chat_api.core.language import N_, _, ngettext
from chat_api.core.stored_sentences import in_own_language
from console.pages.alerts import labels
from console.widgets.action_table import action
from console.widgets.records import column
from models import AlertStatus, Severity, SubjectStatus

ALERTS = (
    column("severity", N_("Severity"), kind="status"),
    column("title", N_("Alert"), kind="long"),
    column("subjects", N_("Affected"), kind="long"),
    column("opened_at", N_("Started"), kind="time"),
    column("state", N_("Notified")),
)
RULES = (
    column("name", N_("Rule")),
    column("condition", N_("Alerts when"), kind="long"),
    column("severity", N_("Severity"), kind="status"),
    column("bots", N_("Bots")),
    column("channels", N_("Channels")),
    column("repeat", N_("Repeats")),
    column("state", N_("State")),
)
CHANNELS = (
    column("name", N_("Channel")),
    column("url", N_("Address")),
    column("severities", N_("Severities")),
    column("quiet", N_("Quiet hours")),
    column("state", N_("State"), kind="status"),
)
WINDOWS = (
    column("name", N_("Window")),
    column("bots", N_("Bots")),
    column("starts_at", N_("From"), kind="time"),
    column("ends_at", N_("Until"), kind="time"),
    column("repeats", N_("Repeats")),
    column("state", N_("State"), kind="status"),
    column("by", N_("By")),
)
HISTORY = (
    column("created_at", N_("Time"), kind="time"),
    column("status", N_("Result"), kind="status"),
    column("title", N_("Message"), kind="long"),
    column("kind", N_("Event")),
    column("channel", N_("Channel")),
    column("attempts", N_("Attempts"), kind="number"),
    column("error", N_("Error"), kind="long"),
)
_FOUND = {
    SubjectStatus.PENDING: N_("{count} pending"),
    SubjectStatus.FIRING: N_("{count} firing"),
    SubjectStatus.NO_DATA: N_("{count} without data"),
}


def of_alert(alert: AlertView, *, is_allowed: bool) -> dict[str, Any]:
    """One alert; of a silenced one it says who silenced it, and why."""
    if alert.silenced_until is not None:
        state = _(
            "silenced by {name} until {time}: {reason}",
            name=alert.silenced_by,
            time=labels.until(alert.silenced_until),
            reason=alert.silence_reason,
        )
        offered = [action("end", _("End silence"))]
    else:
        state = _notified(alert)
        offered = [action("silence", _("Silence"))]
    return {
        "key": str(alert.alert_id),
        "called": in_own_language(alert.title),
        "title": in_own_language(alert.title),
        "subjects": ", ".join(alert.subjects[:20]),
        "opened_at": alert.opened_at.isoformat(),
        "state": state,
        "actions": offered if is_allowed else [],
    } | _severity(alert.severity)


def _notified(alert: AlertView) -> str:
    if alert.status is AlertStatus.PENDING:
        return _("pending")
    count = len(alert.notified_channels)
    return ngettext("{count} channel", "{count} channels", count) if count else _("no one (no matching channel)")


def of_rule(
    rule: RuleView, channels: Mapping[UUID, str], states: Sequence[SubjectState], *, is_allowed: bool
) -> dict[str, Any]:
    """One rule in words, with how many subjects are not well for it."""
    counts = Counter(state.status for state in states if state.rule_id == rule.rule_id)
    found = [_(text, count=counts[status]) for status, text in _FOUND.items() if counts[status]]
    names = [channels.get(one, _("deleted channel")) for one in rule.channels or ()]
    toggle = action("switch", _("Turn off") if rule.is_enabled else _("Turn on"))
    return {
        "key": str(rule.rule_id),
        "called": rule.name,
        "name": rule.name,
        "condition": labels.condition(rule),
        "bots": labels.who(rule.bots),
        "channels": _("all") if rule.channels is None else ", ".join(names),
        "repeat": labels.duration(rule.repeat_s) if rule.repeat_s else _("never"),
        "state": ", ".join([_("on"), *found]) if rule.is_enabled else _("off"),
        "actions": [toggle, *_edit_and_delete()] if is_allowed else [],
    } | _severity(rule.severity)


def toggled(rule: RuleView) -> RuleDraft:
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
        "severities": ", ".join(_(labels.SEVERITIES[one]) for one in channel.severities),
        "quiet": f"{quiet.starts}–{quiet.ends} {quiet.time_zone}" if quiet else _("none"),
        "state": _("on") if channel.is_enabled else _("off"),
        "tone": tone,
        "symbol": symbol,
        "actions": [action("test", _("Test")), *_edit_and_delete()] if is_allowed else [],
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
        "repeats": _("weekly ({zone})", zone=window.time_zone) if window.is_weekly else _("once"),
        "state": _("active") if window.is_active else _("not active"),
        "by": window.created_by,
        "tone": tone,
        "symbol": symbol,
        "actions": _edit_and_delete() if is_allowed else [],
    }


def of_notification(one: NotificationRecord) -> dict[str, Any]:
    """One message of the history."""
    tone, symbol = labels.SENT_TONES[one.status]
    return {
        "key": str(one.notification_id),
        "created_at": one.created_at.isoformat(),
        "status": _(labels.SENT[one.status]),
        "title": in_own_language(one.title),
        "kind": _(labels.SENT_KINDS[one.kind]) if one.kind else "–",
        "channel": one.channel_name,
        "attempts": one.attempts,
        "error": one.error or "",
        "tone": tone,
        "symbol": symbol,
    }


def _edit_and_delete() -> list[dict[str, str]]:
    return [action("edit", _("Edit")), action("delete", _("Delete"))]


def _severity(severity: Severity) -> dict[str, str]:
    tone, symbol = labels.SEVERITY_TONES[severity]
    return {"severity": _(labels.SEVERITIES[severity]), "tone": tone, "symbol": symbol}
