"""What the Alerts page calls things."""

from datetime import datetime

from chat_api.alerts.schemas import RuleView
from chat_api.core.language import N_, _
from console.widgets.quantities import localized, percent
from models import NoData, NotificationKind, NotificationStatus, RuleKind, Severity

NAMED = 3
KINDS = {
    RuleKind.BOT_DOWN: N_("Bot is down"),
    RuleKind.BOT_DEGRADED: N_("Bot is degraded"),
    RuleKind.SLOW_P95: N_("Answers are slow (p95)"),
    RuleKind.ERROR_RATE: N_("Answers fail"),
    RuleKind.RESTARTS: N_("Restarts in an hour"),
    RuleKind.QUARANTINED: N_("Bot is quarantined"),
    RuleKind.SERVICE_DOWN: N_("Service is down"),
    RuleKind.DISK: N_("Disk is almost full"),
    RuleKind.NO_DATA: N_("No data"),
    RuleKind.LOOP_LAG: N_("High event-loop lag"),
}
THRESHOLDS = {
    RuleKind.SLOW_P95: N_("Milliseconds, e.g. 5000"),
    RuleKind.ERROR_RATE: N_("Share of answers, e.g. 0.2 for 20%"),
    RuleKind.RESTARTS: N_("Restarts per hour, e.g. 3"),
    RuleKind.DISK: N_("Free space, e.g. 0.1 for 10%"),
    RuleKind.LOOP_LAG: N_("Milliseconds, e.g. 250"),
}
NO_DATA = {
    NoData.KEEP: N_("Keep last state"),
    NoData.OK: N_("Treat as OK"),
    NoData.ALERT: N_("Alert"),
}
SEVERITIES = {Severity.INFO: N_("Info"), Severity.WARNING: N_("Warning"), Severity.CRITICAL: N_("Critical")}
SEVERITY_TONES = {
    Severity.INFO: ("busy", "note"),
    Severity.WARNING: ("warn", "degraded"),
    Severity.CRITICAL: ("bad", "offline"),
}
SENT = {
    NotificationStatus.WAITING: N_("Waiting"),
    NotificationStatus.SENT: N_("Sent"),
    NotificationStatus.FAILED: N_("Failed"),
}
SENT_TONES = {
    NotificationStatus.WAITING: ("busy", "starting"),
    NotificationStatus.SENT: ("ok", "online"),
    NotificationStatus.FAILED: ("bad", "offline"),
}
SENT_KINDS = {
    NotificationKind.FIRING: N_("Fired"),
    NotificationKind.CHANGED: N_("Updated"),
    NotificationKind.REPEAT: N_("Repeated"),
    NotificationKind.RESOLVED: N_("Resolved"),
    NotificationKind.TEST: N_("Test"),
    NotificationKind.REPORT: N_("Daily report"),
}


def duration(seconds: float) -> str:
    """A time span in the largest unit that fits."""
    for unit, size in ((_("d"), 86_400), (_("h"), 3600), (_("min"), 60)):
        if seconds >= size and seconds % size == 0:
            return f"{localized(f'{seconds / size:g}')} {unit}"
    return f"{localized(f'{seconds:g}')} {_('s')}"


def condition(rule: RuleView) -> str:
    """When a rule fires, in words."""
    limit = rule.threshold or 0
    number, share = localized(f"{limit:g}"), percent(f"{100 * limit:.0f}")
    limits = {
        RuleKind.SLOW_P95: _("slower than {limit}", limit=duration(limit / 1000)),
        RuleKind.ERROR_RATE: _("more than {limit}", limit=share),
        RuleKind.RESTARTS: _("more than {limit}", limit=number),
        RuleKind.DISK: _("less than {limit} free", limit=share),
        RuleKind.LOOP_LAG: _("more than {limit}", limit=f"{number} ms"),
    }
    text = _(KINDS[rule.kind])
    if rule.kind in limits:
        text += f": {limits[rule.kind]}"
    return _("{condition}, for {time}", condition=text, time=duration(rule.for_s)) if rule.for_s else text


def who(bots: tuple[str, ...] | None) -> str:
    """Which bots are meant."""
    if bots is None:
        return _("all")
    names = ", ".join(bots[:NAMED])
    return _("{names} and {count} more", names=names, count=len(bots) - NAMED) if len(bots) > NAMED else names


def until(moment: datetime) -> str:
    """A time for people, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
