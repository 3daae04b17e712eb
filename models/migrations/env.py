"""How alembic reaches the database: one asynchronous connection, one transaction, one migrator at a time."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlmodel import SQLModel

import models  # noqa: F401  (fills SQLModel.metadata)
from models.connections import engine as database_engine
from models.migrations.people import adopt
from models.migrations.schema import ensure_schema

VERSION_TABLE = "web_ui_alembic_version"
# Any constant will do as long as every process of ours uses the same one.
MIGRATION_LOCK = 0x57454D49
# Not the name of a process that serves: those are looked for before tables are moved.
SESSION = {"application_name": "whisperengine-web-migration", "timezone": "UTC"}


def _migrate(connection: Connection) -> None:
    connection.execute(text(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})"))
    ensure_schema(connection)
    context.configure(connection=connection, target_metadata=SQLModel.metadata, version_table=VERSION_TABLE)
    with context.begin_transaction():
        context.run_migrations()
    adopt(connection)


async def _run() -> None:
    engine = database_engine(
        context.config.attributes["database_url"], connect_args={"server_settings": SESSION}, poolclass=pool.NullPool
    )
    try:
        async with engine.begin() as connection:
            await connection.run_sync(_migrate)
    finally:
        await engine.dispose()


asyncio.run(_run())
