"""The messages about alerts, in the language of the deployment: there is no request to take one from."""

from datetime import datetime

from chat_api.alerts import sentences
from chat_api.alerts.schemas import AlertView, Channel, NotificationView
from chat_api.core.ids import new_id
from chat_api.core.language import N_, _
from chat_api.core.stored_sentences import in_own_language
from models import NotificationKind, Severity

_SEVERITIES = {Severity.INFO: N_("INFO"), Severity.WARNING: N_("WARNING"), Severity.CRITICAL: N_("CRITICAL")}
_AGAIN = {NotificationKind.REPEAT: sentences.STILL, NotificationKind.CHANGED: sentences.MORE}
_OVER = frozenset({sentences.LEFT, sentences.LEFT_ALL})


def notification(alert: AlertView, kind: NotificationKind, channel: Channel, now: datetime) -> NotificationView:
    """A message about an alert for one channel, to be sent at once."""
    title, body = message(alert, kind, now)
    return NotificationView(
        notification_id=new_id(),
        alert_id=alert.alert_id,
        channel_id=channel.channel_id,
        channel_name=channel.name,
        kind=kind,
        severity=alert.severity,
        title=title,
        body=body,
        created_at=now,
        due_at=now,
    )


def message(alert: AlertView, kind: NotificationKind, now: datetime) -> tuple[str, str]:
    """What a person reads: a title and a text."""
    if kind is NotificationKind.RESOLVED:
        left = f"{in_own_language(alert.body)} " if alert.body in _OVER else ""
        lasted_s = (now - alert.opened_at).total_seconds()
        return resolved_title(alert.title), f"{left}{lasted(lasted_s)} {since(alert.opened_at)}"
    title = _AGAIN[kind].format(what=alert.title) if kind in _AGAIN else alert.title
    return in_own_language(title)[:200], firing_body(alert.body, alert.severity, alert.opened_at)


def resolved_title(title: str) -> str:
    """What is over."""
    return in_own_language(sentences.RESOLVED.format(what=title))[:200]


def firing_body(body: str, severity: Severity, opened_at: datetime) -> str:
    """What is known, how bad it is, and since when."""
    lines = "\n".join(in_own_language(line) for line in body.split("\n"))
    return f"{lines}\n\n{_(_SEVERITIES[severity])}. {since(opened_at)}".strip()


def lasted(seconds: float) -> str:
    """How long something lasted, as a sentence."""
    minutes, rest_s = divmod(int(seconds), 60)
    return _("It lasted {minutes} min {seconds} s.", minutes=minutes, seconds=rest_s)


def since(at: datetime) -> str:
    """When something began, as a sentence."""
    return _("Since {time} UTC.", time=f"{at:%Y-%m-%d %H:%M:%S}")
