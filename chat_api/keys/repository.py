"""Keys, their secrets, and what they were used for."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.database import Database
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many
from chat_api.keys.schemas import KeyCounts, KeyDay, KeyState, KeyView, LiveKey
from models import BackgroundMode, KeyScope, WebApiKey

# One statement decides: the secret is good, the key neither revoked nor expired, its owner neither banned nor disabled.
_LIVE = """
SELECT s.key_hash, k.id AS key_id, k.name, k.owner_id, k.is_admin, COALESCE(a.username, d.username) AS username,
    COALESCE(a.display_name, d.username) AS display_name, d.role, COALESCE(a.is_guest, FALSE) AS is_guest,
    k.scopes, k.bots, k.background, k.requests_per_minute, k.messages_per_day
FROM web_api_key_secrets s JOIN web_api_keys k ON k.id = s.key_id
LEFT JOIN web_accounts a ON NOT k.is_admin AND a.user_id = k.owner_id AND a.banned_at IS NULL
LEFT JOIN web_admins d ON k.is_admin AND d.admin_id = k.owner_id AND d.disabled_at IS NULL
WHERE s.key_hash = ANY($1::text[]) AND (s.expires_at IS NULL OR s.expires_at > now()) AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > now()) AND (a.user_id IS NOT NULL OR d.admin_id IS NOT NULL)"""
_IS_LIVE = """
SELECT 1 FROM web_api_keys k
LEFT JOIN web_accounts a ON NOT k.is_admin AND a.user_id = k.owner_id AND a.banned_at IS NULL
LEFT JOIN web_admins d ON k.is_admin AND d.admin_id = k.owner_id AND d.disabled_at IS NULL
WHERE k.id = $1 AND k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())
    AND (a.user_id IS NOT NULL OR d.admin_id IS NOT NULL)"""
# The day's first message passes whatever the budget is: no budget is less than one.
_SPEND = """
INSERT INTO web_api_key_usage AS u (key_id, day, messages) VALUES ($1, (now() AT TIME ZONE 'UTC')::date, 1)
ON CONFLICT (key_id, day) DO UPDATE SET messages = u.messages + 1 WHERE $2::integer IS NULL OR u.messages < $2::integer
RETURNING messages"""
_REFUND = """
UPDATE web_api_key_usage SET messages = messages - 1
WHERE key_id = $1 AND day = (now() AT TIME ZONE 'UTC')::date AND messages > 0"""
_COUNT = text("""
WITH input AS (
    SELECT * FROM unnest(CAST(:ids AS uuid[]), CAST(:requests AS bigint[]), CAST(:refused AS bigint[]),
        CAST(:messages AS bigint[])) AS i (key_id, requests, refused, messages)
), known AS (
    UPDATE web_api_keys k SET last_used_at = now() FROM input i WHERE k.id = i.key_id RETURNING k.id
)
INSERT INTO web_api_key_usage AS u (key_id, day, requests, refused, messages)
SELECT key_id, (now() AT TIME ZONE 'UTC')::date, requests, refused, messages FROM input
WHERE key_id IN (SELECT id FROM known)
ON CONFLICT (key_id, day) DO UPDATE SET requests = u.requests + EXCLUDED.requests,
    refused = u.refused + EXCLUDED.refused, messages = u.messages + EXCLUDED.messages""")
_REHASH = text("UPDATE web_api_key_secrets SET key_hash = :new WHERE key_hash = :old")
_VIEWS = """
SELECT k.*, COALESCE(a.display_name, d.username, k.owner_id) AS owner_name, s.last_four, o.overlap_until,
    k.expires_at <= now() AS is_expired, COALESCE(u.messages, 0) AS messages_today
FROM web_api_keys k
LEFT JOIN web_accounts a ON NOT k.is_admin AND a.user_id = k.owner_id
LEFT JOIN web_admins d ON k.is_admin AND d.admin_id = k.owner_id
LEFT JOIN LATERAL (SELECT last_four FROM web_api_key_secrets x WHERE x.key_id = k.id
    ORDER BY x.expires_at DESC NULLS FIRST, x.created_at DESC LIMIT 1) s ON TRUE
LEFT JOIN LATERAL (SELECT max(x.expires_at) AS overlap_until FROM web_api_key_secrets x WHERE x.key_id = k.id
    AND x.expires_at > now()) o ON TRUE
LEFT JOIN web_api_key_usage u ON u.key_id = k.id AND u.day = (now() AT TIME ZONE 'UTC')::date
"""
_OF = text(_VIEWS + " WHERE k.owner_id = :owner_id AND k.is_admin = :is_admin ORDER BY k.created_at DESC LIMIT :limit")
_ALL = text(_VIEWS + " ORDER BY k.revoked_at IS NOT NULL, k.created_at DESC LIMIT :limit")
_ONE = text(_VIEWS + " WHERE k.id = :key_id")
_LOCK_OWNER = text("SELECT pg_advisory_xact_lock(hashtextextended('web_api_keys:' || :owner_id, 0))")
_COUNT_ACTIVE = text("""
SELECT count(*) FROM web_api_keys WHERE owner_id = :owner_id AND revoked_at IS NULL
    AND (expires_at IS NULL OR expires_at > now())""")
_ADD_SECRET = text("""
INSERT INTO web_api_key_secrets (key_hash, key_id, last_four) VALUES (:key_hash, :key_id, :last_four)""")
# Of the secrets until now the newest goes on for a while, and those before it end.
_RETIRE = text("""
UPDATE web_api_key_secrets SET expires_at = CASE WHEN expires_at IS NULL
    THEN now() + make_interval(secs => :overlap_s) ELSE now() END
WHERE key_id = :key_id AND (expires_at IS NULL OR expires_at > now())""")
_CHANGE = text("""
UPDATE web_api_keys SET name = :name, scopes = CAST(:scopes AS varchar[]), bots = CAST(:bots AS varchar[]),
    background = :background, requests_per_minute = :requests_per_minute, messages_per_day = :messages_per_day,
    expires_at = :expires_at
WHERE id = :key_id AND revoked_at IS NULL""")
_REVOKE = text("""
UPDATE web_api_keys SET revoked_at = now(), revoked_by = :by WHERE id = :key_id AND revoked_at IS NULL""")
_USAGE = text("""
SELECT day, messages, requests, refused FROM web_api_key_usage
WHERE key_id = :key_id AND day > (now() AT TIME ZONE 'UTC')::date - CAST(:days AS integer) ORDER BY day""")
_PRUNE = text("DELETE FROM web_api_key_usage WHERE day < (now() AT TIME ZONE 'UTC')::date - CAST(:days AS integer)")


async def live(database: Database, key_hashes: list[str]) -> LiveKey | None:
    """The key that one of these is the hash of, if it may act now."""
    rows = await database.fetch(_LIVE, key_hashes)
    if not rows:
        return None
    row = dict(rows[0])
    return LiveKey(
        **row
        | {
            "scopes": frozenset(row["scopes"]),
            "bots": frozenset(row["bots"]),
            "background": BackgroundMode(row["background"]),
        }
    )


async def is_live(database: Database, key_id: UUID) -> bool:
    """Whether a key may still act."""
    return bool(await database.fetch(_IS_LIVE, key_id))


async def spend(database: Database, key_id: UUID, budget: int | None) -> bool:
    """Count one message of today; returns whether the budget had one left."""
    return bool(await database.fetch(_SPEND, key_id, budget))


async def refund(database: Database, key_id: UUID) -> None:
    """Give back one message of today."""
    await database.fetch(_REFUND, key_id)


async def count(connection: AsyncConnection, counts: Mapping[UUID, KeyCounts]) -> None:
    """Add what keys did; they were used just now."""
    values = list(counts.values())
    await connection.execute(
        _COUNT,
        {
            "ids": list(counts),
            "requests": [one.requests for one in values],
            "refused": [one.refused for one in values],
            "messages": [one.messages for one in values],
        },
    )


async def rehash(connection: AsyncConnection, *, old: str, new: str) -> None:
    """Keep a secret under the hash of our newest secret key."""
    await connection.execute(_REHASH, {"old": old, "new": new})


async def of_owner(
    connection: AsyncConnection, owner_id: str, *, is_admin: bool, limit: int = 200
) -> tuple[KeyView, ...]:
    """The keys of an account or an administrator, newest first."""
    return _views(await many(connection, _OF, {"owner_id": owner_id, "is_admin": is_admin, "limit": limit}))


async def of_all(connection: AsyncConnection, *, limit: int = 1000) -> tuple[KeyView, ...]:
    """Everybody's keys: those that were not revoked first, newest first."""
    return _views(await many(connection, _ALL, {"limit": limit}))


async def get(connection: AsyncConnection, key_id: UUID) -> KeyView | None:
    """One key."""
    return next(iter(_views(await many(connection, _ONE, {"key_id": key_id}))), None)


async def count_active(connection: AsyncConnection, owner_id: str) -> int:
    """How many keys of an owner may act; nobody else makes one for them until the transaction ends."""
    await connection.execute(_LOCK_OWNER, {"owner_id": owner_id})
    return int((await connection.execute(_COUNT_ACTIVE, {"owner_id": owner_id})).scalar_one())


async def add(connection: AsyncConnection, key: WebApiKey) -> None:
    """Store a new key."""
    await connection.execute(insert(WebApiKey).values(**key.model_dump(exclude_none=True)))


async def add_secret(connection: AsyncConnection, key_id: UUID, key_hash: str, *, last_four: str) -> None:
    """Let a secret open a key."""
    await connection.execute(_ADD_SECRET, {"key_id": key_id, "key_hash": key_hash, "last_four": last_four})


async def retire_secrets(connection: AsyncConnection, key_id: UUID, *, overlap_s: float) -> None:
    """Let the secret of a key end after the overlap, and those before it at once."""
    await connection.execute(_RETIRE, {"key_id": key_id, "overlap_s": overlap_s})


async def change(
    connection: AsyncConnection,
    key_id: UUID,
    *,
    name: str,
    scopes: Sequence[str],
    bots: Sequence[str],
    background: str,
    requests_per_minute: int | None,
    messages_per_day: int | None,
    expires_at: datetime | None,
) -> bool:
    """Change what a key may do; returns whether there is such a key that is not revoked."""
    values = {
        "key_id": key_id,
        "name": name,
        "scopes": list(scopes),
        "bots": list(bots),
        "background": background,
        "requests_per_minute": requests_per_minute,
        "messages_per_day": messages_per_day,
        "expires_at": expires_at,
    }
    return bool(await affected(connection, _CHANGE, values))


async def revoke(connection: AsyncConnection, key_id: UUID, *, by: str) -> bool:
    """End a key for good; returns whether it was not ended before."""
    return bool(await affected(connection, _REVOKE, {"key_id": key_id, "by": by}))


async def usage(connection: AsyncConnection, key_id: UUID, *, days: int) -> tuple[KeyDay, ...]:
    """What a key did on the last days, oldest first; days on which it did nothing are left out."""
    return tuple(KeyDay(**row) for row in await many(connection, _USAGE, {"key_id": key_id, "days": days}))


async def prune_usage(connection: AsyncConnection, *, days: int) -> None:
    """Forget what was done longer ago."""
    await connection.execute(_PRUNE, {"days": days})


def _views(rows: Sequence[RowMapping]) -> tuple[KeyView, ...]:
    return ODD_ROWS.readable("api_keys", rows, _view)


def _view(row: RowMapping) -> KeyView:
    state = KeyState.REVOKED if row["revoked_at"] else KeyState.EXPIRED if row["is_expired"] else KeyState.ACTIVE
    return KeyView(
        key_id=row["id"],
        name=row["name"],
        owner_id=row["owner_id"],
        owner_name=row["owner_name"],
        is_admin=row["is_admin"],
        scopes=tuple(KeyScope(scope) for scope in row["scopes"]),
        bots=tuple(row["bots"]),
        background=BackgroundMode(row["background"]),
        requests_per_minute=row["requests_per_minute"],
        messages_per_day=row["messages_per_day"],
        state=state,
        last_four=row["last_four"] or "",
        overlap_until=row["overlap_until"],
        created_at=row["created_at"],
        expires_at=row["expires_at"],
        last_used_at=row["last_used_at"],
        revoked_at=row["revoked_at"],
        messages_today=row["messages_today"],
    )
