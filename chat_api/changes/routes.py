"""What changed, over the API: the same as its pages show."""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chat_api.changes.bodies import ChangesAnswer
from chat_api.changes.schemas import ChangeKind, ChangesQuery, ChangesSince, ConfigurationView, Matrix, MatrixRow
from chat_api.changes.service import ChangesService
from chat_api.http.base_models import QueryTime
from chat_api.http.dependencies import Admin, BotName, service
from chat_api.http.errors import CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_file

router = APIRouter(prefix="/api/admin", tags=["Administration"])

Changes = Annotated[ChangesService, service(ChangesService)]

MAX_LINES = 1000
COLUMNS = ("at", "bot_name", "began_with", "starts", "kind", "name", "change", "before", "after")


@router.get(
    "/changes",
    summary="What changed",
    response_model=ChangesAnswer,
    responses=also_as("text/csv", "The list.") | errors(*CONSOLE, "invalid_input"),
)
async def changes(
    principal: Admin,
    changes: Changes,
    bot: Annotated[str | None, Query(max_length=50)] = None,
    kind: ChangeKind | None = None,
    since: QueryTime | None = None,
    until: QueryTime | None = None,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LINES)] = 100,
    format: Format = "json",
) -> ChangesAnswer | Response:
    """What bots ran with, newest first, each with what is different from before. Values that may be secret are hidden.

    Starts in a row with nothing changed are one configuration with a count.
    """
    query = ChangesQuery(bot_name=clean_name(bot), kind=kind, since=since, until=until, before=before, limit=limit)
    found = await changes.find(principal, query)
    if format == "csv":
        return csv_file("changes", COLUMNS, _lines(found))
    return ChangesAnswer(configurations=found, next_before=found[-1].configuration_id if len(found) == limit else None)


@router.get(
    "/bots/{bot_name}/changes",
    summary="What changed since a bot was last healthy",
    responses=errors(*CONSOLE, "not_found", "invalid_input"),
)
async def since_healthy(bot_name: BotName, principal: Admin, changes: Changes) -> ChangesSince:
    """The difference between what it ran with then and what it runs with now, and its newest change at all."""
    return await changes.since_healthy(principal, bot_name)


@router.get(
    "/matrix",
    summary="Bots side by side",
    response_model=Matrix,
    responses=also_as("text/csv", "The table.") | errors(*CONSOLE, "invalid_input"),
)
async def matrix(principal: Admin, changes: Changes, format: Format = "json") -> Matrix | Response:
    """Every bot with its models, flags, settings, image and environment, and where it is unlike the others.

    A hidden value is a few digits that are the same for the same value.
    """
    found = await changes.matrix(principal)
    if format == "csv":
        return _table(found)
    return found


def clean_name(bot: str | None) -> str | None:
    """A filter that PostgreSQL can take; no bot has a name that it cannot."""
    return bot.replace("\0", "").encode(errors="replace").decode() if bot else None


def _lines(found: Iterable[ConfigurationView]) -> Iterator[dict[str, Any]]:
    for one in found:
        head = {
            "at": one.started_at,
            "bot_name": one.bot_name,
            "began_with": "start" if one.is_start else "while running",
            "starts": one.starts,
        }
        if not one.changes:
            yield head
        for entry in one.changes:
            values = ("(hidden)", "(hidden)") if entry.is_hidden else (entry.before, entry.after)
            yield head | {
                "kind": entry.kind,
                "name": entry.name,
                "change": entry.change,
                "before": values[0],
                "after": values[1],
            }


def _table(matrix: Matrix) -> Response:
    names = [f"{column.kind}: {column.name}" for column in matrix.columns]
    return csv_file("matrix", ("bot_name", "generation", "odd", *names), (_row(row, names) for row in matrix.bots))


def _row(row: MatrixRow, names: list[str]) -> dict[str, Any]:
    cells = dict(zip(names, row.values, strict=True))
    return {
        "bot_name": row.bot_name,
        "generation": row.generation,
        "odd": [names[position] for position in row.odd],
        **cells,
    }
