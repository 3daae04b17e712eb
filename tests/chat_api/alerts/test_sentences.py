"""Whatever a rule finds is told in sentences that can be shown in another language."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from chat_api.alerts.grouping import groups
from chat_api.alerts.notifications import message
from chat_api.alerts.rules import readings, steps
from chat_api.alerts.schemas import AlertView, MetricsSnapshot, RuleView
from chat_api.core.ids import new_id
from chat_api.core.language import speaking
from chat_api.core.stored_sentences import template_of
from chat_api.fleet.schemas import (
    BotPolicy,
    BotStatistics,
    BotStatus,
    BotView,
    Fault,
    FleetView,
    Reason,
    RecentAnswers,
    ServiceStatus,
    ServiceView,
    SystemStatus,
)
from models import AlertStatus, NoData, NotificationKind, RuleKind, Severity

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
ALERT = AlertView(
    alert_id=new_id(),
    key="rule:1",
    status=AlertStatus.FIRING,
    severity=Severity.CRITICAL,
    title="Elena is offline",
    body="Elena is offline",
    subjects=("Elena",),
    opened_at=NOW - timedelta(minutes=5),
)
BOT = BotView(
    name="elena",
    display_name="Elena",
    description="",
    emoji="",
    port=None,
    status=BotStatus.ONLINE,
    error="Connection refused",
    reasons=(Reason(fault=Fault.SILENT, words="no answer"),),
    figures=BotStatistics(recent_p95_ms=30_000),
    recent=RecentAnswers(calls=20, failures=19),
    policy=BotPolicy(bot_name="elena", changed_at=NOW, quarantined_at=NOW),
)
REDIS = ServiceView(name="redis", title="Redis", status=ServiceStatus.UNHEALTHY, fault="takes no writes")
BAD = MetricsSnapshot(disk_free=0.01, loop_lag_ms=9_000, restarts={"elena": 9, "marcus": 9})
UNKNOWN = MetricsSnapshot(disk_free=None, loop_lag_ms=None)


@pytest.mark.parametrize("kind", RuleKind)
def test_every_title_is_a_sentence_of_a_known_template(kind: RuleKind) -> None:
    """Of one bot and of two, in every status; and so is the title of each message about it."""
    rule = RuleView(
        rule_id=new_id(), name="My rule", kind=kind, threshold=0.5, for_s=0, keep_firing_for_s=0, no_data=NoData.ALERT
    )
    found = set()
    for status in BotStatus:
        bots = tuple(replace(BOT, name=name, display_name=name.title(), status=status) for name in ("elena", "marcus"))
        for shown in (bots[:1], bots, tuple(replace(bot, reasons=(), recent=None, figures=None) for bot in bots)):
            for snapshot in (BAD, UNKNOWN):
                found |= _titles(rule, shown, snapshot)
    assert found
    for title in found:
        assert template_of(title), title
        for told in (NotificationKind.FIRING, NotificationKind.REPEAT, NotificationKind.RESOLVED):
            assert template_of(message(replace(ALERT, title=title), told, NOW)[0]), (told, title)


def test_messages_are_in_the_language_of_the_deployment() -> None:
    """What the worker writes for channels, whose readers ask for no page."""
    with speaking("de"):
        title, _body = message(ALERT, NotificationKind.FIRING, NOW)
    assert title == "Elena ist offline"


def _titles(rule: RuleView, bots: tuple[BotView, ...], snapshot: MetricsSnapshot) -> set[str]:
    view = FleetView(version=1, status=SystemStatus.HEALTHY, headline="", started_at=NOW, bots=bots, services=(REDIS,))
    states = list(steps(rule, {}, readings(rule, view, snapshot, NOW), NOW))
    return {group.title for group in groups({rule.rule_id: rule}, states, view).values()}
