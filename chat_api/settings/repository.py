"""What is set in the console: rows of ``web_settings`` whose keys begin alike, with JSON values."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.database import Database
from models.connections import connect

PREFIX = "here:"
CONNECT_TIMEOUT_S = 10
_READ = "SELECT key, value, updated_at FROM web_settings WHERE key LIKE 'here:%' ORDER BY key"
_ACTIVE_USERS = """
SELECT count(DISTINCT user_id) AS users FROM web_conversations WHERE timestamp > now() - make_interval(secs => $1)"""
_LOCK = text("SELECT value FROM web_settings WHERE key = :key FOR UPDATE")
_PUT = text("""
INSERT INTO web_settings (key, value, updated_at) VALUES (:key, :value, now())
ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated_at = now()
""")
_DELETE = text("DELETE FROM web_settings WHERE key = :key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Stored:
    """One value, and who stored it when; ``problem`` says why it cannot be read, when it was not we who wrote it."""

    value: Any
    changed_by: str
    changed_at: datetime
    problem: str | None = None


async def read(database: Database) -> dict[str, Stored]:
    """Everything that is set here, by key without the prefix."""
    return _read(await database.fetch(_READ))


async def read_at_start(database_url: str) -> dict[str, Stored]:
    """The same before there is a pool, whose size may be among it."""
    connection = await connect(database_url, timeout=CONNECT_TIMEOUT_S)
    try:
        return _read(await connection.fetch(_READ, timeout=CONNECT_TIMEOUT_S))
    finally:
        await connection.close()


async def active_users(database: Database, *, within_s: float) -> int:
    """How many people wrote in so many seconds."""
    return int((await database.fetch(_ACTIVE_USERS, within_s))[0]["users"])


async def put(connection: AsyncConnection, key: str, value: Any, *, changed_by: str) -> Any:
    """Store a value; returns the one before, or ``None``."""
    before = await _before(connection, key)
    stored = orjson.dumps({"value": value, "by": changed_by}).decode()
    await connection.execute(_PUT, {"key": PREFIX + key, "value": stored})
    return before


async def delete(connection: AsyncConnection, key: str) -> Any:
    """Remove a value; returns it, or ``None`` when there was none."""
    before = await _before(connection, key)
    await connection.execute(_DELETE, {"key": PREFIX + key})
    return before


async def _before(connection: AsyncConnection, key: str) -> Any:
    found = (await connection.execute(_LOCK, {"key": PREFIX + key})).scalar_one_or_none()
    if found is None:
        return None
    try:
        return orjson.loads(found)["value"]
    except (ValueError, KeyError, TypeError):
        return None


def _read(rows: Iterable[Any]) -> dict[str, Stored]:
    found = {}
    for row in rows:
        value, changed_by, problem = None, "", None
        try:
            stored = orjson.loads(row["value"])
            value, changed_by = stored["value"], str(stored["by"])
        except ValueError:
            problem = "is not JSON"
        except (KeyError, TypeError):
            problem = "has no value"
        found[row["key"].removeprefix(PREFIX)] = Stored(
            value=value, changed_by=changed_by, changed_at=row["updated_at"], problem=problem
        )
    return found
