"""What came out: one row a figure, with its target and whether it was met; as a table and as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a figure has to be: at least ``bound``, or at most."""

    bound: float
    is_least: bool

    def met_by(self, value: float) -> bool:
        """Whether a figure reaches it."""
        return value >= self.bound if self.is_least else value <= self.bound

    def __str__(self) -> str:
        return f"{'>=' if self.is_least else '<='} {self.bound:g}"


def at_least(bound: float) -> Target:
    """A target from below."""
    return Target(bound=bound, is_least=True)


def at_most(bound: float) -> Target:
    """A target from above."""
    return Target(bound=bound, is_least=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One figure. ``value`` is ``None`` when it could not be measured; ``note`` says why, or what it is compared to."""

    scenario: str
    name: str
    value: float | None
    unit: str
    target: Target | None = None
    note: str = ""

    @property
    def is_met(self) -> bool | None:
        """Whether the target is reached; ``None`` without a target or a value."""
        return None if self.target is None or self.value is None else self.target.met_by(self.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A whole run."""

    seconds: float
    is_quick: bool
    rows: Sequence[Row]

    def as_json(self) -> str:
        """The report as a JSON object: the machine, the run, the rows."""
        machine = {
            "cores": len(os.sched_getaffinity(0)),
            "python": platform.python_version(),
            "system": platform.platform(),
        }
        run = {"at": datetime.now(UTC).isoformat(), "seconds": self.seconds, "is_quick": self.is_quick}
        return json.dumps({"machine": machine, **run, "rows": [_as_object(row) for row in self.rows]}, indent=2)

    def as_table(self) -> list[str]:
        """The report as lines."""
        lines = [f"{'':10} {'':57} {'value':>10} {'unit':<10} {'target':<9} {'':<6} note"]
        lines += [_line(row) for row in self.rows]
        judged = [row.is_met for row in self.rows if row.is_met is not None]
        absent = sum(row.value is None for row in self.rows)
        return [*lines, "", f"{sum(judged)} of {len(judged)} targets met, {absent} not measured."]


def _as_object(row: Row) -> dict[str, Any]:
    return asdict(row) | {"target": str(row.target) if row.target else None, "is_met": row.is_met}


def _line(row: Row) -> str:
    value = "-" if row.value is None else f"{row.value:,.{_decimals(row.value)}f}"
    verdict = {True: "met", False: "MISSED", None: ""}[row.is_met]
    target = str(row.target) if row.target else ""
    return f"{row.scenario:<10} {row.name:<57} {value:>10} {row.unit:<10} {target:<9} {verdict:<6} {row.note}".rstrip()


def _decimals(value: float) -> int:
    return 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
