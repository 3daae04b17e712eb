"""What the System page reads: the reports of all processes, and what PostgreSQL says of itself."""

from typing import Any
from uuid import UUID

import orjson

from chat_api.core.database import Database
from chat_api.system.schemas import DatabaseView, TableView
from models.migrate import HEAD

_PUT = """
INSERT INTO web_processes (id, report, reported_at) VALUES ($1, $2::jsonb, now())
ON CONFLICT (id) DO UPDATE SET report = excluded.report, reported_at = now()"""
_PRUNE = "DELETE FROM web_processes WHERE reported_at < now() - make_interval(secs => $1)"
_LEAVE = "DELETE FROM web_processes WHERE id = $1"
_ALIVE = """
SELECT report FROM web_processes WHERE reported_at > now() - make_interval(secs => $1) ORDER BY id"""
_FACTS = """
SELECT current_setting('server_version') AS version, pg_database_size(current_database()) AS size_bytes,
    (SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()) AS connections,
    current_setting('max_connections')::int AS max_connections,
    (SELECT version_num FROM web_ui_alembic_version) AS migration"""
_TABLES = """
SELECT c.relname AS name, pg_total_relation_size(c.oid) AS size_bytes, greatest(c.reltuples, 0)::bigint AS rows
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname = current_schema()
ORDER BY 2 DESC LIMIT $1"""


async def put_report(database: Database, instance_id: UUID, report: str) -> None:
    """Store a process's newest report (JSON)."""
    await database.fetch(_PUT, instance_id, report)


async def prune_reports(database: Database, *, older_than_s: float) -> None:
    """Drop the reports of processes that are gone."""
    await database.fetch(_PRUNE, older_than_s)


async def leave(database: Database, instance_id: UUID) -> None:
    """Drop the report of a process that ends."""
    await database.fetch(_LEAVE, instance_id)


async def alive(database: Database, *, within_s: float) -> list[Any]:
    """The reports of processes that said something lately, as they were encoded."""
    return [orjson.loads(row["report"]) for row in await database.fetch(_ALIVE, within_s)]


async def facts(database: Database, *, max_tables: int) -> DatabaseView:
    """Version, size, connections and migration, and the biggest tables with their indexes."""
    (row,) = await database.fetch(_FACTS)
    tables = tuple(TableView(**table) for table in await database.fetch(_TABLES, max_tables))
    return DatabaseView(**row, migration_head=HEAD, tables=tables)
