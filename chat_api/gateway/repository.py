"""Whom clients call by a name of their own."""

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.database import Database

_FIND = """
SELECT a.user_id, a.username, a.display_name, a.banned_at IS NOT NULL AS is_banned
FROM web_api_identities i JOIN web_accounts a USING (user_id) WHERE i.owner_id = $1 AND i.name_hash = $2"""
_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('web_api_identities:' || :owner_id || :name_hash, 0))")
_ADD = text("INSERT INTO web_api_identities (owner_id, name_hash, user_id) VALUES (:owner_id, :name_hash, :user_id)")
_THERE = text("SELECT EXISTS (SELECT FROM web_api_identities WHERE owner_id = :owner_id AND name_hash = :name_hash)")


async def find(database: Database, owner_id: str, name_hash: str) -> tuple[str, str, str, bool] | None:
    """Whom a name stands for within an account: id, username, shown name, and whether they are banned."""
    rows = await database.fetch(_FIND, owner_id, name_hash)
    if not rows:
        return None
    user_id, username, display_name, is_banned = rows[0].values()
    return user_id, username, display_name, is_banned


async def begin(connection: AsyncConnection, owner_id: str, name_hash: str) -> bool:
    """Whether a name is new; nobody else makes it until the transaction ends."""
    values = {"owner_id": owner_id, "name_hash": name_hash}
    await connection.execute(_LOCK, values)
    return not (await connection.execute(_THERE, values)).scalar_one()


async def add(connection: AsyncConnection, owner_id: str, name_hash: str, user_id: str) -> None:
    """Let a name stand for somebody."""
    await connection.execute(_ADD, {"owner_id": owner_id, "name_hash": name_hash, "user_id": user_id})
