"""The check whether PostgreSQL takes writes: it needs room on the disk, as whatever somebody writes does."""

import asyncpg

from chat_api.core.database import Database
from chat_api.core.write_check import check_writes
from tests.support.eventually import eventually

# Of 36 bytes each, with what PostgreSQL adds: more than two pages of 8 KiB, which no page that is there already takes.
ROWS_OF_SEVERAL_PAGES = 500
_WRITTEN = "SELECT max(n_tup_ins) FROM pg_stat_all_tables WHERE relname = 'whisperengine_room'"


async def test_the_check_writes_pages_that_a_full_disk_has_no_room_for(database: Database, database_url: str) -> None:
    """A row that is only changed finds room where new ones do not; nothing of it stays, however often it is checked."""
    await check_writes(database)
    observer = await asyncpg.connect(database_url)
    try:

        async def has_written() -> bool:
            return bool(await observer.fetchval(_WRITTEN) >= ROWS_OF_SEVERAL_PAGES)

        await eventually(has_written)
        for _ in range(3):
            await check_writes(database)
        size = "SELECT pg_relation_size(oid) FROM pg_class WHERE relname = 'whisperengine_room'"
        assert await observer.fetchval(size) == 0
    finally:
        await observer.close()
