"""What the table of alerts says of one."""

from datetime import UTC, datetime
from uuid import uuid4

import pytest

from chat_api.alerts.schemas import AlertView
from console.pages.alerts.rows import of_alert
from models import AlertStatus, Severity


@pytest.mark.parametrize(
    ("status", "channels", "told"),
    [
        (AlertStatus.PENDING, (), "pending"),
        (AlertStatus.FIRING, (), "no one (no matching channel)"),
        (AlertStatus.FIRING, ("one",), "1 channel"),
        (AlertStatus.FIRING, ("one", "two"), "2 channels"),
    ],
)
def test_an_alert_that_nobody_was_told_of_says_so(status: AlertStatus, channels: tuple[str, ...], told: str) -> None:
    """Without a channel the page is the only place where it can be seen."""
    alert = AlertView(
        alert_id=uuid4(),
        key="bot:elena",
        status=status,
        severity=Severity.CRITICAL,
        title="Elena is offline",
        body="",
        subjects=("elena",),
        opened_at=datetime.now(UTC),
        notified_channels=channels,
    )
    assert of_alert(alert, is_allowed=True)["state"] == told
