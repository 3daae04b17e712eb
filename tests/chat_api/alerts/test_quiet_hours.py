"""Quiet hours and maintenance windows: past midnight, weekly, and past a change to summer time."""

import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta

import pytest

from chat_api.alerts.quiet_hours import quiet_until
from chat_api.alerts.schemas import QuietHours, WindowDraft
from models import Severity

NIGHT = QuietHours(starts="22:00", ends="07:00", time_zone="Europe/Berlin")


@pytest.mark.parametrize(
    ("now", "end"),
    [
        (datetime(2030, 1, 7, 20, 59, tzinfo=UTC), None),
        (datetime(2030, 1, 7, 21, 0, tzinfo=UTC), datetime(2030, 1, 8, 6, 0, tzinfo=UTC)),
        (datetime(2030, 1, 8, 5, 59, tzinfo=UTC), datetime(2030, 1, 8, 6, 0, tzinfo=UTC)),
        (datetime(2030, 1, 8, 6, 0, tzinfo=UTC), None),
        # The night of the change to summer time, 31 March 2030, ends an hour sooner.
        (datetime(2030, 3, 30, 22, 0, tzinfo=UTC), datetime(2030, 3, 31, 5, 0, tzinfo=UTC)),
    ],
)
def test_quiet_hours_go_past_midnight(now: datetime, end: datetime | None) -> None:
    """By the clocks of their zone; a critical alert breaks them when it may."""
    assert quiet_until(NIGHT, Severity.WARNING, now) == end
    assert quiet_until(NIGHT, Severity.CRITICAL, now) is None
    strict = QuietHours(starts="22:00", ends="07:00", time_zone="Europe/Berlin", does_critical_break=False)
    assert quiet_until(strict, Severity.CRITICAL, now) == end


@pytest.mark.parametrize(
    ("now", "end"),
    [
        # 25 October 2026: at 01:00 UTC clocks go from 03:00 back to 02:00, so that 02:30 comes twice.
        (datetime(2026, 10, 25, 0, 15, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 0, 45, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 1, 15, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
        (datetime(2026, 10, 25, 1, 30, tzinfo=UTC), None),
        # 29 March 2026: at 01:00 UTC they go from 02:00 to 03:00, so that 02:30 never comes.
        (datetime(2026, 3, 29, 0, 59, tzinfo=UTC), datetime(2026, 3, 29, 1, 30, tzinfo=UTC)),
    ],
)
def test_quiet_hours_end_later_than_now_whatever_clocks_do(now: datetime, end: datetime | None) -> None:
    """An end that is over already would be held until it comes, again and again."""
    quiet = QuietHours(starts="22:00", ends="02:30", time_zone="Europe/Berlin")
    assert quiet_until(quiet, Severity.WARNING, now) == end


def test_a_weekly_window_keeps_its_hour() -> None:
    """23:00 to 01:00 in Berlin each Sunday: 22:00 UTC in winter, 21:00 in summer; not before its first week."""
    begin = datetime(2030, 1, 6, 22, 0, tzinfo=UTC)
    window = WindowDraft(
        name="w", starts_at=begin, ends_at=begin + timedelta(hours=2), is_weekly=True, time_zone="Europe/Berlin"
    )
    summer = datetime(2030, 7, 7, 21, 0, tzinfo=UTC)
    seen = {
        begin - timedelta(days=7) + timedelta(minutes=30): False,
        begin + timedelta(minutes=30): True,
        begin + timedelta(hours=2): False,
        begin + timedelta(days=7, minutes=119): True,
        begin + timedelta(days=3): False,
        summer - timedelta(minutes=1): False,
        summer: True,
        summer + timedelta(minutes=119): True,
        summer + timedelta(hours=2): False,
    }
    assert {moment: window.is_active_at(moment) for moment in seen} == seen


def test_zones_come_along() -> None:
    """A system without its own table of zones knows them all the same."""
    code = "from zoneinfo import ZoneInfo; print(ZoneInfo('Europe/Berlin'), ZoneInfo('UTC'))"
    environment = {"PYTHONTZPATH": "", "PATH": os.environ["PATH"]}
    said = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert said.stdout.split() == ["Europe/Berlin", "UTC"]
