"""Our tables are in a schema of our own, before and after a fleet, and older ones are moved there."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncpg
import pytest
from sqlmodel import SQLModel

from models.connections import SCHEMA, connect
from models.migrate import HEAD, MigrationFailed, upgrade
from tests.models.test_migrations import SPECIFIED, WHISPERENGINE
from tests.support.eventually import eventually
from tests.support.older_schema import VERSION_TABLE, install_older, rows, schemas
from tests.support.servers import with_database

# Source: v1, scripts/run_migrations.py.
V1_COUNT = "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema='public' AND table_type='BASE TABLE'"
# v1's people since October 2025; what its bots know of them refers to them.
V1 = """
CREATE TABLE universal_users (universal_id VARCHAR(255) PRIMARY KEY, primary_username VARCHAR(255) NOT NULL,
    display_name VARCHAR(255), email VARCHAR(255), created_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    last_active TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP, preferences JSONB DEFAULT '{}',
    privacy_settings TEXT DEFAULT '{}');
CREATE TABLE platform_identities (id SERIAL PRIMARY KEY,
    universal_id VARCHAR(255) NOT NULL REFERENCES universal_users (universal_id) ON DELETE CASCADE,
    platform VARCHAR(50) NOT NULL, platform_user_id VARCHAR(255) NOT NULL, username VARCHAR(255) NOT NULL,
    display_name VARCHAR(255), email VARCHAR(255), verified_at TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    UNIQUE (platform, platform_user_id));
CREATE INDEX idx_universal_users_username ON universal_users (primary_username);
CREATE TABLE user_fact_relationships (id SERIAL PRIMARY KEY,
    user_id VARCHAR(255) NOT NULL REFERENCES universal_users (universal_id) ON DELETE CASCADE);
"""
# What a bot of v1 does with every id that it is sent. Source: v1, src/knowledge/semantic_router.py.
V1_MEETS = """
INSERT INTO universal_users (universal_id, primary_username, display_name, created_at, last_active)
VALUES ($1, $2, $3, NOW(), NOW()) ON CONFLICT (universal_id) DO UPDATE SET last_active = NOW()"""
# Source: v2, migrations_v2/versions/001_init_v2.py and alembic.
V2 = """
CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);
INSERT INTO alembic_version VALUES ('001_init_v2');
CREATE TABLE v2_chat_history (id SERIAL PRIMARY KEY, user_id TEXT NOT NULL, character_name TEXT NOT NULL,
    role TEXT NOT NULL, content TEXT NOT NULL, timestamp TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
CREATE TABLE v2_user_relationships (user_id TEXT, character_name TEXT, PRIMARY KEY (user_id, character_name));
INSERT INTO v2_chat_history (user_id, character_name, role, content) VALUES ('42', 'elena', 'human', 'hi');
"""
OUR_ACCOUNT = """
WITH person AS (
    INSERT INTO universal_users (universal_id, primary_username, display_name, created_at, last_active, preferences,
        privacy_settings) VALUES ('weu_1', 'mia', 'Mia', '2026-01-01', '2026-01-01', '{}', '{}')
), identity AS (
    INSERT INTO platform_identities (universal_id, platform, platform_user_id, username, verified_at)
    VALUES ('weu_1', 'web_ui', 'weu_1', 'mia', now())
) INSERT INTO web_accounts (user_id, name_key, username, display_name) VALUES ('weu_1', 'mia', 'mia', 'Mia')"""
PEOPLE = ("universal_users", "platform_identities")
# Everything that has a name in a schema, without what hangs on a table.
_IN_PUBLIC = """
SELECT relname::text AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace
UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace
UNION ALL SELECT typname FROM pg_type WHERE typnamespace = 'public'::regnamespace"""


async def test_an_empty_database_is_empty_for_a_fleet_that_comes_later(fleet_database_url: str) -> None:
    """All of ours is in our schema; for v1's migrator the database is new, and nothing is set for the role."""
    await upgrade(fleet_database_url)
    async with _sql(fleet_database_url) as sql:
        assert await sql.fetchval(V1_COUNT) == 0
        assert await sql.fetch(_IN_PUBLIC) == []
        where = await schemas(sql)
        assert set(where) == {table.name for table in SQLModel.metadata.sorted_tables}
        assert set(where.values()) == {SCHEMA}
        assert await sql.fetchval("SELECT current_setting('search_path')") == '"$user", public'
        await sql.execute(V1)
        await sql.execute(V2)


async def test_beside_v1_its_people_are_used_and_nothing_of_it_is_touched(fleet_database_url: str) -> None:
    """Its migrator counts what it counted before, and our accounts refer to its people."""
    async with _sql(fleet_database_url) as sql:
        await sql.execute(V1)
        await sql.execute(V1_MEETS, "42", "user_42", "User 42")
        count, before = await sql.fetchval(V1_COUNT), await sql.fetch(_IN_PUBLIC)
        await upgrade(fleet_database_url)
        assert (await sql.fetchval(V1_COUNT), await sql.fetch(_IN_PUBLIC)) == (count, before)
        assert await _referred(sql) == "public.universal_users"
        async with _ours(fleet_database_url) as ours:
            await ours.execute(OUR_ACCOUNT)
        assert [row[0] for row in await sql.fetch("SELECT universal_id FROM universal_users ORDER BY 1")] == [
            "42",
            "weu_1",
        ]


async def test_beside_v2_people_are_made_in_our_schema(fleet_database_url: str) -> None:
    """It has no table for them; its own tables and its ``alembic_version`` stay as they are."""
    async with _sql(fleet_database_url) as sql:
        await sql.execute(V2)
        before = await sql.fetch(_IN_PUBLIC)
        await upgrade(fleet_database_url)
        assert await sql.fetch(_IN_PUBLIC) == before
        assert await sql.fetchval("SELECT version_num FROM alembic_version") == "001_init_v2"
        assert await sql.fetchval("SELECT content FROM v2_chat_history") == "hi"
        assert {(await schemas(sql))[table] for table in PEOPLE} == {SCHEMA}


async def test_v1_that_comes_after_us_gets_our_people_at_our_next_start(fleet_database_url: str) -> None:
    """Its own tables are used from then on: nobody is lost, and a name that a bot made up gives way to the real one."""
    await upgrade(fleet_database_url)
    async with _sql(fleet_database_url) as sql, _ours(fleet_database_url) as ours:
        await ours.execute(OUR_ACCOUNT)
        await sql.execute(V1)
        await sql.execute(V1_MEETS, "weu_1", "user_weu_1", "User eu_1")
        await sql.execute(V1_MEETS, "42", "user_42", "User 42")
        await sql.execute("INSERT INTO user_fact_relationships (user_id) VALUES ('weu_1')")
        await sql.execute("""UPDATE universal_users SET preferences = '{"name": "M"}' WHERE universal_id = 'weu_1'""")
        assert await upgrade(fleet_database_url) is True
        assert await upgrade(fleet_database_url) is False
        people = await sql.fetch("SELECT universal_id, display_name, preferences FROM universal_users ORDER BY 1")
        assert [tuple(row) for row in people] == [("42", "User 42", "{}"), ("weu_1", "Mia", '{"name": "M"}')]
        assert await sql.fetchval("SELECT platform FROM platform_identities WHERE universal_id = 'weu_1'") == "web_ui"
        assert await sql.fetchval("SELECT created_at::text FROM universal_users WHERE universal_id = 'weu_1'") == (
            "2026-01-01 00:00:00"
        )
        assert await _referred(sql) == "public.universal_users"
        assert await ours.fetchval("SELECT count(*) FROM web_accounts JOIN universal_users ON universal_id = user_id")
        assert await sql.fetchval("SELECT count(*) FROM user_fact_relationships") == 1
        assert {(await schemas(sql))[table] for table in PEOPLE} == {"public"}


async def test_people_of_a_fleet_that_may_not_be_used_leave_ours_in_use(
    fleet_database_url: str, postgres_server: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is lost, and the log says why there are two."""
    await upgrade(fleet_database_url)
    theirs = with_database(postgres_server, _name(fleet_database_url))
    async with _sql(theirs) as owner, _ours(fleet_database_url) as ours:
        await ours.execute(OUR_ACCOUNT)
        await owner.execute("SET search_path = public;" + V1)
        await upgrade(fleet_database_url)
        assert (
            await ours.fetchval("SELECT count(*) FROM universal_users JOIN web_accounts ON user_id = universal_id") == 1
        )
        assert "permission denied for table universal_users" in caplog.text


async def test_people_of_a_fleet_that_may_not_be_used_are_asked_for_at_the_first_start(
    fleet_database_url: str, postgres_server: str
) -> None:
    """The error says what to grant; then the start succeeds."""
    async with _sql(with_database(postgres_server, _name(fleet_database_url))) as owner:
        await owner.execute("SET search_path = public;" + V1)
        with pytest.raises(MigrationFailed) as refused:
            await upgrade(fleet_database_url)
        await owner.execute(str(refused.value).split("As their owner run: ")[1])
        await upgrade(fleet_database_url)
        async with _ours(fleet_database_url) as ours:
            await ours.execute(OUR_ACCOUNT)
        assert await owner.fetchval("SELECT count(*) FROM universal_users") == 1


async def test_an_installation_in_public_is_moved_without_losing_a_row(older_database_url: str) -> None:
    """Rows in every table, sequences that go on, functions; several processes at once move it only once."""
    async with _sql(older_database_url) as sql:
        where = await schemas(sql)
        assert set(where.values()) == {"public"}
        before = await rows(sql, where)
        assert all(before.values()), "a table without rows proves nothing"
        code = f"import asyncio, models.migrate as m; asyncio.run(m.upgrade({older_database_url!r}))"
        processes = [await asyncio.create_subprocess_exec(sys.executable, "-c", code) for _ in range(3)]
        assert [await process.wait() for process in processes] == [0, 0, 0]
        assert await sql.fetchval(V1_COUNT) == 0
        assert await sql.fetch(_IN_PUBLIC) == []
        moved = await rows(sql, dict.fromkeys(where, SCHEMA), before=before)
        assert moved == before
        async with _ours(older_database_url) as ours:
            assert await ours.fetchval(f"SELECT version_num FROM {VERSION_TABLE}") == HEAD
            for table in ("web_bot_checks", "platform_identities"):
                assert await ours.fetchval(f"SELECT nextval(pg_get_serial_sequence('{table}', 'id'))") == 3
            with pytest.raises(asyncpg.InsufficientPrivilegeError, match="append-only"):
                await ours.execute("DELETE FROM web_audit")
            await ours.execute("DELETE FROM universal_users WHERE universal_id = 'x1'")
            assert await ours.fetchval("SELECT count(*) FROM web_accounts WHERE user_id = 'x1'") == 0
    assert await upgrade(older_database_url) is False


async def test_tables_of_an_older_version_beside_ours_are_warned_of(
    fleet_database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """E.g. of one that was started after the move; ours are the ones in use."""
    await upgrade(fleet_database_url)
    assert await upgrade(fleet_database_url) is False
    assert "Tables of an older version" not in caplog.text
    await install_older(fleet_database_url)
    assert await upgrade(fleet_database_url) is True  # its people
    assert await upgrade(fleet_database_url) is False
    assert "Tables of an older version" in caplog.text
    async with _ours(fleet_database_url) as ours:
        assert await ours.fetchval("SELECT count(*) FROM web_accounts") == 0


async def test_people_that_older_versions_made_are_moved_beside_v2_and_a_migrator_of_v1_that_failed(
    older_database_url: str,
) -> None:
    """Neither uses them, and in ``public`` they would go on to stop v1's migrator."""
    async with _sql(older_database_url) as sql:
        await sql.execute(V2 + "CREATE TABLE schema_migrations (migration_name VARCHAR(255) PRIMARY KEY)")
        await upgrade(older_database_url)
        assert set((await schemas(sql)).values()) == {SCHEMA}
        assert await sql.fetchval(V1_COUNT) == 4


@pytest.mark.parametrize(
    "use",
    [
        "CREATE TABLE fact_entities (id SERIAL PRIMARY KEY)",
        "CREATE INDEX idx_universal_users_username ON universal_users (primary_username)",
        "ALTER TABLE universal_users ALTER preferences DROP DEFAULT, ALTER preferences TYPE JSONB USING '{}'",
        "CREATE SCHEMA other; CREATE VIEW other.somebody AS SELECT universal_id FROM universal_users",
    ],
)
async def test_people_that_a_fleet_has_come_to_use_stay_where_they_are(older_database_url: str, use: str) -> None:
    """The rest is moved, and refers to them there."""
    async with _sql(older_database_url) as sql:
        await sql.execute(use)
        where = await schemas(sql)
        before = await rows(sql, where)
        await upgrade(older_database_url)
        moved = await schemas(sql)
        assert {table for table, schema in moved.items() if schema == "public"} == set(PEOPLE)
        assert await rows(sql, moved, before=before) == before
        assert await _referred(sql) == "public.universal_users"
        async with _ours(older_database_url) as ours:
            await ours.execute(OUR_ACCOUNT)
    assert await upgrade(older_database_url) is False


async def test_v1s_own_people_stay_when_an_older_installation_is_moved(older_database_url: str) -> None:
    """v1 was there first, and our older version used its tables."""
    async with _sql(older_database_url) as sql:
        # v1 was there first: times without a zone, and its own account of migrations.
        await sql.execute(
            "ALTER TABLE universal_users ALTER created_at TYPE TIMESTAMP, ALTER last_active TYPE TIMESTAMP;"
            "CREATE TABLE alembic_version (version_num VARCHAR(32) PRIMARY KEY);"
            "CREATE TABLE user_fact_relationships (user_id VARCHAR(255) REFERENCES universal_users (universal_id))"
        )
        before = await rows(sql, await schemas(sql))
        await upgrade(older_database_url)
        moved = await schemas(sql)
        assert {table for table, schema in moved.items() if schema == "public"} == set(PEOPLE)
        assert await rows(sql, moved, before=before) == before
        assert await sql.fetchval(V1_COUNT) == len(PEOPLE) + 2


async def test_a_move_that_is_interrupted_leaves_everything_as_it_was(older_database_url: str) -> None:
    """Some tables were moved already when the connection broke; afterwards none is, and the next start moves all."""
    async with _sql(older_database_url) as sql, _sql(older_database_url) as reader:
        before = await rows(sql, await schemas(sql))
        async with reader.transaction():
            await reader.execute("LOCK TABLE web_ws_tickets IN ACCESS SHARE MODE")  # the last that is moved
            moving = asyncio.create_task(upgrade(older_database_url))
            assert await eventually(lambda: sql.fetchval(_END_WHO_WAITS))
            with pytest.raises(MigrationFailed):
                await moving
        assert set((await schemas(sql)).values()) == {"public"}
        assert await rows(sql, await schemas(sql), before=before) == before
        assert await sql.fetchval("SELECT to_regnamespace($1)", SCHEMA) is None
        await upgrade(older_database_url)
        assert await rows(sql, await schemas(sql), before=before) == before


async def test_an_older_process_that_still_serves_is_waited_for(older_database_url: str) -> None:
    """It would not find its tables once they are moved; when it does not end the start says so and changes nothing."""
    async with _sql(older_database_url) as sql:
        older = await asyncpg.connect(older_database_url, server_settings={"application_name": "whisperengine-web"})
        with pytest.raises(MigrationFailed, match="A process of an older version still uses this database"):
            await upgrade(older_database_url, drain_s=0)
        assert set((await schemas(sql)).values()) == {"public"}
        moving = asyncio.create_task(upgrade(older_database_url, drain_s=600))
        assert await eventually(lambda: sql.fetchval(_WAITS_FOR_OLDER))
        await older.close()
        await moving
        assert set((await schemas(sql)).values()) == {SCHEMA}


async def test_a_role_that_may_not_make_the_schema_is_told_what_to_do(
    postgres_server: str, fleet_database_url: str
) -> None:
    """An administrator makes it, and then the role needs no right on the database."""
    mine = with_database(postgres_server, _name(fleet_database_url), user="guest")
    async with _sql(with_database(postgres_server, _name(fleet_database_url))) as administrator:
        await administrator.execute("CREATE ROLE guest LOGIN")
        try:
            with pytest.raises(MigrationFailed, match=f'CREATE SCHEMA {SCHEMA} AUTHORIZATION "guest"'):
                await upgrade(mine)
            await administrator.execute(f"CREATE SCHEMA {SCHEMA}")
            with pytest.raises(MigrationFailed, match=f'GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO "guest"'):
                await upgrade(mine)
            await administrator.execute(f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO guest")
            await upgrade(mine)
            assert await administrator.fetchval(V1_COUNT) == 0
        finally:
            await administrator.execute("DROP OWNED BY guest; DROP ROLE guest")


async def test_tables_from_the_specification_are_moved_and_a_strangers_are_not(fleet_database_url: str) -> None:
    """Only a table with the specification's columns was made from it."""
    stranger = (
        "CREATE TABLE web_conversations (id SERIAL PRIMARY KEY, title TEXT);"
        "INSERT INTO web_conversations (title) VALUES ('x')"
    )
    sessions = SPECIFIED.split("CREATE TABLE web_conversations")[0]
    async with _sql(fleet_database_url) as sql:
        await sql.execute(sessions + stranger)
        await upgrade(fleet_database_url)
        assert await sql.fetchval("SELECT title FROM public.web_conversations") == "x"
        assert await sql.fetchval(V1_COUNT) == 1
        async with _ours(fleet_database_url) as ours:
            assert await ours.fetchval("SELECT count(*) FROM web_conversations") == 0
    assert await upgrade(fleet_database_url) is False


async def test_tables_from_the_specification_that_belong_to_another_role_are_named(
    fleet_database_url: str, postgres_server: str
) -> None:
    """Only their owner can move them; nothing is made beside them, where their rows would not be seen."""
    async with _sql(with_database(postgres_server, _name(fleet_database_url))) as owner:
        await owner.execute("SET search_path = public;" + WHISPERENGINE + SPECIFIED)
        with pytest.raises(MigrationFailed, match='web_user_sessions belongs to the role "postgres"'):
            await upgrade(fleet_database_url)


# In the middle of the move: the one that waits for the lock on the last table.
_END_WHO_WAITS = """
SELECT pg_terminate_backend(l.pid) FROM pg_locks l
WHERE NOT l.granted AND l.relation = 'public.web_ws_tickets'::regclass"""
_WAITS_FOR_OLDER = """
SELECT true FROM pg_stat_activity WHERE application_name = 'whisperengine-web-migration' AND query LIKE '%pg_sleep%'
    AND datname = current_database()"""


def _name(url: str) -> str:
    return urlsplit(url).path.removeprefix("/")


async def _referred(sql: asyncpg.Connection) -> str | None:
    """Which table the accounts refer to."""
    found: str | None = await sql.fetchval(
        "SELECT n.nspname || '.' || c.relname FROM pg_constraint f JOIN pg_class c ON c.oid = f.confrelid"
        " JOIN pg_namespace n ON n.oid = c.relnamespace"
        f" WHERE f.conrelid = '{SCHEMA}.web_accounts'::regclass AND f.contype = 'f'"
    )
    return found


@asynccontextmanager
async def _sql(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as a fleet or an administrator has one."""
    sql = await asyncpg.connect(url)
    try:
        yield sql
    finally:
        await sql.close()


@asynccontextmanager
async def _ours(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection of ours."""
    sql = await connect(url)
    try:
        yield sql
    finally:
        await sql.close()
