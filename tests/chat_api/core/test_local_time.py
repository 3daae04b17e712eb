"""Times of day on the days on which clocks are changed."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from chat_api.core.errors import InvalidInput
from chat_api.core.local_time import checked_clock, checked_zone, day_bounds, moment_of

BERLIN = ZoneInfo("Europe/Berlin")


def test_a_time_that_a_day_does_not_have_is_the_next_moment_that_it_has() -> None:
    """02:30 on the day on which Berlin goes from 02:00 to 03:00 is 03:00; where a whole day is left out, the next."""
    assert moment_of(date(2026, 3, 29), time(2, 30), BERLIN) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    apia = ZoneInfo("Pacific/Apia")
    skipped = moment_of(date(2011, 12, 30), time(8), apia)
    assert skipped == datetime(2011, 12, 30, 10, 0, tzinfo=UTC)


def test_a_time_that_a_day_has_twice_is_the_first_of_them() -> None:
    """02:30 on the day on which Berlin goes back from 03:00 to 02:00 is that of summer time."""
    assert moment_of(date(2026, 10, 25), time(2, 30), BERLIN) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_days_are_as_long_as_clocks_say() -> None:
    """23 and 25 hours in spring and in autumn; a midnight that is skipped is when the day really begins."""
    lengths = {date(2026, 3, 29): 23, date(2026, 10, 25): 25, date(2026, 6, 1): 24}
    for day, hours in lengths.items():
        since, until = day_bounds(day, BERLIN)
        assert until - since == timedelta(hours=hours)
    since, _ = day_bounds(date(2026, 4, 24), ZoneInfo("Africa/Cairo"))
    assert since == datetime(2026, 4, 23, 22, 0, tzinfo=UTC)


@pytest.mark.parametrize(("clock", "zone"), [("25:00", "UTC"), ("8:00", "UTC"), ("08:00", "Mars/Olympus")])
def test_what_is_no_time_or_no_zone_is_refused(clock: str, zone: str) -> None:
    """By its field, so that a form shows it there."""
    with pytest.raises(InvalidInput) as refused:
        checked_zone(checked_clock(clock, field="at_time"), field="x") if zone == "UTC" else checked_zone(
            zone, field="z"
        )
    assert refused.value.field in {"at_time", "z"}
