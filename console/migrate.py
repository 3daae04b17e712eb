"""``migrate``: bring the database to the current schema."""

from chat_api.core.errors import DatabaseUnavailable
from chat_api.core.settings import Settings
from console.servers import Servers, servers
from console.terminal import say


async def run_migrate(settings: Settings) -> None:
    """Migrate the configured or the embedded database. Safe beside running processes."""
    async with servers(settings, join=True) as where:
        is_changed = await migrate(where)
    say(f"PostgreSQL {where.database}: {'migrated' if is_changed else 'already up to date'}.")


async def migrate(where: Servers) -> bool:
    """Bring the database up; returns whether anything had to be done.

    Raises: DatabaseUnavailable, in words for the operator, when PostgreSQL is away or refuses.
    """
    from asyncpg.exceptions import InterfaceError, PostgresError

    from chat_api.core.logging import redact
    from models.connections import DatabaseUnsuitable
    from models.migrate import MigrationFailed, upgrade

    try:
        return await upgrade(where.database_url)
    except (MigrationFailed, DatabaseUnsuitable) as error:
        raise DatabaseUnavailable(f"Can't use PostgreSQL {where.database}.", detail=redact(str(error))) from error
    except (OSError, PostgresError, InterfaceError) as error:
        detail = redact(f"{type(error).__name__}: {error}")
        raise DatabaseUnavailable(f"Can't use PostgreSQL {where.database}.", detail=detail) from error
