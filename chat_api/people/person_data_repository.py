"""All data about a person: merging it with another person's, deleting it, and reading it for an export."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import affected, many
from chat_api.people import accounts_repository as accounts

_MOVE_IDENTITIES = text("UPDATE platform_identities SET universal_id = :target WHERE universal_id = :source")
_NOTE_MERGE = text("INSERT INTO web_merges (source_id, target_id) VALUES (:source, :target)")
# Whoever was merged into the source earlier now belongs to the target, too.
_FOLLOW_MERGE = text("UPDATE web_merges SET target_id = :target WHERE target_id = :source")
# Table by table, in an order that never leaves a dangling reference.
_DIRTY = """
INSERT INTO web_usage_dirty (hour)
SELECT DISTINCT date_trunc('hour', timestamp, 'UTC') FROM web_conversations WHERE user_id = ANY(:user_ids)
ON CONFLICT DO NOTHING"""
_ERASE = tuple(
    text(f"DELETE FROM {table} WHERE user_id = ANY(:user_ids)")
    for table in ("web_events", "web_threads", "web_streams", "web_activity_days", "web_claims", "web_api_identities")
)
_ERASE_KEYS = text("DELETE FROM web_api_keys WHERE owner_id = ANY(:user_ids) AND NOT is_admin")
_ERASE_KEY_PEOPLE = text("DELETE FROM web_api_identities WHERE owner_id = ANY(:user_ids)")
_ERASE_MESSAGES = text("DELETE FROM web_conversations WHERE user_id = ANY(:user_ids)")
_ERASE_SESSIONS = text("DELETE FROM web_user_sessions WHERE user_id = ANY(:user_ids) AND NOT is_admin")
_ERASE_ACCOUNTS = text("DELETE FROM web_accounts WHERE user_id = ANY(:user_ids) RETURNING user_id")
_ERASE_WEB_IDENTITIES = text("""
DELETE FROM platform_identities
WHERE platform = 'web_ui' AND (universal_id = ANY(:user_ids) OR platform_user_id = ANY(:user_ids))""")
_ERASE_MERGES = text("DELETE FROM web_merges WHERE source_id = ANY(:user_ids) OR target_id = ANY(:user_ids)")
# Only rows that we created, and only if no other platform uses them.
_ERASE_USERS = text("""
DELETE FROM universal_users u WHERE u.universal_id = ANY(:made_here)
AND NOT EXISTS (SELECT 1 FROM platform_identities i WHERE i.universal_id = u.universal_id)""")
# What an export contains. Hashes of secrets are left out.
EXPORTED = {
    "identities": """
        SELECT platform, platform_user_id, username, display_name, email, verified_at FROM platform_identities
        WHERE universal_id = ANY(:user_ids) ORDER BY platform, id""",
    "accounts": """
        SELECT user_id, username, display_name, is_guest, password_hash IS NOT NULL AS has_password, created_at,
            banned_at, ban_reason
        FROM web_accounts WHERE user_id = ANY(:user_ids) ORDER BY user_id""",
    "api_keys": """
        SELECT id, name, scopes, bots, background, requests_per_minute, messages_per_day, created_at, expires_at,
            last_used_at, revoked_at
        FROM web_api_keys WHERE owner_id = ANY(:user_ids) AND NOT is_admin ORDER BY created_at""",
    "users": """
        SELECT universal_id, primary_username, display_name, email, created_at, last_active, preferences,
            privacy_settings
        FROM universal_users WHERE universal_id = ANY(:user_ids) ORDER BY universal_id""",
    "sessions": """
        SELECT id, user_id, username, created_at, last_active, expires_at, revoked_at, address, user_agent
        FROM web_user_sessions WHERE user_id = ANY(:user_ids) AND NOT is_admin ORDER BY created_at""",
    "claims": "SELECT user_id, created_at FROM web_claims WHERE user_id = ANY(:user_ids) ORDER BY created_at",
    "threads": """
        SELECT user_id, bot_name, exchange_count, read_up_to FROM web_threads WHERE user_id = ANY(:user_ids)
        ORDER BY user_id, bot_name""",
    "activity": """
        SELECT user_id, day, bot_name, messages FROM web_activity_days WHERE user_id = ANY(:user_ids)
        ORDER BY user_id, day, bot_name""",
}
_EXPORTED_MESSAGES = text("""
SELECT c.id, c.user_id, c.bot_name, c.user_message, c.bot_response, c.timestamp, c.answered_at, c.status, c.error_code,
    c.message_type, c.processing_time, c.seq, c.edited_at, c.deleted_at, c.response_deleted_at, c.metadata,
    c.source, c.client_conversation,
    ARRAY(SELECT r.emoji FROM web_reactions r WHERE r.conversation_id = c.id ORDER BY r.created_at) AS reactions,
    ARRAY(SELECT v.content FROM web_message_versions v WHERE v.message_id = c.id ORDER BY v.version) AS earlier_versions
FROM web_conversations c WHERE c.user_id = ANY(:user_ids)
    AND (c.user_id, c.seq, c.id) > (:user_id, :seq, CAST(:id AS uuid))
ORDER BY c.user_id, c.seq, c.id LIMIT :limit""")


async def merge(connection: AsyncConnection, *, source: str, target: str) -> int:
    """Give a person the identities of another one; returns how many."""
    values = {"source": source, "target": target}
    moved = await affected(connection, _MOVE_IDENTITIES, values)
    await accounts.revoke_claims(connection, [source])
    await connection.execute(_FOLLOW_MERGE, values)
    await connection.execute(_NOTE_MERGE, values)
    return moved


async def erase(connection: AsyncConnection, user_ids: Sequence[str]) -> dict[str, int]:
    """Delete all data about people; returns how many rows of each kind."""
    values: dict[str, Any] = {"user_ids": list(user_ids)}
    await connection.execute(text(_DIRTY), values)
    counts = {"messages": await affected(connection, _ERASE_MESSAGES, values)}
    for statement in (*_ERASE, _ERASE_KEYS, _ERASE_KEY_PEOPLE):
        await connection.execute(statement, values)
    counts["sessions"] = await affected(connection, _ERASE_SESSIONS, values)
    made_here = [row["user_id"] for row in await many(connection, _ERASE_ACCOUNTS, values)]
    counts["accounts"] = len(made_here)
    await connection.execute(_ERASE_WEB_IDENTITIES, values)
    await connection.execute(_ERASE_MERGES, values)
    counts["users"] = await affected(connection, _ERASE_USERS, {"made_here": made_here})
    return counts


async def exported(connection: AsyncConnection, part: str, user_ids: Sequence[str]) -> list[dict[str, Any]]:
    """One part of the data about people; see :data:`EXPORTED`."""
    return [dict(row) for row in await many(connection, text(EXPORTED[part]), {"user_ids": list(user_ids)})]


async def exported_messages(
    connection: AsyncConnection, user_ids: Sequence[str], *, after: tuple[str, int, UUID], limit: int
) -> list[dict[str, Any]]:
    """The exchanges of people after one of them, with their reactions and earlier versions."""
    values = {"user_ids": list(user_ids), "user_id": after[0], "seq": after[1], "id": after[2], "limit": limit}
    return [dict(row) for row in await many(connection, _EXPORTED_MESSAGES, values)]
