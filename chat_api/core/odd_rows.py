"""Rows that cannot be read: another version wrote them, or somebody by hand. They are left out, and it is said."""

import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from chat_api.core.logging import get_logger

log = get_logger(__name__)
T = TypeVar("T")

# What a row that is not as this version writes it raises where it is read.
UNREADABLE = (ValueError, KeyError, TypeError, AttributeError)
MAX_KEPT = 100
# One that was not met again for so long is gone, or has been set right.
FORGOTTEN_AFTER_S = 600.0


class OddRows:
    """What this process met lately and left out, by table and row; each is logged once."""

    def __init__(self, *, monotonic_s: Callable[[], float] = time.monotonic) -> None:
        self._monotonic_s = monotonic_s
        self._met: dict[tuple[str, str], tuple[float, str]] = {}

    def readable(self, table: str, rows: Iterable[Mapping[Any, Any]], read: Callable[[Any], T]) -> tuple[T, ...]:
        """What ``read`` makes of rows, without those that it cannot read."""
        found = []
        for row in rows:
            key = str(row["id"] if "id" in row else next(iter(row.values()), ""))
            try:
                found.append(read(row))
            except UNREADABLE as error:
                self.note(table, key, f"{type(error).__name__}: {error}")
            else:
                self._met.pop((table, key), None)
        return tuple(found)

    def note(self, table: str, key: str, why: str) -> None:
        """Remember one."""
        row = (table, key[:100])
        if row not in self._met:
            log.warning("row_ignored", table=table, row=row[1], reason=why[:200])
        if len(self._met) < MAX_KEPT or row in self._met:
            self._met[row] = (self._monotonic_s(), why[:200])

    def all(self) -> tuple[str, ...]:
        """What was met lately, in words."""
        oldest = self._monotonic_s() - FORGOTTEN_AFTER_S
        self._met = {row: met for row, met in self._met.items() if met[0] >= oldest}
        return tuple(f"{table}, {key}: {why}" for (table, key), (_, why) in sorted(self._met.items()))


ODD_ROWS = OddRows()
