"""People: the list, one person, sessions, bans and merges.

Times of the bots' own tables may have no zone: they are read as UTC.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.database import Database
from chat_api.core.rows import affected, many, one_or_none
from chat_api.people import accounts_repository as accounts
from chat_api.people.schemas import (
    IdentityView,
    PersonDetails,
    PersonPage,
    PersonView,
    SessionView,
    ThreadView,
    person_reference,
)

# For rows ``f`` with a ``user_id``: the display name of its owner.
NAMES = "LEFT JOIN web_accounts a ON a.user_id = f.user_id LEFT JOIN universal_users u ON u.universal_id = f.user_id"
USERNAME = "COALESCE(a.display_name, u.display_name, u.primary_username, f.user_id) AS username"
_THREADS = text(f"""
SELECT f.user_id, f.bot_name, f.exchange_count AS exchanges, {USERNAME}, (
    SELECT c.timestamp FROM web_conversations c WHERE c.user_id = f.user_id AND c.bot_name = f.bot_name
    ORDER BY c.seq DESC LIMIT 1) AS last_at
FROM web_threads f {NAMES} WHERE f.user_id = ANY(:user_ids) ORDER BY last_at DESC NULLS LAST, f.bot_name""")
_LIVE = "revoked_at IS NULL AND expires_at > now()"
_PEOPLE = f"""
WITH sessions AS (
    SELECT user_id, max(last_active) AS last_active, count(*) FILTER (WHERE {_LIVE}) AS live
    FROM web_user_sessions WHERE NOT is_admin GROUP BY user_id
), threads AS (
    SELECT user_id, sum(exchange_count) AS messages FROM web_threads GROUP BY user_id
), people AS (
    SELECT u.universal_id AS user_id, COALESCE(a.username, u.primary_username) AS username,
        COALESCE(a.display_name, u.display_name, u.primary_username) AS display_name,
        COALESCE(a.is_guest, FALSE) AS is_guest, a.banned_at, a.ban_reason, a.user_id IS NOT NULL AS has_account,
        COALESCE(t.messages, 0)::bigint AS messages, COALESCE(s.live, 0) AS sessions,
        u.created_at::timestamptz AS created_at,
        GREATEST(u.last_active::timestamptz, s.last_active) AS last_active, m.target_id AS merged_into
    FROM universal_users u
    LEFT JOIN web_accounts a ON a.user_id = u.universal_id
    LEFT JOIN sessions s ON s.user_id = u.universal_id
    LEFT JOIN threads t ON t.user_id = u.universal_id
    LEFT JOIN web_merges m ON m.source_id = u.universal_id
)"""
_FOUND = """
    WHERE (CAST(:search AS text) IS NULL OR username ILIKE :search OR display_name ILIKE :search OR user_id = :exact
        OR EXISTS (SELECT 1 FROM platform_identities i WHERE i.universal_id = people.user_id
            AND (i.username ILIKE :search OR i.platform_user_id = :exact)))
    AND CASE :kind WHEN 'guests' THEN is_guest WHEN 'banned' THEN banned_at IS NOT NULL
        WHEN 'signed_in' THEN sessions > 0 ELSE TRUE END"""
_ORDERS = {
    "last_active": "last_active DESC, user_id",
    "name": "lower(display_name), user_id",
    "messages": "messages DESC, user_id",
    "sessions": "sessions DESC, last_active DESC, user_id",
}
_PLATFORMS = "ARRAY(SELECT DISTINCT i.platform FROM platform_identities i WHERE i.universal_id = p.user_id ORDER BY 1)"
_PAGE = (
    _PEOPLE
    + """, page AS (
    SELECT *, count(*) OVER () AS total FROM people {found} ORDER BY {order} LIMIT :limit OFFSET :offset
)
SELECT p.*, {platforms} AS platforms FROM page p ORDER BY {order}"""
)
_ONE = _PEOPLE + f" SELECT p.*, {_PLATFORMS} AS platforms FROM people p WHERE p.user_id = :user_id"

_IDENTITIES = text("""
SELECT platform, platform_user_id, username, display_name, verified_at::timestamptz AS verified_at
FROM platform_identities WHERE universal_id = :user_id ORDER BY platform, id""")
_SESSIONS = text(f"""
SELECT id AS session_id, user_id, created_at, last_active, expires_at, address, user_agent, {_LIVE} AS is_live
FROM web_user_sessions WHERE user_id = ANY(:user_ids) AND is_admin = :is_admin
ORDER BY {_LIVE} DESC, last_active DESC LIMIT :limit""")
_END_SESSIONS = text(f"""
UPDATE web_user_sessions SET revoked_at = now() WHERE user_id = ANY(:user_ids) AND is_admin = :is_admin AND {_LIVE}
    AND (CAST(:session_id AS uuid) IS NULL OR id = :session_id)
    AND (CAST(:except_id AS uuid) IS NULL OR id <> :except_id) RETURNING id, user_id, claim_family""")
_END_TICKETS = text("DELETE FROM web_ws_tickets WHERE session_id = ANY(:session_ids)")
_BAN = text("UPDATE web_accounts SET banned_at = now(), ban_reason = :reason WHERE user_id = ANY(:user_ids)")
_UNBAN = text("UPDATE web_accounts SET banned_at = NULL, ban_reason = NULL WHERE user_id = ANY(:user_ids)")
_LOCK = text("SELECT universal_id FROM universal_users WHERE universal_id = ANY(:user_ids) ORDER BY 1 FOR UPDATE")
_BOT_USER = """
SELECT COALESCE((
    SELECT i.platform_user_id FROM platform_identities i
    WHERE i.universal_id = COALESCE(m.target_id, $1) AND i.platform = 'discord' ORDER BY i.id LIMIT 1
), m.target_id, $1) AS bot_user_id
FROM (SELECT 1) AS one LEFT JOIN web_merges m ON m.source_id = $1"""
_MERGED = text("SELECT source_id FROM web_merges WHERE target_id = :user_id ORDER BY 1")
_ACTIVE = text("""
SELECT c.user_id, max(a.display_name) AS display_name, max(c.timestamp) AS last_at, count(*) AS messages
FROM web_conversations c LEFT JOIN web_accounts a ON a.user_id = c.user_id
WHERE c.timestamp > now() - make_interval(secs => :seconds) AND c.bot_name = :bot_name
GROUP BY c.user_id ORDER BY last_at DESC LIMIT :limit""")
_KEY_PEOPLE = text("SELECT user_id FROM web_api_identities WHERE owner_id = ANY(:user_ids) ORDER BY 1")


async def page(
    connection: AsyncConnection, *, search: str | None, kind: str, sort: str, limit: int, offset: int
) -> PersonPage:
    """Some people, and how many there are."""
    order = _ORDERS[sort]
    statement = text(_PAGE.format(found=_FOUND, order=order, platforms=_PLATFORMS))
    values = {"search": like(search), "exact": search, "kind": kind, "limit": limit, "offset": offset}
    rows = await many(connection, statement, values)
    return PersonPage(people=tuple(map(_person, rows)), total=rows[0]["total"] if rows else 0)


def like(search: str | None) -> str | None:
    """A LIKE pattern that matches the text literally, anywhere."""
    if search is None:
        return None
    escaped = search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


async def get(connection: AsyncConnection, user_id: str) -> PersonView | None:
    """One person."""
    row = await one_or_none(connection, text(_ONE), {"user_id": user_id})
    return _person(row) if row else None


async def details(connection: AsyncConnection, user_id: str) -> PersonDetails | None:
    """One person with their accounts on all platforms, their sessions and their conversations."""
    row = await one_or_none(connection, text(_ONE), {"user_id": user_id})
    if row is None:
        return None
    merged = await merged_into(connection, user_id)
    ids = [user_id, *merged]
    identities = await many(connection, _IDENTITIES, {"user_id": user_id})
    return PersonDetails(
        **_person_values(row),
        reference=person_reference(user_id),
        banned_at=row["banned_at"],
        ban_reason=row["ban_reason"],
        identities=tuple(IdentityView(**one) for one in identities),
        live_sessions=await sessions(connection, ids, is_admin=False),
        threads=await threads_of(connection, ids),
        merged_from=tuple(merged),
    )


async def merged_into(connection: AsyncConnection, user_id: str) -> list[str]:
    """The ids that were merged into a person."""
    return [row["source_id"] for row in await many(connection, _MERGED, {"user_id": user_id})]


async def spoken_for(connection: AsyncConnection, user_ids: Sequence[str]) -> list[str]:
    """Whom the API keys of these people speak for: people of theirs alone."""
    return [row["user_id"] for row in await many(connection, _KEY_PEOPLE, {"user_ids": list(user_ids)})]


async def sessions(
    connection: AsyncConnection, user_ids: Sequence[str], *, is_admin: bool, limit: int = 200
) -> tuple[SessionView, ...]:
    """The newest sessions, live ones first."""
    values = {"user_ids": list(user_ids), "is_admin": is_admin, "limit": limit}
    return tuple(SessionView(**row) for row in await many(connection, _SESSIONS, values))


async def end_sessions(
    connection: AsyncConnection,
    user_ids: Sequence[str],
    *,
    is_admin: bool,
    session_id: UUID | None = None,
    except_id: UUID | None = None,
) -> list[UUID]:
    """End one live session, all, or all but one, with their tickets; returns their ids.

    Ending all sessions of a person revokes all their claims; ending one, those of its browser.
    """
    values = {"user_ids": list(user_ids), "is_admin": is_admin, "session_id": session_id, "except_id": except_id}
    rows = await many(connection, _END_SESSIONS, values)
    ended = [row["id"] for row in rows]
    await connection.execute(_END_TICKETS, {"session_ids": ended})
    if not is_admin and session_id is None:
        await accounts.revoke_claims(connection, user_ids)
    elif not is_admin:
        for row in rows:
            await accounts.revoke_families(connection, row["user_id"], [row["claim_family"]])
    return ended


async def ban(connection: AsyncConnection, user_ids: Sequence[str], *, reason: str) -> int:
    """Ban accounts; returns how many."""
    return await affected(connection, _BAN, {"user_ids": list(user_ids), "reason": reason})


async def unban(connection: AsyncConnection, user_ids: Sequence[str]) -> int:
    """Lift the ban of accounts; returns how many."""
    return await affected(connection, _UNBAN, {"user_ids": list(user_ids)})


async def bot_user(database: Database, user_id: str) -> str:
    """The Discord id of the person that an account belongs to; without one that person's own id."""
    return str((await database.fetch(_BOT_USER, user_id))[0]["bot_user_id"])


async def lock(connection: AsyncConnection, *user_ids: str) -> list[str]:
    """Lock people until the transaction ends, always in the same order; returns those that exist."""
    return [row["universal_id"] for row in await many(connection, _LOCK, {"user_ids": list(user_ids)})]


async def active(connection: AsyncConnection, bot_name: str, *, seconds: float, limit: int) -> tuple[str, ...]:
    """The names of people who wrote to a bot recently, the latest first."""
    rows = await many(connection, _ACTIVE, {"bot_name": bot_name, "seconds": seconds, "limit": limit})
    return tuple(row["display_name"] or row["user_id"] for row in rows)


async def threads_of(connection: AsyncConnection, user_ids: Sequence[str]) -> tuple[ThreadView, ...]:
    """All conversations of some people, the latest first."""
    return tuple(ThreadView(**row) for row in await many(connection, _THREADS, {"user_ids": list(user_ids)}))


_PERSON = tuple(field.name for field in fields(PersonView) if field.name not in {"is_banned", "platforms"})


def _person(row: RowMapping) -> PersonView:
    return PersonView(**_person_values(row))


def _person_values(row: RowMapping) -> dict[str, Any]:
    others = {"is_banned": row["banned_at"] is not None, "platforms": tuple(row["platforms"])}
    return {name: row[name] for name in _PERSON} | others
