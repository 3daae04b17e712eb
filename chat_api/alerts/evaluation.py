"""One evaluation of all rules: the states of subjects, the alerts that follow from them, and their messages.

Everything happens in the caller's transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from chat_api.alerts import grouping as alert_groups
from chat_api.alerts import outbox_repository as outbox
from chat_api.alerts import repository as alerts
from chat_api.alerts import rules as alert_rules
from chat_api.alerts.notifications import notification
from chat_api.alerts.schemas import (
    AlertView,
    Channel,
    MetricsSnapshot,
    RuleView,
    SubjectState,
)
from chat_api.alerts.settings_repository import WINDOWS
from chat_api.core.database import Connection
from chat_api.core.logging import get_logger
from chat_api.fleet.schemas import FleetView
from models import RuleKind

log = get_logger(__name__)

HOUR = timedelta(hours=1)


async def with_stored(
    connection: Connection,
    snapshot: MetricsSnapshot,
    rules: Mapping[UUID, RuleView],
    view: FleetView,
    now: datetime,
) -> MetricsSnapshot:
    """The snapshot with what only the database knows: restarts and maintenance windows."""
    active = [window for window in await WINDOWS.all(connection, now=now) if window.is_active]
    muted = {bot.name for bot in view.bots if any(one.bots is None or bot.name in one.bots for one in active)}
    restarts: Mapping[str, int] = {}
    if any(rule.kind is RuleKind.RESTARTS for rule in rules.values()):
        restarts = await alerts.restarts_since(connection, now - HOUR)
    return replace(snapshot, muted=snapshot.muted | muted, restarts=restarts)


async def evaluate_subjects(
    connection: Connection,
    rules: Mapping[UUID, RuleView],
    view: FleetView,
    snapshot: MetricsSnapshot,
    now: datetime,
) -> list[SubjectState]:
    """Evaluate every rule and store the states that changed; returns those of all subjects that are not OK."""
    stored = await alerts.subjects(connection)
    after: list[SubjectState] = []
    for rule in rules.values():
        mine = {state.subject: state for state in stored if state.rule_id == rule.rule_id}
        after += alert_rules.steps(rule, mine, alert_rules.readings(rule, view, snapshot, now), now)
    keep = {(state.rule_id, state.subject) for state in after}
    gone = [key for key in ((state.rule_id, state.subject) for state in stored) if key not in keep]
    await alerts.drop_subjects(connection, gone)
    known = set(stored)
    await alerts.put_subjects(connection, [state for state in after if state not in known])
    return after


async def change_alerts(
    connection: Connection,
    before: Mapping[str, AlertView],
    firing: Mapping[str, alert_groups.Group],
    channels: Sequence[Channel],
    now: datetime,
    *,
    fleet: Collection[str],
    without_message: Collection[str] = (),
) -> tuple[AlertView, ...]:
    """Store what changed of each alert and queue its messages; returns the open alerts, the worst first.

    ``without_message``: keys of alerts that were notified in another way.
    """
    after: list[AlertView] = []
    for change in alert_groups.changes(before, firing, now, fleet=fleet):
        alert = change.alert
        recipients = [one for one in channels if _is_recipient(one, change)] if change.tell else []
        if alert.key in without_message:
            recipients = []
        alert = replace(
            alert,
            notified_channels=tuple(sorted({*alert.notified_channels, *(str(one.channel_id) for one in recipients)})),
        )
        if alert != before.get(alert.key):
            await alerts.put_alert(connection, alert)
        if change.tell is not None:
            log.info(
                "alert_notified", kind=change.tell, severity=alert.severity, key=alert.key, channels=len(recipients)
            )
            await outbox.put(connection, [notification(alert, change.tell, one, now) for one in recipients])
        if alert.resolved_at is None:
            after.append(alert)
    return by_urgency(after)


def by_urgency(found: Sequence[AlertView]) -> tuple[AlertView, ...]:
    """Alerts with the worst first, then the oldest."""
    return tuple(sorted(found, key=lambda one: (-alert_groups.RANK[one.severity], one.opened_at, one.key)))


def _is_recipient(channel: Channel, change: alert_groups.Change) -> bool:
    """The end goes to the channels that were notified; anything else to the rules' channels for this severity."""
    if change.group is None:
        return str(channel.channel_id) in change.alert.notified_channels
    is_meant = change.group.channels is None or channel.channel_id in change.group.channels
    return is_meant and change.alert.severity in channel.severities
