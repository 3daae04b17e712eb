"""Bring a database to the newest shape."""

import asyncio
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

from models.database_url import async_database_url

HEAD = "0002"


async def upgrade(database_url: str) -> bool:
    """Migrate to :data:`HEAD`; safe to call from many processes at once.

    Returns whether anything had to be done. Alembic is imported only then: it costs a start a fifth of a second.
    """
    if await _version(database_url) == HEAD:
        return False
    await asyncio.to_thread(_run_alembic, database_url)
    return True


async def _version(database_url: str) -> str | None:
    url = make_url(async_database_url(database_url)).set(drivername="postgresql")
    connection = await asyncpg.connect(url.render_as_string(hide_password=False), timeout=10)
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
