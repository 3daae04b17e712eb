"""Our schema: made at the first start, and where what older versions left in another one is moved to."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from models.connections import SCHEMA, DatabaseUnsuitable

LOCK_TIMEOUT = "10s"
# So each connection of a process that serves is named, and those of a migration are not.
SERVING = "whisperengine-web"
_STATE = text("""
SELECT to_regnamespace(:schema) IS NOT NULL AS is_there,
    has_database_privilege(current_database(), 'CREATE') AS may_make, current_user AS role,
    current_database() AS database""")
_MAY_USE = text("SELECT has_schema_privilege(:schema, 'CREATE') AND has_schema_privilege(:schema, 'USAGE')")
# The first of that name on the search path that is not in our schema.
_ELSEWHERE = text("""
SELECT n.nspname FROM unnest(current_schemas(false)) WITH ORDINALITY AS path (schema, place)
JOIN pg_namespace n ON n.nspname = path.schema JOIN pg_class c ON c.relnamespace = n.oid
WHERE c.relname = :table AND c.relkind IN ('r', 'p') AND n.nspname <> :schema ORDER BY path.place LIMIT 1""")
_HAS = text("SELECT to_regclass(format('%I.%I', CAST(:schema AS text), CAST(:table AS text))) IS NOT NULL")
_FOREIGN = text("""
SELECT c.relname, pg_get_userbyid(c.relowner) AS owner FROM pg_class c
WHERE c.relnamespace = to_regnamespace(:schema) AND c.relname = ANY(:tables)
    AND NOT pg_has_role(c.relowner, 'USAGE') LIMIT 1""")
_SERVING = text("""
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND application_name = :serving AND pid <> pg_backend_pid()""")


def ensure_schema(connection: Connection) -> None:
    """Make our schema where it is not. Raises: DatabaseUnsuitable when we may neither make nor use it."""
    state = connection.execute(_STATE, {"schema": SCHEMA}).one()
    if not state.is_there:
        if not state.may_make:
            raise DatabaseUnsuitable(
                f'The role "{state.role}" may not create the schema of our tables. As an owner of the database run:'
                f' CREATE SCHEMA {SCHEMA} AUTHORIZATION "{state.role}"; or: GRANT CREATE ON DATABASE'
                f' "{state.database}" TO "{state.role}";'
            )
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    if not connection.execute(_MAY_USE, {"schema": SCHEMA}).scalar_one():
        raise DatabaseUnsuitable(
            f'The role "{state.role}" may not create tables in the schema {SCHEMA}. As its owner run:'
            f' GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO "{state.role}";'
        )


def elsewhere(connection: Connection, table: str) -> str | None:
    """The schema on our search path, other than ours, that has a table of this name."""
    found: str | None = connection.execute(_ELSEWHERE, {"table": table, "schema": SCHEMA}).scalar_one_or_none()
    return found


def has_table(connection: Connection, schema: str, table: str) -> bool:
    """Whether the schema has a table of this name."""
    return bool(connection.execute(_HAS, {"schema": schema, "table": table}).scalar_one())


def move_tables(connection: Connection, schema: str, tables: Sequence[str], *, to: str = SCHEMA) -> None:
    """Move tables with their rows, indexes, sequences and triggers. Raises: DatabaseUnsuitable when one is not ours."""
    foreign = connection.execute(_FOREIGN, {"schema": schema, "tables": list(tables)}).first()
    if foreign is not None:
        raise DatabaseUnsuitable(
            f'The table {schema}.{foreign.relname} belongs to the role "{foreign.owner}": only it can move the table'
            f" into the schema {SCHEMA}. As its owner run: ALTER TABLE {schema}.{foreign.relname} OWNER TO the role of"
            " DATABASE_URL;"
        )
    connection.execute(text(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'"))
    for table in tables:
        if has_table(connection, schema, table):
            connection.execute(text(f'ALTER TABLE "{schema}"."{table}" SET SCHEMA {to}'))


def wait_for_older_processes(connection: Connection, drain_s: float) -> None:
    """Wait until no process serves from this database. Raises: DatabaseUnsuitable when one still does after that.

    An older process would not find its tables once they are moved, and would make new ones at its next start.
    """
    for _ in range(max(1, round(drain_s / 0.2))):
        if not connection.execute(_SERVING, {"serving": SERVING}).scalar_one():
            return
        connection.execute(text("SELECT pg_stat_clear_snapshot()"))
        connection.execute(text("SELECT pg_sleep(0.2)"))
    raise DatabaseUnsuitable(
        f"A process of an older version still uses this database. Stop all of them, then start this one: it moves the"
        f" tables into the schema {SCHEMA}, where an older version does not find them. Nothing was changed."
    )
