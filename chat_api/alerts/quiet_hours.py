"""Quiet hours in a time zone, also across midnight and clock changes. Pure.

Moments are compared, not clock times, whose order is ambiguous while clocks are changed.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from chat_api.alerts.schemas import QuietHours
from models import Severity

CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")


def quiet_until(quiet: QuietHours | None, severity: Severity, now: datetime) -> datetime | None:
    """When the quiet hours for this severity end; None if it is not held back at ``now``."""
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
    """The last moment of a day with this clock time: when clocks are set back, there are two."""
    return max(datetime.combine(day, clock, zone).replace(fold=fold).astimezone(UTC) for fold in (0, 1))
