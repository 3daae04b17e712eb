"""The PostgreSQL and the Redis that a command works with: the configured ones, else the embedded ones."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

from chat_api.core.settings import Settings
from chat_api.embedded.servers import embedded_servers


@dataclass(frozen=True, slots=True, kw_only=True)
class Servers:
    """Where they are, and in words that hold no secret."""

    database_url: str
    redis_url: str
    database: str
    redis: str


@asynccontextmanager
async def servers(settings: Settings, *, join: bool = False) -> AsyncIterator[Servers]:
    """Start what is not configured, for as long as the block runs; with ``join`` use those of a running process.

    Raises: StateDirInUse, DatabaseUnavailable or Unavailable, as ``embedded_servers`` does.
    """
    database = settings.database_url.get_secret_value() if settings.database_url else None
    redis = settings.redis_url.get_secret_value() if settings.redis_url else None
    if database and redis:
        yield _described(database, redis, settings)
        return
    state_dir = settings.web_ui_state_dir
    async with embedded_servers(state_dir, postgres=not database, valkey=not redis, join=join) as embedded:
        yield _described(database or embedded.database_url, redis or embedded.redis_url, settings)


def _described(database_url: str | None, redis_url: str | None, settings: Settings) -> Servers:
    assert database_url
    assert redis_url
    here = f"embedded, under {settings.web_ui_state_dir.resolve()}"
    return Servers(
        database_url=database_url,
        redis_url=redis_url,
        database=f"{_address(database_url)} (DATABASE_URL)" if settings.database_url else here,
        redis=f"{_address(redis_url)} (REDIS_URL)" if settings.redis_url else here,
    )


def _address(url: str) -> str:
    """Host, port and name only: user and password stay out of terminals and logs."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'local socket'}{f':{parts.port}' if parts.port else ''}{parts.path}"
