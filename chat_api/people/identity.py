"""Who a name belongs to: the first login claims it, proof resumes it, everybody else is a guest.

A username proves nothing. Proof is the browser's claim cookie, a live token or the account's password. A claim is made
here at each sign-in and opens one account; what a browser brings is only ever looked up. See decision 49.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from chat_api.core.database import Connection, Database
from chat_api.core.errors import InvalidInput, NotAuthenticated, PermissionDenied
from chat_api.core.ids import new_id, new_universal_id
from chat_api.core.security import hash_password, is_password, new_secret, token_hash
from chat_api.core.settings import Settings
from chat_api.core.text import check_alphabets, check_name, check_text, name_key, skeletons_of
from chat_api.people import accounts_repository as accounts
from chat_api.people import repository as people
from chat_api.people import sessions_repository as sessions
from chat_api.people.accounts_repository import AccountRow, ClaimRow
from chat_api.people.session_schemas import MAX_PASSWORD_CHARS
from chat_api.settings.feature_flags import FeatureFlags
from chat_api.settings.schemas import Feature

MIN_PASSWORD_CHARS = 8
# Since the last sign-in with it. Source: decision 49.
CLAIM_LIVES_DAYS = 90
# A form that is sent twice, or again because the answer was lost, comes within this time.
ATTEMPT_LIVES_S = 60
MIN_ATTEMPT_CHARS = 32
# A browser in which several people have signed in, and none of them out, holds a claim for each.
MAX_CLAIMS = 8
CLAIM_SEPARATOR = "."


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a caller presents besides the name: a password, the browser's claims, a live session.

    ``is_rotated`` says that the new session takes the place of that one. ``attempt`` is a secret of the form that was
    sent, made by us for it: sent again within a minute, it leads to the same account.
    """

    password: str | None = None
    claim: str | None = None
    user_id: str | None = None
    session_id: UUID | None = None
    is_rotated: bool = False
    attempt: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The account behind a login, and what its browser stores from now on.

    ``ended`` are sessions that a new password has ended.
    """

    account: AccountRow
    claim: str
    family_id: UUID
    ended: tuple[UUID, ...] = ()


class _HolderChanged(Exception):
    """The holder of a name changed while the password was being checked."""


class IdentityService:
    """Finds or creates the account behind a login."""

    def __init__(
        self,
        database: Database,
        settings: Settings,
        *,
        feature_flags: FeatureFlags | None = None,
        bot_names: Callable[[], Iterable[str]] = tuple,
    ) -> None:
        """``bot_names`` are those that bots go by now: whoever looks like one of them has a badge."""
        self._database = database
        self._bot_names = bot_names
        self._feature_flags = feature_flags or FeatureFlags()
        self._is_open = settings.auth_mode == "open"

    async def identify(self, username: str, display_name: str | None, *, proof: Proof) -> Identified:
        """Resume the account that the proof is for, claim a free name, or make a guest.

        A name that looks like another one, a bot's or an administrator's is not free: its bearer has a guest's badge.

        Raises: InvalidInput for a name or password that is not allowed; NotAuthenticated when a password is given
        for a taken name and does not match; PermissionDenied for a banned account; FeatureOff for new people.
        """
        while True:
            # Somebody claimed the name or set its password while we were hashing: look again.
            with contextlib.suppress(_HolderChanged):
                return await self._identify(username, display_name, proof)

    async def _identify(self, username: str, display_name: str | None, proof: Proof) -> Identified:
        name = check_name(username, field="username", min_chars=3, max_chars=30)
        shown = check_name(display_name or name, field="display_name", min_chars=1, max_chars=50)
        if display_name:
            check_alphabets(shown, field="display_name")
            if name_key(shown) != name_key(name) and self._is_like_a_bot(skeletons_of(shown)):
                raise InvalidInput("a bot has this name", field="display_name")
        if proof.password is not None:
            check_text(proof.password, field="password", min_chars=MIN_PASSWORD_CHARS, max_chars=MAX_PASSWORD_CHARS)
        holder = await self._holder(name_key(name))
        # Argon2 is slow: run it in a thread, outside any transaction.
        is_proven = await self._is_proven_by_password(holder, proof)
        new_hash = await self._new_password_hash(holder, proof)
        async with self._database.write() as connection:
            await accounts.lock_name(connection, name_key(name))
            if proof.password is not None and await accounts.holder(connection, name_key(name)) != holder:
                raise _HolderChanged
            shown_claims = await accounts.claims(connection, [token_hash(claim) for claim in claims_in(proof.claim)])
            attempt = _attempt_hash(proof)
            attempted = await accounts.claims(connection, [attempt] if attempt else [])
            account = await self._resumed(
                connection, name, proof=proof, claims=[*shown_claims, *attempted], proven=holder if is_proven else None
            )
            ended: tuple[UUID, ...] = ()
            if account is None:
                account = await self._created(connection, name, shown, password_hash=new_hash)
            elif account.banned_at is not None:
                raise PermissionDenied("This account is suspended.")
            else:
                shown = shown if display_name else account.display_name
                account = replace(account, display_name=shown)
                is_new_password = new_hash is not None and not account.is_guest
                if is_new_password:
                    ended = await self._revoked(connection, account.user_id, proof)
                await accounts.update_profile(
                    connection,
                    account.user_id,
                    display_name=shown,
                    password_hash=new_hash if is_new_password else None,
                )
            claim, family_id = await self._new_claim(connection, account.user_id, proof, [*shown_claims, *attempted])
            if attempt and not attempted:
                await accounts.add_attempt(
                    connection, account.user_id, attempt, family_id=family_id, lives_s=ATTEMPT_LIVES_S
                )
        return Identified(account=account, claim=claim, family_id=family_id, ended=ended)

    async def _new_claim(
        self, connection: Connection, user_id: str, proof: Proof, shown_claims: Sequence[ClaimRow]
    ) -> tuple[str, UUID]:
        """The new value of the claim cookie: a new claim, followed by those for other accounts."""
        shown = next((claim for claim in shown_claims if claim.user_id == user_id), None)
        family_id = shown.family_id if shown else await self._family_of_session(connection, user_id, proof) or new_id()
        secret = new_secret()
        await accounts.add_claim(
            connection,
            user_id,
            token_hash(secret),
            family_id=family_id,
            shown=shown.claim_hash if shown else None,
            lives_days=CLAIM_LIVES_DAYS,
        )
        others = {claim.claim_hash for claim in shown_claims if claim.user_id != user_id}
        kept = [claim for claim in claims_in(proof.claim) if token_hash(claim) in others]
        return CLAIM_SEPARATOR.join([secret, *kept][:MAX_CLAIMS]), family_id

    async def _family_of_session(self, connection: Connection, user_id: str, proof: Proof) -> UUID | None:
        """A browser that lost its claim but still has its session is the same browser."""
        if not proof.is_rotated or proof.session_id is None or proof.user_id != user_id:
            return None
        return await sessions.claim_family(connection, proof.session_id)

    async def _revoked(self, connection: Connection, user_id: str, proof: Proof) -> tuple[UUID, ...]:
        """A new password revokes all other proof, except the session that set it."""
        await accounts.revoke_claims(connection, [user_id])
        ended = await people.end_sessions(connection, [user_id], is_admin=False, except_id=proof.session_id)
        return tuple(ended)

    def _is_like_a_bot(self, skeletons: Sequence[str]) -> bool:
        return any(set(skeletons) & set(skeletons_of(name)) for name in self._bot_names())

    async def _holder(self, key: str) -> AccountRow | None:
        async with self._database.read() as connection:
            return await accounts.holder(connection, key)

    async def _is_proven_by_password(self, holder: AccountRow | None, proof: Proof) -> bool:
        if holder is None or proof.password is None or holder.password_hash is None:
            return False
        if await asyncio.to_thread(is_password, proof.password, holder.password_hash):
            return True
        raise NotAuthenticated("Wrong password, or the name is taken.")

    async def _new_password_hash(self, holder: AccountRow | None, proof: Proof) -> str | None:
        """Hash a first password; one that was just checked needs no new hash."""
        if proof.password is None or (holder is not None and holder.password_hash is not None):
            return None
        return await asyncio.to_thread(hash_password, proof.password)

    async def _resumed(
        self,
        connection: Connection,
        name: str,
        *,
        proof: Proof,
        claims: Sequence[ClaimRow],
        proven: AccountRow | None,
    ) -> AccountRow | None:
        if proven is not None:
            return proven
        if self._is_open:
            return await accounts.holder(connection, name_key(name))
        if proof.user_id is not None:
            account = await accounts.get(connection, proof.user_id)
            if account is not None and name_key(account.username) == name_key(name):
                return account
        for claim in claims:
            account = await accounts.get(connection, claim.user_id)
            if account is not None and name_key(account.username) == name_key(name):
                return account
        return None

    async def _created(self, connection: Connection, name: str, shown: str, *, password_hash: str | None) -> AccountRow:
        skeletons = skeletons_of(name)
        if not self._is_open:
            check_alphabets(name, field="username")
        is_taken = await accounts.holder(connection, name_key(name)) is not None
        if not is_taken and not self._is_open:
            is_taken = self._is_like_a_bot(skeletons) or await accounts.is_like_another(
                connection, skeletons, name_key=name_key(name)
            )
        self._feature_flags.require(Feature.GUESTS if is_taken else Feature.NEW_USERS)
        account = AccountRow(
            user_id=new_universal_id(),
            username=name,
            display_name=shown,
            is_guest=is_taken,
            # A guest holds no name, so a password would be useless to them later.
            password_hash=None if is_taken else password_hash,
            banned_at=None,
        )
        await accounts.create(connection, account, name_key=name_key(name), looks=skeletons)
        return account


def _attempt_hash(proof: Proof) -> str | None:
    if proof.attempt is None or len(proof.attempt) < MIN_ATTEMPT_CHARS:
        return None
    return token_hash(f"attempt {proof.attempt}")


def claims_in(cookie: str | None) -> list[str]:
    """The claims in a browser's cookie, at most as many as we issue."""
    return [claim for claim in (cookie or "").split(CLAIM_SEPARATOR) if claim][:MAX_CLAIMS]
