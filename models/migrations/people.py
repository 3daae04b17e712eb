"""``universal_users`` and ``platform_identities``: a fleet's where it has them, else ours in our schema.

v1's bots have them in ``public``. Older versions of ours made them there, too, when there were none. Which are whose is
told by how they were made and by what is around them; in doubt they are the fleet's and stay as they are.
"""

import sys

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from models.connections import SCHEMA, DatabaseUnsuitable
from models.migrations.schema import elsewhere, has_table, move_tables

USERS, IDENTITIES = "universal_users", "platform_identities"
_MAKE = {
    USERS: """
CREATE TABLE universal_users (
    universal_id VARCHAR(255) PRIMARY KEY,
    primary_username VARCHAR(255) NOT NULL,
    display_name VARCHAR(255),
    email VARCHAR(255),
    created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    last_active TIMESTAMPTZ NOT NULL DEFAULT now(),
    preferences TEXT NOT NULL DEFAULT '{}',
    privacy_settings TEXT NOT NULL DEFAULT '{}'
)""",
    IDENTITIES: """
CREATE TABLE platform_identities (
    id SERIAL PRIMARY KEY,
    universal_id VARCHAR(255) NOT NULL REFERENCES universal_users (universal_id) ON DELETE CASCADE,
    platform VARCHAR(50) NOT NULL,
    platform_user_id VARCHAR(255) NOT NULL,
    username VARCHAR(255) NOT NULL,
    display_name VARCHAR(255),
    email VARCHAR(255),
    verified_at TIMESTAMPTZ NOT NULL DEFAULT now(),
    UNIQUE (platform, platform_user_id)
)""",
}
_RIGHTS = {
    USERS: ("SELECT", "INSERT", "UPDATE", "DELETE", "REFERENCES"),
    IDENTITIES: ("SELECT", "INSERT", "UPDATE", "DELETE"),
}
_LACKED = text("""
SELECT needed FROM unnest(CAST(:rights AS text[])) AS needed
WHERE NOT has_table_privilege(to_regclass(format('%I.%I', CAST(:schema AS text), CAST(:table AS text))), needed)""")
_LACKED_SEQUENCE = text("""
SELECT d.objid::regclass::text FROM pg_depend d JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'
WHERE d.refobjid = to_regclass(format('%I.%I', CAST(:schema AS text), CAST(:table AS text))) AND d.deptype = 'a'
    AND d.classid = 'pg_class'::regclass AND NOT has_sequence_privilege(d.objid, 'USAGE')""")
# Columns and indexes exactly as above: v1's have times without a zone, and more indexes.
_OUR_COLUMNS = {
    USERS: (
        "universal_id character varying(255) true,primary_username character varying(255) true,"
        "display_name character varying(255) false,email character varying(255) false,"
        "created_at timestamp with time zone true,last_active timestamp with time zone true,"
        "preferences text true,privacy_settings text true"
    ),
    IDENTITIES: (
        "id integer true,universal_id character varying(255) true,platform character varying(50) true,"
        "platform_user_id character varying(255) true,username character varying(255) true,"
        "display_name character varying(255) false,email character varying(255) false,"
        "verified_at timestamp with time zone true"
    ),
}
_OUR_INDEXES = {USERS: 1, IDENTITIES: 2}
_SHAPE = text("""
SELECT (SELECT string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull, ','
            ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped)
        AS columns,
    (SELECT count(*) FROM pg_index i WHERE i.indrelid = c.oid) AS indexes,
    pg_has_role(c.relowner, 'USAGE') AS is_owned,
    EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal)
    OR EXISTS (SELECT FROM pg_depend d WHERE d.refobjid = c.oid AND d.classid = 'pg_rewrite'::regclass)
    OR EXISTS (SELECT FROM pg_inherits h WHERE c.oid IN (h.inhparent, h.inhrelid))
    OR EXISTS (SELECT FROM pg_constraint f JOIN pg_class r ON r.oid = f.conrelid
               WHERE f.confrelid = c.oid AND r.relname NOT IN ('web_accounts', 'platform_identities')) AS is_used
FROM pg_class c WHERE c.oid = to_regclass(format('%I.%I', CAST(:schema AS text), CAST(:table AS text)))""")
# v2 has no table for people, and keeps its own apart by their names; v1's migrator leaves the other two behind when it
# finds tables that it did not expect. An extension's tables are nobody's.
_STRANGERS = text(r"""
SELECT count(*) FROM pg_class c
WHERE c.relnamespace = to_regnamespace(:schema) AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND c.relname <> ALL (:ours)
    AND c.relname NOT LIKE 'v2\_%' AND c.relname NOT IN ('alembic_version', 'schema_migrations')
    AND NOT EXISTS (SELECT FROM pg_depend d
                    WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')""")
_TYPES = text("""
SELECT a.attname, format_type(a.atttypid, a.atttypmod) AS kind FROM pg_attribute a
WHERE a.attrelid = to_regclass(format('%I.%I', CAST(:schema AS text), CAST(:table AS text)))
    AND a.attnum > 0 AND NOT a.attisdropped""")


def make(connection: Connection) -> None:
    """Make what no fleet has made yet. Raises: DatabaseUnsuitable when a fleet's cannot be used."""
    grants: list[str] = []
    for table, statement in _MAKE.items():
        schema = elsewhere(connection, table)
        if schema is None and not grants:
            connection.execute(text(statement))
        elif schema is not None:
            asked = {"rights": list(_RIGHTS[table]), "schema": schema, "table": table}
            if lacked := connection.execute(_LACKED, asked).scalars().all():
                grants.append(f"GRANT {', '.join(lacked)} ON {schema}.{table}")
            if sequence := connection.execute(
                _LACKED_SEQUENCE, {"schema": schema, "table": table}
            ).scalar_one_or_none():
                grants.append(f"GRANT USAGE ON SEQUENCE {sequence}")
    if grants:
        role = connection.execute(text("SELECT current_user")).scalar_one()
        raise DatabaseUnsuitable(
            f'The role "{role}" may not use the tables where the fleet has its people. As their owner run: '
            + " ".join(f'{grant} TO "{role}";' for grant in grants)
        )


def move(connection: Connection, schema: str, *, ours: tuple[str, ...]) -> None:
    """Move the two out of ``schema`` if an older version of ours made them there and no fleet has come to use them."""
    tables = (USERS, IDENTITIES)
    strangers = connection.execute(_STRANGERS, {"schema": schema, "ours": [*ours, *tables]}).scalar_one()
    if not strangers and all(_is_as_we_make_it(connection, schema, table) for table in tables):
        move_tables(connection, schema, tables)


def adopt(connection: Connection) -> None:
    """Go over to a fleet's tables when it made its own after us: our people are added to them, and ours go.

    When that cannot be, ours stay in use, and a line on standard output says why.
    """
    schema = elsewhere(connection, USERS)
    if schema is None:
        return
    have_ours = {table: has_table(connection, SCHEMA, table) for table in (USERS, IDENTITIES)}
    identities_schema = elsewhere(connection, IDENTITIES)
    if not have_ours[USERS] and not (have_ours[IDENTITIES] and identities_schema):
        return
    try:
        with connection.begin_nested():
            for table in (table for table, is_there in have_ours.items() if is_there):
                connection.execute(text(f"LOCK TABLE {SCHEMA}.{table} IN ACCESS EXCLUSIVE MODE"))
            if have_ours[USERS]:
                _copy_users(connection, schema)
                _refer("web_accounts", "user_id", schema, connection)
            if have_ours[IDENTITIES] and identities_schema:
                _copy_identities(connection, identities_schema)
                connection.execute(text(f"DROP TABLE {SCHEMA}.{IDENTITIES}"))
            elif have_ours[USERS] and have_ours[IDENTITIES]:
                _refer(IDENTITIES, "universal_id", schema, connection)
            if have_ours[USERS]:
                connection.execute(text(f"DROP TABLE {SCHEMA}.{USERS}"))
    except (DBAPIError, KeyError) as error:
        reason = str(getattr(error, "orig", None) or f"no column {error}").splitlines()[0]
        sys.stdout.write(
            f"The tables for people in the schema {schema} are not used, those in {SCHEMA} still are: {reason}\n"
        )


def _is_as_we_make_it(connection: Connection, schema: str, table: str) -> bool:
    shape = connection.execute(_SHAPE, {"schema": schema, "table": table}).first()
    return (
        shape is not None
        and shape.columns == _OUR_COLUMNS[table]
        and shape.indexes == _OUR_INDEXES[table]
        and shape.is_owned
        and not shape.is_used
    )


def _copy_users(connection: Connection, schema: str) -> None:
    """A bot may have made a row for one of our people by its id, with a name that it made up: ours is the better."""
    rows = connection.execute(_TYPES, {"schema": schema, "table": USERS})
    kinds: dict[str, str] = {row.attname: row.kind for row in rows}
    connection.execute(
        text(f"""
        INSERT INTO "{schema}".{USERS} AS theirs (universal_id, primary_username, display_name, email, created_at,
            last_active, preferences, privacy_settings)
        SELECT universal_id, primary_username, display_name, email, created_at, last_active,
            preferences::{kinds["preferences"]}, privacy_settings::{kinds["privacy_settings"]}
        FROM {SCHEMA}.{USERS}
        ON CONFLICT (universal_id) DO UPDATE SET primary_username = excluded.primary_username,
            display_name = excluded.display_name, email = COALESCE(excluded.email, theirs.email),
            created_at = LEAST(theirs.created_at, excluded.created_at),
            last_active = GREATEST(theirs.last_active, excluded.last_active)""")
    )


def _copy_identities(connection: Connection, schema: str) -> None:
    connection.execute(
        text(f"""
        INSERT INTO "{schema}".{IDENTITIES} (universal_id, platform, platform_user_id, username, display_name, email,
            verified_at)
        SELECT universal_id, platform, platform_user_id, username, display_name, email, verified_at
        FROM {SCHEMA}.{IDENTITIES} ORDER BY id
        ON CONFLICT DO NOTHING""")
    )


def _refer(table: str, column: str, schema: str, connection: Connection) -> None:
    name = f"{table}_{column}_fkey"
    connection.execute(
        text(f"""
        ALTER TABLE {SCHEMA}.{table} DROP CONSTRAINT {name}, ADD CONSTRAINT {name} FOREIGN KEY ({column})
            REFERENCES "{schema}".{USERS} (universal_id) ON DELETE CASCADE""")
    )
