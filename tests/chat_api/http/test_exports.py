"""Lists as files: every cell says the same as JSON does, and nothing in it is run."""

import csv
import io
from datetime import UTC, datetime, timedelta, timezone

import pytest

from chat_api.http.exports import csv_file


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (datetime(2026, 3, 1, 12, 0, 5, tzinfo=UTC), "2026-03-01T12:00:05Z"),
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2026-03-01T10:00:00Z"),
        ((), ""),
        (["elena", "marcus"], "elena; marcus"),
        (["=1+1"], "'=1+1"),
        ([{"a": 1}], '[{"a":1}]'),
        ({"a": [1, 2]}, '{"a":[1,2]}'),
        ("=cmd()", "'=cmd()"),
        ("  @SUM(1)", "'  @SUM(1)"),
        ("\n=1+1", "'\n=1+1"),
        ("＝1+1", "'＝1+1"),
        ('a,"b"\r\nc', 'a,"b"\r\nc'),
        (-1.5, "-1.5"),
        (True, "True"),
        (None, ""),
    ],
)
def test_a_cell(value: object, cell: str) -> None:
    """Times, lists, structure, and texts that a spreadsheet would take for a formula."""
    text = bytes(csv_file("x", ["value", "missing"], [{"value": value}]).body).decode()
    assert text.startswith("\ufeff")
    assert list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))[1] == [cell, ""]
