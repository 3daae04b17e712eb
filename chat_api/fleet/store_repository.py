"""What v1's tables say of bots. Of their columns only those are asked for that are there: installations differ.

Source: bot contract, "The fleet as its operator has it"; v1's schema, "characters" and "bot_deployments".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from chat_api.core.fleet_database import FleetConnection, columns_of

MAX_ROWS = 500
MAX_TEXT_CHARS = 1000
_CHARACTER_COLUMNS = ("normalized_name", "name", "occupation", "description")
_DEPLOYMENT_COLUMNS = ("container_name", "port", "status")


@dataclass(frozen=True, slots=True, kw_only=True)
class DeploymentRow:
    """One bot that v1's console deployed; ``character`` is what ``characters`` calls it, where that can be read."""

    container_name: str
    port: int
    status: str
    character: str | None = None


async def characters(connection: FleetConnection) -> Sequence[Mapping[str, str | None]]:
    """The characters by the columns that there are; none without such a table."""
    found = await columns_of(connection, "characters")
    columns = [name for name in _CHARACTER_COLUMNS if name in found]
    if "name" not in columns:
        return ()
    chosen = ", ".join(f"left({name}::text, {MAX_TEXT_CHARS}) AS {name}" for name in columns)
    rows = await connection.fetch(f"SELECT {chosen} FROM characters ORDER BY name LIMIT {MAX_ROWS}")
    return [dict(row) for row in rows]


async def deployments(connection: FleetConnection) -> Sequence[DeploymentRow]:
    """The deployments that there are; none without such a table, or with one that is something else's."""
    found = await columns_of(connection, "bot_deployments")
    if not all(name in found for name in _DEPLOYMENT_COLUMNS):
        return ()
    has_names = "character_id" in found and await _may_read_names(connection)
    name, join = (
        ("c.normalized_name", "LEFT JOIN characters c ON c.id = d.character_id") if has_names else ("NULL::text", "")
    )
    rows = await connection.fetch(
        f"SELECT d.container_name, d.port, d.status, {name} AS character FROM bot_deployments d {join}"
        f" ORDER BY d.container_name LIMIT {MAX_ROWS}"
    )
    return [DeploymentRow(**dict(row)) for row in rows]


async def _may_read_names(connection: FleetConnection) -> bool:
    columns = await columns_of(connection, "characters")
    if not {"id", "normalized_name"} <= columns.keys():
        return False
    return bool(await connection.fetchval("SELECT has_table_privilege(to_regclass('characters'), 'SELECT')"))
