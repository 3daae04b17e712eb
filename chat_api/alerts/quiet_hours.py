"""Quiet hours and maintenance windows by the clocks of a place: pure, past midnight and past changes to summer time."""

import re
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chat_api.alerts.schemas import QuietHours, WindowDraft
from models import Severity

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
WEEK = timedelta(days=7)


def quiet_until(quiet: QuietHours | None, severity: Severity, now: datetime) -> datetime | None:
    """When the quiet hours that hold back this severity at ``now`` end; None when nothing holds it back."""
    if quiet is None or (severity is Severity.CRITICAL and quiet.does_critical_break):
        return None
    zone = ZoneInfo(quiet.time_zone)
    starts, ends = time.fromisoformat(quiet.starts), time.fromisoformat(quiet.ends)
    here = now.astimezone(zone)
    for days in (-1, 0):  # those of yesterday may still last
        day = here.date() + timedelta(days=days)
        begin = datetime.combine(day, starts, zone)
        end = datetime.combine(day + timedelta(days=1 if ends <= starts else 0), ends, zone)
        if begin <= here < end:
            return end.astimezone(UTC)
    return None


def is_active(window: WindowDraft, now: datetime) -> bool:
    """Whether a window is on at ``now``; a weekly one also in each later week."""
    if not window.is_weekly:
        return window.starts_at <= now < window.ends_at
    if now < window.starts_at:
        return False
    zone = ZoneInfo(window.time_zone)
    begin = window.starts_at.astimezone(zone)
    end = window.ends_at.astimezone(zone)
    weeks = (now.astimezone(zone).date() - begin.date()).days // 7
    # Adding to a local time keeps the hour on the clock; the one of the week before may still last.
    return any(
        (begin + week * WEEK).astimezone(UTC) <= now < (end + week * WEEK).astimezone(UTC)
        for week in (max(0, weeks - 1), weeks)
    )
