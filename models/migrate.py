"""Bring a database to the newest shape."""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg

from models.database_url import async_database_url, asyncpg_dsn

HEAD = "0015"


class MigrationFailed(Exception):
    """The schema could not be changed, and is as it was; the text is the last that alembic said."""


async def upgrade(database_url: str) -> bool:
    """Migrate to :data:`HEAD`; safe to call from many processes at once.

    Returns whether anything had to be done. Alembic runs only then, and in a process of its own: what it leaves in
    memory (8 MB) is of no use to a web process that runs for weeks. Raises: MigrationFailed.
    """
    if await _version(database_url) == HEAD:
        return False
    await _upgrade_apart(database_url)
    return True


async def _version(database_url: str) -> str | None:
    connection = await asyncpg.connect(asyncpg_dsn(database_url), timeout=10)
    try:
        return await connection.fetchval("SELECT version_num FROM web_ui_alembic_version")  # type: ignore[no-any-return]
    except asyncpg.UndefinedTableError:
        return None
    finally:
        await connection.close()


async def _upgrade_apart(database_url: str) -> None:
    """Run :func:`_upgrade` in a child; the address has a password, and so it goes in where nobody else can read it."""
    root, pipe = Path(__file__).parent.parent, asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, cwd=root, stdin=pipe, stdout=asyncio.subprocess.DEVNULL, stderr=pipe
    )
    try:
        _, said = await child.communicate(database_url.encode())
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    if child.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        raise MigrationFailed(lines[-1] if lines else f"alembic ended with {child.returncode}")


def _upgrade(database_url: str) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["database_url"] = async_database_url(database_url)
    command.upgrade(config, "head")


if __name__ == "__main__":
    _upgrade(sys.stdin.read())
