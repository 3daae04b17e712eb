"""Signing in and out, and authenticating requests.

A session is a row; its token is a JWT of which only the hash is stored. Role, ban and revocation are read from the
database at every request, so that a change takes effect with the next one. Only the database's clock decides when a
session begins and ends: those of other machines may differ, or be set.
"""

import asyncio
import contextlib
import secrets
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import DatabaseUnavailable, InvalidInput, NotAuthenticated
from chat_api.core.logging import get_logger
from chat_api.core.principals import Device, Principal
from chat_api.core.rate_limits import RateLimits
from chat_api.core.security import (
    AUDIENCE_ADMIN,
    AUDIENCE_CHAT,
    DECOY_HASH,
    KeyRing,
    is_password,
    token_hash,
)
from chat_api.core.settings import Settings
from chat_api.core.text import check_name, name_key
from chat_api.people import accounts_repository as accounts
from chat_api.people import admins_repository as admins
from chat_api.people import sessions_repository as sessions
from chat_api.people.admins_repository import AdminRow
from chat_api.people.identity import CLAIM_SEPARATOR, IdentityService, Proof, claims_in
from chat_api.people.second_factor import form_id_of, spend_totp
from chat_api.people.session_issuer import SessionIssuer, SignedInPerson
from chat_api.people.session_schemas import MAX_PASSWORD_CHARS, SignIn
from chat_api.people.sessions_repository import LiveSession
from chat_api.people.sign_in_attempts import SignInAttempts
from models import AuditOutcome, Role

log = get_logger(__name__)

TOUCH_AFTER = timedelta(minutes=1)
# Fast path: a session is read again after this time. Its end is published to all processes at once.
RECOGNISED_S = 1.0
MAX_RECOGNISED = 10_000
# Source: protocol, "ws-ticket".
TICKET_S = 60
TICKET_PREFIX = "wst_"


class AuthService:
    """Issues, checks and revokes every token."""

    def __init__(
        self,
        database: Database,
        key_ring: KeyRing,
        identity: IdentityService,
        audit: AuditService,
        settings: Settings,
        *,
        limits: RateLimits | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._identity = identity
        self._audit = audit
        self._issuer = SessionIssuer(key_ring, settings)
        self._attempts = SignInAttempts(database, limits)
        self._clock = clock
        self._recognised: dict[str, tuple[float, Principal]] = {}
        self.ended: Topic[UUID] = Topic("sessions_ended")
        self.ended.listen(lambda _: self._recognised.clear())

    def configure(self, settings: Settings) -> None:
        """Let sessions that begin from now on live as long as these settings say."""
        self._issuer.configure(settings)

    async def login(
        self,
        username: str,
        *,
        display_name: str | None = None,
        password: str | None = None,
        claim: str | None = None,
        token: str | None = None,
        attempt: str | None = None,
        is_rotated: bool = False,
        device: Device | None = None,
    ) -> SignIn:
        """Sign a user in by name. ``claim`` (a claim cookie's value) and ``token`` are proof from the same browser.

        ``attempt`` is the secret of a form, which leads to the same account when it is sent twice.
        ``is_rotated`` ends the session of ``token``, where a cookie held it and the new one takes its place.

        Raises: InvalidInput, NotAuthenticated (wrong password), PermissionDenied (suspended), RateLimited (passwords).
        """
        check_name(username, field="username", min_chars=3, max_chars=30)  # before the database is asked for it
        earlier = await self._live_principal(token)
        if password is not None and not (earlier and name_key(earlier.username) == name_key(username)):
            await self._attempts.count(username, device, claim=claim)
        proof = Proof(
            password=password,
            claim=claim,
            user_id=earlier.user_id if earlier else None,
            session_id=earlier.session_id if earlier else None,
            is_rotated=is_rotated,
            attempt=attempt,
        )
        identified = await self._identity.identify(username, display_name, proof=proof)
        account = identified.account
        person = SignedInPerson(
            user_id=account.user_id,
            username=account.username,
            display_name=account.display_name,
            is_guest=account.is_guest,
        )
        for session_id in identified.ended:
            self.ended.publish(session_id)
        async with self._database.write() as connection:
            sign_in = await self._issuer.open(
                connection, person, device=device, claim=identified.claim, family_id=identified.family_id
            )
            if earlier is not None and is_rotated:
                await sessions.revoke(connection, earlier.session_id)
        if earlier is not None and is_rotated:
            self.ended.publish(earlier.session_id)
        return sign_in

    async def admin_login(
        self,
        username: str,
        password: str,
        *,
        totp: str | None = None,
        replaced: str | None = None,
        attempt: str | None = None,
        device: Device | None = None,
    ) -> SignIn:
        """Sign an administrator in.

        ``attempt`` is the secret of a form: submitted twice, as by a double click, it needs only one code.
        ``replaced`` is the token of the browser's previous session, which ends.

        Raises: NotAuthenticated, always with the same message; RateLimited when too many tried this name from places
        where nobody has signed in with it lately.
        """
        admin = await self._admin(username)
        await self._attempts.count(username, device, admin=admin, is_admin=True)
        password_hash = admin.password_hash if admin else DECOY_HASH
        is_right = await asyncio.to_thread(is_password, password[:MAX_PASSWORD_CHARS], password_hash)
        if admin is not None and is_right and admin.disabled_at is None and admin.role in set(Role):
            earlier = await self._live_principal(replaced, is_admin=True)
            person = SignedInPerson(
                user_id=admin.admin_id, username=admin.username, display_name=admin.username, role=Role(admin.role)
            )
            async with self._database.write() as connection:
                sign_in = await self._second_step(
                    connection, admin, person, totp=totp, form_id=form_id_of(admin, totp, attempt), device=device
                )
                if sign_in is not None and earlier is not None:
                    await sessions.revoke(connection, earlier.session_id)
            if sign_in is not None:
                if earlier is not None:
                    self.ended.publish(earlier.session_id)
                return sign_in
        # Without the name that was tried: people sometimes type their password there.
        details = {"address": device.address} if device else None
        await self._audit.record(None, "admin.login", "console", outcome=AuditOutcome.DENIED, details=details)
        raise NotAuthenticated("Incorrect username, password or code.")

    async def authenticate(self, token: str | None, *, is_admin: bool = False, address: str | None = None) -> Principal:
        """Who a token stands for at this moment. Raises: NotAuthenticated."""
        if not token:
            raise NotAuthenticated
        claims = self._key_ring.verify(token, audience=AUDIENCE_ADMIN if is_admin else AUDIENCE_CHAT)
        session = await sessions.live(
            self._database, token_hash=token_hash(token), session_id=claims.session_id, is_admin=is_admin
        )
        if session is None or not _has_known_role(session):
            raise NotAuthenticated
        await self._touch(session)
        return _principal(session, address=address)

    async def recognise(self, token: str | None, *, address: str) -> Principal:
        """Like :meth:`authenticate`, cached for a second, for users who send many messages in a row."""
        known = self._recognised.get(token or "")
        if known is not None and known[0] > self._clock.monotonic_s() and known[1].address == address:
            return known[1]
        principal = await self.authenticate(token, address=address)
        if len(self._recognised) >= MAX_RECOGNISED:
            self._recognised.clear()
        self._recognised[token or ""] = (self._clock.monotonic_s() + RECOGNISED_S, principal)
        return principal

    async def has_password(self, principal: Principal) -> bool:
        """Whether a user could return to their account after signing out everywhere."""
        async with self._database.read() as connection:
            account = await accounts.get(connection, principal.user_id)
        return account is not None and account.password_hash is not None

    async def issue_ticket(self, principal: Principal) -> str:
        """A ticket that opens one WebSocket within :data:`TICKET_S` on any replica; safe to put in a URL.

        Raises: OutOfScope for an API key, which has no session that a socket could live as long as.
        """
        principal.require_session()
        ticket = TICKET_PREFIX + secrets.token_urlsafe(32)
        await sessions.store_ticket(self._database, token_hash(ticket), principal.session_id, lives_s=TICKET_S)
        return ticket

    async def open_socket(self, token_or_ticket: str, *, address: str) -> Principal:
        """Who opens a WebSocket, by a session's token or by a ticket, which is spent. Raises: NotAuthenticated."""
        if not token_or_ticket.startswith(TICKET_PREFIX):
            return await self.authenticate(token_or_ticket, address=address)
        session_id = await sessions.spend_ticket(self._database, token_hash(token_or_ticket))
        principal = (await self.living([session_id])).get(session_id) if session_id else None
        if principal is None or principal.is_admin:
            raise NotAuthenticated
        return replace(principal, address=address)

    async def ended_among(self, session_ids: Iterable[UUID]) -> list[UUID]:
        """Which of many sessions have ended."""
        return await sessions.ended_among(self._database, list(session_ids))

    async def living(self, session_ids: Iterable[UUID]) -> dict[UUID, Principal]:
        """The principals of those of many sessions that are still live."""
        async with self._database.read() as connection:
            rows = await sessions.live_among(connection, list(session_ids))
        return {session_id: _principal(row) for session_id, row in rows.items() if _has_known_role(row)}

    async def leave(self, token: str, *, claim: str | None = None) -> None:
        """End the session of a token, even an expired one: its browser may still hold claims.

        ``claim`` is the value of the browser's claim cookie: its claims on the account are revoked.
        """
        async with self._database.read() as connection:
            found = await sessions.by_token(connection, token_hash(token))
        if found is not None:
            await self._end(*found, claim=claim)

    async def kept_claims(self, claim: str) -> str | None:
        """The claim cookie's new value with the claims that are still valid, or ``None`` if none is."""
        brought = claims_in(claim)
        async with self._database.read() as connection:
            good = {one.claim_hash for one in await accounts.claims(connection, [token_hash(one) for one in brought])}
        return CLAIM_SEPARATOR.join(one for one in brought if token_hash(one) in good) or None

    async def _end(self, session_id: UUID, user_id: str, *, claim: str | None) -> None:
        async with self._database.write() as connection:
            await accounts.lock_accounts(connection, [user_id])
            await sessions.revoke(connection, session_id)
            shown = await accounts.claims(connection, [token_hash(one) for one in claims_in(claim)])
            families = {one.family_id for one in shown if one.user_id == user_id}
            if (own := await sessions.claim_family(connection, session_id)) is not None:
                families.add(own)
            await accounts.revoke_families(connection, user_id, sorted(families))
        self.ended.publish(session_id)
        log.info("signed_out", user_id=user_id)

    async def _touch(self, session: LiveSession) -> None:
        """Record that a session is in use, at most once a minute; a failure doesn't affect the request."""
        if self._clock.now() - session.last_active < TOUCH_AFTER:
            return
        with contextlib.suppress(DatabaseUnavailable):
            async with self._database.write() as connection:
                await sessions.touch(connection, session.id)

    async def _admin(self, username: str) -> AdminRow | None:
        """The administrator with a typed name; None for an impossible name."""
        try:
            name = check_name(username, field="username", min_chars=1, max_chars=30)
        except InvalidInput:
            return None
        async with self._database.read() as connection:
            return await admins.find(connection, name)

    async def _live_principal(self, token: str | None, *, is_admin: bool = False) -> Principal | None:
        """The principal of a token; an invalid token proves nothing, but doesn't prevent signing in."""
        try:
            return await self.authenticate(token, is_admin=is_admin)
        except NotAuthenticated:
            return None

    async def _second_step(
        self,
        connection: Connection,
        admin: AdminRow,
        person: SignedInPerson,
        *,
        totp: str | None,
        form_id: UUID | None,
        device: Device | None,
    ) -> SignIn | None:
        """Check the second factor, if there is one, and open the session in the same transaction."""
        is_right = await spend_totp(connection, admin, totp)
        if not is_right and not (form_id and await sessions.is_opened_by(connection, admin.admin_id, form_id)):
            return None
        sign_in = await self._issuer.open(connection, person, device=device, family_id=form_id)
        await self._audit.record(sign_in.principal, "admin.login", "console", connection=connection)
        return sign_in


def _has_known_role(session: LiveSession) -> bool:
    """An unknown role of another version grants nothing."""
    return not session.is_admin or session.role in set(Role)


def _principal(session: LiveSession, *, address: str | None = None) -> Principal:
    return Principal(
        user_id=session.user_id,
        username=session.username,
        display_name=session.display_name or session.username,
        session_id=session.id,
        role=Role(session.role) if session.is_admin and session.role else None,
        is_guest=bool(session.is_guest),
        address=address,
    )
