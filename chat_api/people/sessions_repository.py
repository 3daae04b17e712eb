"""Sessions: one row a signed-in device, found by the token's hash."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.database import Database
from chat_api.core.rows import many, one_or_none
from models import WebUserSession


@dataclass(frozen=True, slots=True, kw_only=True)
class LiveSession:
    """A live session with its person's current role and names."""

    id: UUID
    user_id: str
    username: str
    display_name: str | None
    is_admin: bool
    role: str | None
    is_guest: bool | None
    last_active: datetime


# One statement decides: not revoked, not expired, not banned or disabled; with the current role.
_LIVE = """
SELECT s.id, s.user_id, s.username, s.display_name, s.is_admin, d.role, a.is_guest, s.last_active
FROM web_user_sessions s
LEFT JOIN web_accounts a ON NOT s.is_admin AND a.user_id = s.user_id AND a.banned_at IS NULL
LEFT JOIN web_admins d ON s.is_admin AND d.admin_id = s.user_id AND d.disabled_at IS NULL
WHERE s.revoked_at IS NULL AND s.expires_at > now()
  AND (a.user_id IS NOT NULL OR d.admin_id IS NOT NULL)
"""
_LIVE_BY_TOKEN = _LIVE + " AND s.session_token = $1 AND s.id = $2 AND s.is_admin = $3"
_LIVE_BY_IDS = text(_LIVE + " AND s.id = ANY(:session_ids)")
# Runs every few seconds for all connected sessions, and returns the few that have ended.
_ENDED = f"SELECT i.id FROM unnest($1::uuid[]) AS i (id) WHERE NOT EXISTS ({_LIVE} AND s.id = i.id)"
_STORE_TICKET = """
WITH old AS (DELETE FROM web_ws_tickets WHERE expires_at < now())
INSERT INTO web_ws_tickets (ticket_hash, session_id, expires_at) VALUES ($1, $2, now() + make_interval(secs => $3))"""
_SPEND_TICKET = "DELETE FROM web_ws_tickets WHERE ticket_hash = $1 RETURNING session_id, expires_at > now() AS is_good"
# Written at most once a minute: an update per request would cost more than the rest of it.
_TOUCH = text(
    "UPDATE web_user_sessions SET last_active = now() WHERE id = :id AND last_active < now() - interval '1 minute'"
)
_CLAIM_FAMILY = text("SELECT claim_family FROM web_user_sessions WHERE id = :id")
# As long as whoever sends a form twice may take for it.
_IS_OPENED_BY = text("""
SELECT EXISTS (SELECT FROM web_user_sessions WHERE user_id = :admin_id AND is_admin AND claim_family = :form_id
    AND revoked_at IS NULL AND created_at > now() - interval '1 minute')""")
_LATELY = "s.address IS NOT NULL AND s.created_at > now() - interval '90 days' GROUP BY s.address LIMIT 500"
_ADMIN_ADDRESSES = text(
    f"SELECT s.address FROM web_user_sessions s WHERE s.user_id = :admin_id AND s.is_admin AND {_LATELY}"
)
_ADDRESSES_OF_NAME = text(
    "SELECT s.address FROM web_user_sessions s JOIN web_accounts a ON a.user_id = s.user_id"
    f" WHERE a.name_key = :name_key AND NOT a.is_guest AND NOT s.is_admin AND {_LATELY}"
)
_NOW = text("SELECT now()")
_BY_TOKEN = text("SELECT id, user_id FROM web_user_sessions WHERE session_token = :token_hash")
_REVOKE = text("UPDATE web_user_sessions SET revoked_at = now() WHERE id = :id AND revoked_at IS NULL")


async def create(connection: AsyncConnection, session: WebUserSession) -> None:
    """Store a new session."""
    await connection.execute(insert(WebUserSession).values(**session.model_dump(exclude_none=True)))


async def live(database: Database, *, token_hash: str, session_id: UUID, is_admin: bool) -> LiveSession | None:
    """The session of a token, if it is live."""
    rows = await database.fetch(_LIVE_BY_TOKEN, token_hash, session_id, is_admin)
    return LiveSession(**rows[0]) if rows else None


async def live_among(connection: AsyncConnection, session_ids: Sequence[UUID]) -> dict[UUID, LiveSession]:
    """The live ones among many sessions, in one query."""
    rows = await many(connection, _LIVE_BY_IDS, {"session_ids": list(session_ids)})
    return {row["id"]: LiveSession(**row) for row in rows}


async def ended_among(database: Database, session_ids: list[UUID]) -> list[UUID]:
    """The ended ones among many sessions, in one query."""
    return [row["id"] for row in await database.fetch(_ENDED, session_ids)]


async def store_ticket(database: Database, ticket_hash: str, session_id: UUID, *, lives_s: float) -> None:
    """Store a ticket, and delete expired ones."""
    await database.fetch(_STORE_TICKET, ticket_hash, session_id, lives_s)


async def spend_ticket(database: Database, ticket_hash: str) -> UUID | None:
    """Spend a ticket; returns its session, or ``None`` if it is unknown or expired."""
    rows = await database.fetch(_SPEND_TICKET, ticket_hash)
    return rows[0]["session_id"] if rows and rows[0]["is_good"] else None


async def by_token(connection: AsyncConnection, token_hash: str) -> tuple[UUID, str] | None:
    """The session of a token, live or not, and its user."""
    row = await one_or_none(connection, _BY_TOKEN, {"token_hash": token_hash})
    return (row["id"], row["user_id"]) if row else None


async def claim_family(connection: AsyncConnection, session_id: UUID) -> UUID | None:
    """The family of claims that ends with a session."""
    return (await connection.execute(_CLAIM_FAMILY, {"id": session_id})).scalar_one_or_none()


async def is_opened_by(connection: AsyncConnection, admin_id: str, form_id: UUID) -> bool:
    """Whether this form opened a session of the administrator a moment ago that is still live."""
    return bool((await connection.execute(_IS_OPENED_BY, {"admin_id": admin_id, "form_id": form_id})).scalar_one())


async def admin_addresses(connection: AsyncConnection, admin_id: str) -> list[str]:
    """Addresses from which an administrator signed in recently."""
    return [row["address"] for row in await many(connection, _ADMIN_ADDRESSES, {"admin_id": admin_id})]


async def addresses_of_name(connection: AsyncConnection, name_key: str) -> list[str]:
    """Addresses from which the holder of a name signed in recently."""
    return [row["address"] for row in await many(connection, _ADDRESSES_OF_NAME, {"name_key": name_key})]


async def now(connection: AsyncConnection) -> datetime:
    """The database's time, which decides about all sessions on all machines."""
    return (await connection.execute(_NOW)).scalar_one()  # type: ignore[no-any-return]


async def touch(connection: AsyncConnection, session_id: UUID) -> None:
    """Record that a session was used, to the minute."""
    await connection.execute(_TOUCH, {"id": session_id})


async def revoke(connection: AsyncConnection, session_id: UUID) -> None:
    """End a session for good."""
    await connection.execute(_REVOKE, {"id": session_id})
