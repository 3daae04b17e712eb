"""What the Alerts page calls things."""

from datetime import datetime

from chat_api.alerts.schemas import RuleView
from models import NoData, NotificationKind, NotificationStatus, RuleKind, Severity

KINDS = {
    RuleKind.BOT_DOWN: "Bot is down",
    RuleKind.BOT_DEGRADED: "Bot is degraded",
    RuleKind.SLOW_P95: "Answers are slow (p95)",
    RuleKind.ERROR_RATE: "Answers fail",
    RuleKind.RESTARTS: "Restarts in an hour",
    RuleKind.QUARANTINED: "Bot is quarantined",
    RuleKind.SERVICE_DOWN: "Service is down",
    RuleKind.DISK: "Disk is almost full",
    RuleKind.NO_DATA: "Nothing is heard",
    RuleKind.LOOP_LAG: "High event-loop lag",
}
THRESHOLDS = {
    RuleKind.SLOW_P95: "Milliseconds, e.g. 5000",
    RuleKind.ERROR_RATE: "Share of answers: 0.2 is 20 %",
    RuleKind.RESTARTS: "More than so many in an hour",
    RuleKind.DISK: "Free share: 0.1 is 10 %",
    RuleKind.LOOP_LAG: "Milliseconds, e.g. 250",
}
NO_DATA = {
    NoData.KEEP: "Keep last state",
    NoData.OK: "Take it as well",
    NoData.ALERT: "Alert",
}
SEVERITIES = {Severity.INFO: "Info", Severity.WARNING: "Warning", Severity.CRITICAL: "Critical"}
SEVERITY_TONES = {
    Severity.INFO: ("busy", "note"),
    Severity.WARNING: ("warn", "degraded"),
    Severity.CRITICAL: ("bad", "offline"),
}
SENT_TONES = {
    NotificationStatus.WAITING: ("busy", "starting"),
    NotificationStatus.SENT: ("ok", "online"),
    NotificationStatus.FAILED: ("bad", "offline"),
}
SENT_KINDS = {
    NotificationKind.FIRING: "began",
    NotificationKind.CHANGED: "grew",
    NotificationKind.REPEAT: "goes on",
    NotificationKind.RESOLVED: "resolved",
    NotificationKind.TEST: "test",
}


def duration(seconds: float) -> str:
    """A time span in the largest unit that fits."""
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def condition(rule: RuleView) -> str:
    """When a rule fires, in words."""
    limits = {
        RuleKind.SLOW_P95: f"slower than {duration((rule.threshold or 0) / 1000)}",
        RuleKind.ERROR_RATE: f"more than {rule.threshold or 0:.0%}",
        RuleKind.RESTARTS: f"more than {rule.threshold or 0:g}",
        RuleKind.DISK: f"less than {rule.threshold or 0:.0%} free",
        RuleKind.LOOP_LAG: f"more than {rule.threshold or 0:g} ms",
    }
    parts = [KINDS[rule.kind]]
    if rule.kind in limits:
        parts[0] += f": {limits[rule.kind]}"
    if rule.for_s:
        parts.append(f"for {duration(rule.for_s)}")
    return ", ".join(parts)


def who(bots: tuple[str, ...] | None) -> str:
    """Which bots are meant."""
    if bots is None:
        return "all"
    return ", ".join(bots[:3]) + (f" and {len(bots) - 3} more" if len(bots) > 3 else "")


def until(moment: datetime) -> str:
    """A time for people, in UTC."""
    return f"{moment:%Y-%m-%d %H:%M} UTC"
