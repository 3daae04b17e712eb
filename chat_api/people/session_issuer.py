"""New sessions: a row in the database, and a signed token of which only the hash is kept."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from chat_api.core.database import Connection
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger
from chat_api.core.principals import Device, Principal
from chat_api.core.security import (
    AUDIENCE_ADMIN,
    AUDIENCE_CHAT,
    KeyRing,
    token_hash,
)
from chat_api.core.settings import Settings
from chat_api.people import sessions_repository as sessions
from chat_api.people.session_schemas import SignIn
from models import Role, WebUserSession


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedInPerson:
    """Whose session it is; an administrator has a role."""

    user_id: str
    username: str
    display_name: str
    role: Role | None = None
    is_guest: bool = False


log = get_logger(__name__)


class SessionIssuer:
    """Opens sessions that live as long as the settings say."""

    def __init__(self, key_ring: KeyRing, settings: Settings) -> None:
        self._key_ring = key_ring
        self._settings = settings

    def configure(self, settings: Settings) -> None:
        """Let sessions that begin from now on live as long as these settings say."""
        self._settings = settings

    async def open(
        self,
        connection: Connection,
        person: SignedInPerson,
        *,
        device: Device | None,
        claim: str | None = None,
        family_id: UUID | None = None,
    ) -> SignIn:
        """Store a new session; only the returned value contains its token."""
        device = device or Device()
        is_admin = person.role is not None
        hours = self._settings.admin_session_timeout_hours if is_admin else self._settings.session_timeout_hours
        now = await sessions.now(connection)
        expires_at = now + timedelta(hours=hours)
        session_id = new_id()
        token = self._key_ring.sign(
            subject=person.user_id,
            session_id=session_id,
            audience=AUDIENCE_ADMIN if is_admin else AUDIENCE_CHAT,
            issued_at=now,
            expires_at=expires_at,
        )
        row = WebUserSession(
            id=session_id,
            session_token=token_hash(token),
            user_id=person.user_id,
            username=person.username,
            display_name=person.display_name,
            expires_at=expires_at,
            is_admin=is_admin,
            address=device.address,
            user_agent=device.user_agent,
            claim_family=family_id,
        )
        await sessions.create(connection, row)
        log.info("signed_in", user_id=person.user_id, is_admin=is_admin, is_guest=person.is_guest)
        principal = Principal(
            user_id=person.user_id,
            username=person.username,
            display_name=person.display_name,
            session_id=session_id,
            role=person.role,
            is_guest=person.is_guest,
            address=device.address,
        )
        return SignIn(principal=principal, token=token, expires_at=expires_at, lives_s=3600 * hours, claim=claim)
