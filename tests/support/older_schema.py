"""A database as versions before 0012 made it, with rows in every table; and all rows of a schema, to be compared."""

import importlib
import json
from datetime import UTC, datetime
from typing import Any

import asyncpg
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy import Column, Connection, Table
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import create_async_engine
from sqlmodel import SQLModel

import models
from models.database_url import async_database_url

BEFORE = "0011"
VERSION_TABLE = "web_ui_alembic_version"
_AT = datetime(2026, 1, 2, tzinfo=UTC)
# The name that a column had: (table, column) -> before.
_FORMER = {
    (table, after): before
    for version in ("0016_standard_names", "0022_synthetic_checks")
    for table, before, after in importlib.import_module(f"models.migrations.versions.{version}").COLUMNS
}


async def install_older(database_url: str) -> None:
    """Everything where the role's own search path leads, which is ``public``."""
    engine = create_async_engine(async_database_url(database_url))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()
    sql = await asyncpg.connect(database_url)
    try:
        for table in SQLModel.metadata.sorted_tables:
            for number in (1, 2):
                await _insert(sql, table, number)
    finally:
        await sql.close()


Rows = dict[str, list[dict[str, Any]]]


async def rows(sql: asyncpg.Connection, tables: dict[str, str], *, before: Rows | None = None) -> Rows:
    """Every row of ``tables``, which are given with the schema of each.

    Compared with ``before``: without what came after it, and each column by the name that it had.
    """
    found: Rows = {}
    for table, schema in sorted(tables.items()):
        if before is not None and table not in before:
            continue
        read = [json.loads(row[0]) for row in await sql.fetch(f'SELECT to_jsonb(t)::text FROM "{schema}"."{table}" t')]
        if before is not None and before[table]:
            read = [{_FORMER.get((table, column), column): value for column, value in row.items()} for row in read]
            read = [{column: row[column] for column in before[table][0]} for row in read]
        found[table] = sorted(read, key=repr)
    return found


async def schemas(sql: asyncpg.Connection) -> dict[str, str]:
    """Where each of our tables is."""
    found = await sql.fetch(
        "SELECT c.relname, n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind = 'r' AND c.relname = ANY($1)",
        [table.name for table in SQLModel.metadata.sorted_tables],
    )
    return dict(found)


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", f"{models.__path__[0]}/migrations")
    scripts = ScriptDirectory.from_config(config)
    with Operations.context(MigrationContext.configure(connection)):
        for script in reversed(list(scripts.iterate_revisions(BEFORE, "base"))):
            script.module.upgrade()
    connection.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) PRIMARY KEY)")
    connection.exec_driver_sql(f"INSERT INTO {VERSION_TABLE} VALUES ('{BEFORE}')")


async def _insert(sql: asyncpg.Connection, table: Table, number: int) -> None:
    """A value of the same kind is the same in every table, and so each reference finds its row."""
    known = {row[0] for row in await sql.fetch(_COLUMNS, table.name)}
    columns = {_FORMER.get((table.name, column.name), column.name): column for column in table.columns}
    columns = {name: column for name, column in columns.items() if name in known}
    if not columns:
        return  # a table that a later version brought
    places = ", ".join(f"${place}" for place in range(1, len(columns) + 1))
    names = ", ".join(f'"{name}"' for name in columns)
    await sql.execute(
        f"INSERT INTO {table.name} ({names}) SELECT {places}", *(_value(column, number) for column in columns.values())
    )


# What the database counts by itself is left to it.
_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
    AND pg_get_serial_sequence(attrelid::regclass::text, attname) IS NULL"""


def _value(column: Column[Any], number: int) -> Any:
    kind = column.type.compile(dialect=postgresql.dialect())  # type: ignore[no-untyped-call]
    values: dict[str, Any] = {
        "UUID": f"00000000-0000-0000-0000-00000000000{number}",
        "TIMESTAMP WITH TIME ZONE": _AT.replace(day=number),
        "DATE": _AT.replace(day=number).date(),
        "BOOLEAN": False,
        "JSONB": '{"a": 1}',
        "BYTEA": b"\\x00",
    }
    if kind in values:
        return values[kind]
    if kind.endswith("[]"):
        return [number, number]
    if kind.startswith(("INT", "BIGINT", "SMALLINT", "FLOAT", "DOUBLE")):
        return number
    return f"x{number}"
