"""Every connection finds our tables: straight to PostgreSQL and through a pooler, or the start says what to change."""

import asyncio
import re

import asyncpg
import pytest
from sqlalchemy import text

from chat_api.core.database import Database
from chat_api.core.errors import DatabaseUnavailable
from models.connections import SEARCH_PATH, DatabaseUnsuitable, connect
from models.migrate import upgrade
from tests.support.eventually import eventually
from tests.support.pgbouncer import pgbouncer
from tests.support.servers import with_database

PATH = "SELECT current_setting('search_path') FROM pg_sleep(0.05)"


async def test_each_connection_of_both_pools_has_the_path_and_those_that_replace_them(
    fleet_database_url: str, postgres_server: str
) -> None:
    """Nothing is set for the role: what finds our tables is the connection itself, also after the server ended it."""
    database = Database(fleet_database_url, pool_size=6)
    administrator = await asyncpg.connect(with_database(postgres_server, "postgres"))
    try:
        assert await _paths(database) == {SEARCH_PATH}
        await administrator.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'fleet' AND datname = $1",
            fleet_database_url.split("?", maxsplit=1)[0].rsplit("/", maxsplit=1)[1],
        )
        assert await eventually(lambda: _paths(database)) == {SEARCH_PATH}
    finally:
        await administrator.close()
        await database.dispose()


async def test_a_pooler_in_session_mode_needs_no_setting(fleet_database_url: str) -> None:
    """It refuses our parameters, and so they are set afterwards; another client sees nothing of them."""
    async with pgbouncer(fleet_database_url, pool_mode="session") as url:
        assert await upgrade(url) is True
        database = Database(url, pool_size=6)
        try:
            assert await _paths(database) == {SEARCH_PATH}
            assert (await database.fetch("SELECT count(*) AS count FROM web_accounts"))[0]["count"] == 0
            assert (await database.fetch("SELECT current_setting('enable_seqscan') AS it"))[0]["it"] == "off"
        finally:
            await database.dispose()
        stranger = await asyncpg.connect(url)
        assert await stranger.fetchval("SELECT current_setting('search_path')") == '"$user", public'
        await stranger.close()


async def test_a_pooler_that_drops_the_path_unseen_is_noticed(fleet_database_url: str) -> None:
    """With ``ignore_startup_parameters`` the connection succeeds and our tables would not be found."""
    ignored = "search_path,plan_cache_mode,enable_seqscan,jit"
    async with pgbouncer(fleet_database_url, pool_mode="session", ignore_startup_parameters=ignored) as url:
        connection = await connect(url)
        assert await connection.fetchval("SELECT current_setting('search_path')") == SEARCH_PATH
        await connection.close()


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("transaction", "pooler is in transaction mode.* pool_mode=session"),
        ("statement", "pooler is in statement mode.* pool_mode=session"),
    ],
)
async def test_a_pooler_that_cannot_work_ends_the_start_with_what_to_set(
    fleet_database_url: str, mode: str, words: str
) -> None:
    """And nothing is set in the sessions of PostgreSQL that it hands to other clients."""
    async with pgbouncer(fleet_database_url, pool_mode=mode) as url:
        with pytest.raises(DatabaseUnsuitable, match=words):
            await upgrade(url)
        database = Database(url, pool_size=2)
        for use in (database.fetch("SELECT 1"), _paths(database)):  # as `check` and the readiness do
            with pytest.raises(DatabaseUnavailable) as refused:
                await use
            assert re.search(words, str(refused.value.detail))
        await database.dispose()
        stranger = await asyncpg.connect(url, statement_cache_size=0)
        assert await stranger.fetchval("SELECT current_setting('search_path')") == '"$user", public'
        await stranger.close()


async def _paths(database: Database) -> set[str]:
    """What the connections of both pools have; all of them are in use at once."""

    async def fast() -> str:
        return str((await database.fetch(PATH))[0][0])

    async def slow() -> str:
        async with database.read() as connection:
            return str((await connection.execute(text(PATH))).scalar_one())

    return set(await asyncio.gather(*(ask() for ask in (fast, slow) for _ in range(6))))
