"""Days and times of day by the clocks of a place, also on the days on which these clocks are changed.

A time that a day does not have is the next moment that it has; one that it has twice is the first of the two. So what
is to be done at a time of day is done once a day, whatever happens to the clocks.
"""

import re
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, available_timezones

from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_

# As :meth:`datetime.date.weekday` counts them.
WEEKDAYS = (
    N_("Monday"),
    N_("Tuesday"),
    N_("Wednesday"),
    N_("Thursday"),
    N_("Friday"),
    N_("Saturday"),
    N_("Sunday"),
)
_CLOCK = re.compile(r"([01]\d|2[0-3]):[0-5]\d")
# No change of clocks skips more than a day. Source: Pacific/Apia, 30 December 2011.
_MOST_MINUTES = 24 * 60 + 1


def moment_of(day: date, clock: time, zone: ZoneInfo) -> datetime:
    """When clocks show a time on a day, in UTC; where they skip it, when they go on."""
    local = datetime.combine(day, clock)
    for minutes in range(_MOST_MINUTES):
        shown = local + timedelta(minutes=minutes)
        moment = shown.replace(tzinfo=zone).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == shown:
            return moment
    raise AssertionError("unreachable: clocks go on within a day")


def day_bounds(day: date, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """The first moment of a day, and that of the next one; 23, 24 or 25 hours apart."""
    return moment_of(day, time(), zone), moment_of(day + timedelta(days=1), time(), zone)


def today(now: datetime, zone: ZoneInfo) -> date:
    """What day it is there."""
    return now.astimezone(zone).date()


def checked_clock(value: str, *, field: str) -> str:
    """A time of day, ``HH:MM``. Raises: InvalidInput, naming the field."""
    if not _CLOCK.fullmatch(value):
        raise InvalidInput("a time such as 22:00", field=field)
    return value


def checked_zone(value: str, *, field: str) -> str:
    """The name of a time zone. Raises: InvalidInput, naming the field."""
    if value not in _zones():
        raise InvalidInput("a time zone such as Europe/Berlin", field=field)
    return value


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())
