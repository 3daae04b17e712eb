"""Bring a database to the newest shape."""

import asyncio
import logging
import sys
from contextlib import suppress
from pathlib import Path

import asyncpg

from models.connections import SCHEMA, DatabaseUnsuitable, connect
from models.database_url import database_address

HEAD = "0023"
# Within that time an older process that was told to end has drained, and its tables may be moved.
DRAIN_S = 30.0
_VERSION = "SELECT version_num FROM web_ui_alembic_version"
# A fleet that came to the database after us has made tables of its own for people: see models/migrations/people.py.
# And an older version that was started after us, or whose dump was restored, has its tables where it always had them.
_BESIDE = """
SELECT DISTINCT theirs.relname::text FROM pg_class ours
JOIN pg_class theirs ON theirs.relname = ours.relname AND theirs.relkind = 'r'
JOIN pg_namespace n ON n.oid = theirs.relnamespace
WHERE ours.relname IN ('universal_users', 'platform_identities', 'web_ui_alembic_version')
    AND ours.relnamespace = to_regnamespace($1) AND n.nspname = ANY (current_schemas(false)) AND n.nspname <> $1"""
log = logging.getLogger(__name__)


class MigrationFailed(Exception):
    """The schema could not be changed, and is as it was; the text is the last that alembic said."""


async def upgrade(database_url: str, *, drain_s: float = DRAIN_S) -> bool:
    """Migrate to :data:`HEAD`; safe to call from many processes at once.

    Returns whether anything had to be done. Alembic runs only then, and in a process of its own: what it leaves in
    memory (8 MB) is of no use to a web process that runs for weeks. Where tables have to be moved, older processes get
    ``drain_s`` to end. Raises: MigrationFailed, DatabaseUnsuitable.
    """
    if await _is_current(database_url):
        return False
    await _upgrade_apart(database_url, drain_s)
    return True


async def _is_current(database_url: str) -> bool:
    connection = await connect(database_url)
    try:
        if await connection.fetchval(_VERSION) != HEAD:
            return False
        beside = {row[0] for row in await connection.fetch(_BESIDE, SCHEMA)}
    except asyncpg.UndefinedTableError:
        return False
    finally:
        await connection.close()
    if "web_ui_alembic_version" in beside:
        log.warning(
            "Tables of an older version of the console are beside those in the schema %s and are not used:"
            ' see "Back up and restore" in docs/operate.md.',
            SCHEMA,
        )
    return beside <= {"web_ui_alembic_version"}


async def _upgrade_apart(database_url: str, drain_s: float) -> None:
    """Run :func:`_upgrade` in a child; the address has a password, and so it goes in where nobody else can read it."""
    root, pipe = Path(__file__).parent.parent, asyncio.subprocess.PIPE
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", __name__, str(drain_s), cwd=root, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        warned, said = await child.communicate(database_url.encode())
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        await child.wait()
    for line in warned.decode(errors="replace").splitlines():
        log.warning(line)
    if child.returncode != 0:
        lines = said.decode(errors="replace").strip().splitlines()
        raise MigrationFailed(lines[-1] if lines else f"alembic ended with {child.returncode}")


def _upgrade(database_url: str, drain_s: float) -> None:
    from alembic import command
    from alembic.config import Config

    database_address(database_url)  # anything but PostgreSQL is refused before alembic is asked
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes.update(database_url=database_url, drain_s=drain_s)
    try:
        command.upgrade(config, "head")
    except DatabaseUnsuitable as error:
        sys.exit(str(error))


if __name__ == "__main__":
    _upgrade(sys.stdin.read(), float(sys.argv[1]))
