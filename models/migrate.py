"""Bring a database to the newest shape."""

import asyncio
from pathlib import Path

import asyncpg

from models.database_url import async_database_url, asyncpg_dsn

HEAD = "0010"


async def upgrade(database_url: str) -> bool:
    """Migrate to :data:`HEAD`; safe to call from many processes at once.

    Returns whether anything had to be done. Alembic is imported only then: it costs a start a fifth of a second.
    """
    if await _version(database_url) == HEAD:
        return False
    await asyncio.to_thread(_run_alembic, database_url)
    return True


async def _version(database_url: str) -> str | None:
    connection = await asyncpg.connect(asyncpg_dsn(database_url), timeout=10)
    try:
        return await connection.fetchval("SELECT version_num FROM web_ui_alembic_version")  # type: ignore[no-any-return]
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


def _run_alembic(database_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = async_database_url(database_url)
    command.upgrade(config, "head")
