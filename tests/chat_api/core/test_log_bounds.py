"""What strangers can make us write."""

import logging

import pytest

from chat_api.core import log_bounds
from chat_api.core.log_bounds import OncePerMinute, one_line


def records(name: str, *, count: int, level: int = logging.WARNING) -> list[logging.LogRecord]:
    """So many records of one place in the code, with words of a stranger."""
    logger = logging.getLogger(name)
    return [
        logger.makeRecord(name, level, __file__, 7, "odd: %s", (f"words {number}",), None) for number in range(count)
    ]


def test_a_flood_is_one_line_a_minute_and_a_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """However its words differ; other places have lines of their own, and our own services are never cut."""
    bounds = OncePerMinute()
    flood = records("nicegui", count=1000)
    assert [bounds.filter(record) for record in flood].count(True) == 1
    assert all(bounds.filter(record) for record in records("chat_api.people.auth", count=3))
    assert all(bounds.filter(record) for record in records("engineio.server", count=1))
    monkeypatch.setattr(log_bounds, "EVERY_S", 0.0)
    (late,) = records("nicegui", count=1)
    assert bounds.filter(late)
    assert late.getMessage() == "odd: words 0 (999 more like it)"


def test_errors_of_different_places_are_told_apart() -> None:
    """By where they were raised, not by what they say."""
    bounds, shown = OncePerMinute(), 0
    for number in range(20):
        try:
            int(f"x{number}") if number % 2 else "".encode("no-such-codec")
        except (ValueError, LookupError) as error:
            record = records("nicegui", count=1, level=logging.ERROR)[0]
            record.exc_info = (type(error), error, error.__traceback__)
            shown += bounds.filter(record)
    assert shown == 2


def test_no_text_makes_a_line_of_its_own() -> None:
    """Line ends, terminal codes and their look-alikes are escaped; a traceback is set off from real lines."""
    forged = "x\n2026 [info] forged\r\x1b[2J\u2028\x85"
    event = one_line(None, "", {"event": forged, "exception": f"ValueError: {forged}", "count": 3})
    assert event["event"] == r"x\n2026 [info] forged\r\x1b[2J\u2028\x85"
    assert event["exception"].split("\n") == ["  | ValueError: x", r"  | 2026 [info] forged\r\x1b[2J\u2028\x85"]
    assert event["count"] == 3
