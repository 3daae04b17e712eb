"""Lists as files: the same rows as JSON for programs, or as CSV for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import orjson
from fastapi import Response

Format = Literal["json", "csv"]
# What a spreadsheet would run as a formula. Source: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


# What a route that gives a list says of its answers, beside `errors(...)`.
CSV_TOO: dict[int | str, dict[str, Any]] = {
    200: {"description": "The list.", "content": {"text/csv": {"schema": {"type": "string"}}}}
}


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """Rows as a CSV file to save under ``name``; a text that a spreadsheet would run is made harmless by a quote."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    headers = {"Content-Disposition": f'attachment; filename="{name}.csv"', "Cache-Control": "no-store"}
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=headers)


def _cell(value: Any) -> Any:
    if isinstance(value, Mapping | list | tuple):
        return orjson.dumps(value, default=str).decode()
    if isinstance(value, str) and value.startswith(_FORMULA):
        return "'" + value
    return value
