"""An administrator's second factor: a code of their authenticator, good once."""

from uuid import UUID

from chat_api.core.database import Connection
from chat_api.core.security import (
    token_hash,
)
from chat_api.core.totp import matching_step
from chat_api.people import admins_repository as admins
from chat_api.people import sessions_repository as sessions
from chat_api.people.admins_repository import AdminRow
from chat_api.people.identity import MIN_ATTEMPT_CHARS


async def spend_totp(connection: Connection, admin: AdminRow, code: str | None) -> bool:
    """Check and spend a code; returns True if it is valid or the administrator has no second factor."""
    if admin.totp_secret is None:
        return True
    step = matching_step(admin.totp_secret, code or "", at=await sessions.now(connection))
    return step is not None and await admins.spend_totp_step(connection, admin.admin_id, step)


def form_id_of(admin: AdminRow, totp: str | None, attempt: str | None) -> UUID | None:
    """An id that is the same when a form is submitted twice with the same code."""
    if admin.totp_secret is None or attempt is None or len(attempt) < MIN_ATTEMPT_CHARS:
        return None
    return UUID(token_hash(f"form {admin.admin_id} {totp} {attempt}")[:32])
