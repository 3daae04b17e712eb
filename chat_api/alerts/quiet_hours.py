"""Quiet hours by the clocks of a place: pure, past midnight and past changes to summer time.

What is compared are moments: two clock times of one place say nothing of which comes first while clocks are changed.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chat_api.alerts.schemas import QuietHours
from models import Severity

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def quiet_until(quiet: QuietHours | None, severity: Severity, now: datetime) -> datetime | None:
    """When the quiet hours that hold back this severity at ``now`` end; None when nothing holds it back."""
    if quiet is None or (severity is Severity.CRITICAL and quiet.does_critical_break):
        return None
    zone = ZoneInfo(quiet.time_zone)
    starts, ends = time.fromisoformat(quiet.starts), time.fromisoformat(quiet.ends)
    here = now.astimezone(zone)
    for days in (-1, 0):  # those of yesterday may still last
        day = here.date() + timedelta(days=days)
        begin = datetime.combine(day, starts, zone).astimezone(UTC)
        end = _last(day + timedelta(days=1 if ends <= starts else 0), ends, zone)
        if begin <= now < end:
            return end
    return None


def _last(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When clocks show a time for the last time on a day: when they are set back, twice."""
    return max(datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
