"""How alerts end."""

from datetime import UTC, datetime, timedelta

import pytest

from chat_api.alerts.grouping import changes
from chat_api.alerts.notifications import message
from chat_api.alerts.schemas import AlertView
from chat_api.alerts.sentences import LEFT
from chat_api.core.ids import new_id
from models import AlertStatus, NotificationKind, Severity

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(("fleet", "has_left"), [({"marcus"}, True), ({"elena", "marcus"}, False)])
def test_an_alert_of_a_bot_that_left_says_so(fleet: set[str], has_left: bool) -> None:
    """Nothing became better: the message that it is over says that the bot left the fleet."""
    alert = AlertView(
        alert_id=new_id(),
        key="rule:1",
        status=AlertStatus.FIRING,
        severity=Severity.CRITICAL,
        title="Elena is offline",
        body="Elena is offline",
        subjects=("Elena",),
        opened_at=NOW - timedelta(minutes=5),
        notified_at=NOW - timedelta(minutes=4),
        notified_subjects=("bot:elena",),
    )
    (change,) = changes({alert.key: alert}, {}, NOW, fleet=fleet)
    assert (change.alert.status, change.tell) == (AlertStatus.RESOLVED, NotificationKind.RESOLVED)
    assert (LEFT in message(change.alert, NotificationKind.RESOLVED, NOW)[1]) is has_left
