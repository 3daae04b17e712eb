"""``migrate``: bring the database to the current schema."""

from chat_api.core.settings import Settings
from console.servers import servers
from console.terminal import say


async def run_migrate(settings: Settings) -> None:
    """Migrate the configured or the embedded database. Safe beside running processes."""
    from models.migrate import upgrade

    async with servers(settings, join=True) as where:
        is_changed = await upgrade(where.database_url)
    say(f"PostgreSQL {where.database}: {'migrated' if is_changed else 'already current'}.")
