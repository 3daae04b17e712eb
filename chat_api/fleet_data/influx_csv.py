"""InfluxDB's annotated CSV, read with suspicion: several tables in one answer, errors in the middle of it.

Source: InfluxDB 2 documentation, "Annotated CSV".
"""

import csv
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from io import StringIO

from chat_api.core.store_faults import StoreFault, StoreUnreadable

Value = str | int | float | bool | datetime | None
Row = Mapping[str, Value]
_ANNOTATIONS = frozenset({"#datatype", "#group", "#default"})


def rows_of(text: str) -> Iterator[Row]:
    """The rows of all tables, by column, as their data types say. What is empty is its column's default, else None.

    Raises: StoreUnreadable for an error that the query ended with, and for what is no annotated CSV.
    """
    annotations: dict[str, Sequence[str]] = {}
    header: Sequence[str] | None = None
    for line in _lines(text):
        if line[0] in _ANNOTATIONS:
            if header is not None:  # another schema begins
                annotations, header = {}, None
            annotations[line[0]] = line
        elif not any(line):
            annotations, header = {}, None
        elif header is None:
            header = line
        elif "error" in header and "_value" not in header:
            raise StoreUnreadable(StoreFault.ODD, dict(zip(header, line, strict=False)).get("error", ""))
        else:
            yield _row(header, line, annotations)


def _lines(text: str) -> Iterator[Sequence[str]]:
    """The lines, an empty one as one with an empty cell. Raises: StoreUnreadable."""
    try:
        for line in csv.reader(StringIO(text.removeprefix("\ufeff"), newline=""), strict=True):
            yield line or [""]
    except csv.Error as error:
        raise StoreUnreadable(StoreFault.ODD, f"no CSV: {error}") from error


def _row(header: Sequence[str], line: Sequence[str], annotations: Mapping[str, Sequence[str]]) -> Row:
    if len(line) != len(header):
        raise StoreUnreadable(StoreFault.ODD, f"a row of {len(line)} cells below a header of {len(header)}")
    types, defaults = annotations.get("#datatype", ()), annotations.get("#default", ())
    found: dict[str, Value] = {}
    for place, name in enumerate(header):
        text = line[place] or (defaults[place] if place < len(defaults) else "")
        if name:
            found[name] = _value(text, types[place] if place < len(types) else "string")
    return found


def _value(text: str, kind: str) -> Value:
    if kind == "string":
        return text
    if text == "":
        return None
    try:
        return _READ[kind](text) if kind in _READ else text
    except ValueError as error:
        raise StoreUnreadable(StoreFault.ODD, f"{text[:40]!r} is no {kind[:40]}") from error


def _finite(text: str) -> float | None:
    """A number; what is none is not known. The last edge of a histogram has no end."""
    number = float(text)
    return None if math.isnan(number) else number


_READ: Mapping[str, Callable[[str], Value]] = {
    "double": _finite,
    "long": int,
    "unsignedLong": int,
    "boolean": lambda text: text == "true",
    "dateTime:RFC3339": lambda text: datetime.fromisoformat(_microseconds(text)),
    "dateTime:RFC3339Nano": lambda text: datetime.fromisoformat(_microseconds(text)),
}


def _microseconds(text: str) -> str:
    """Without what a time here cannot hold: nanoseconds."""
    head, point, tail = text.partition(".")
    if not point:
        return text
    digits = tail.rstrip("Zz")
    return f"{head}.{digits[:6].ljust(6, '0')}Z" if digits.isdigit() else text
