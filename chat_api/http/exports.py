"""Answers as files: the same rows as JSON for programs, or as CSV for a spreadsheet."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import orjson
from fastapi import Response
from pydantic import TypeAdapter

Format = Literal["json", "csv"]
# What a spreadsheet would run as a formula. Source: OWASP, "CSV Injection".
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def also_as(media_type: str, description: str = "") -> dict[int | str, dict[str, Any]]:
    """What a route that also answers with a text says of it, beside ``errors(...)``."""
    return {200: {"description": description, "content": {media_type: {"schema": {"type": "string"}}}}}


def attachment(name: str) -> dict[str, str]:
    """The headers of a file that is saved under ``name`` and kept nowhere else."""
    return {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "no-store"}


def csv_of(name: str, kind: type[Any], answers: Iterable[Any], *, columns: Sequence[str] = ()) -> Response:
    """Answers of one kind as a CSV file: these columns, else one a field, in the words of JSON, an id first."""
    adapter = TypeAdapter(kind)
    if not columns:
        columns = sorted(adapter.json_schema(mode="serialization")["properties"], key=lambda field: field != "id")
    return csv_file(name, columns, (adapter.dump_python(one, mode="json", by_alias=True) for one in answers))


def csv_file(name: str, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> Response:
    """Rows as a CSV file to save under ``name``; a text that a spreadsheet would run is made harmless by a quote."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(columns)
    for row in rows:
        writer.writerow([_cell(row.get(column)) for column in columns])
    return Response("\ufeff" + text.getvalue(), media_type="text/csv; charset=utf-8", headers=attachment(f"{name}.csv"))


def _cell(value: Any) -> Any:
    """Times as JSON has them, a list of words in one line, what has more structure as JSON."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, list | tuple) and not any(isinstance(item, Mapping | list | tuple) for item in value):
        value = "; ".join(map(str, value))
    if isinstance(value, Mapping | list | tuple):
        return orjson.dumps(value, default=str).decode()
    if isinstance(value, str) and (value.startswith(_FORMULA) or value.lstrip().startswith(_FORMULA)):
        return "'" + value
    return value
