"""Who a name belongs to: the first login claims it, proof resumes it, everybody else is a guest.

A username proves nothing. Proof is the browser's claim cookie, a live token or the account's password.
"""

import asyncio
import contextlib
from dataclasses import dataclass, replace

from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.database import Database
from chat_api.core.errors import NotAuthenticated, PermissionDenied
from chat_api.core.ids import new_universal_id
from chat_api.core.security import hash_password, is_password, new_secret, token_hash
from chat_api.core.settings import Settings
from chat_api.core.text import check_name, check_text, name_key
from chat_api.repositories import accounts
from chat_api.repositories.accounts import AccountRow
from chat_api.schemas.settings import Feature
from chat_api.services.switches import Switches

MIN_PASSWORD_CHARS = 8
MAX_PASSWORD_CHARS = 200
MIN_CLAIM_CHARS = 32  # One that is shorter is not ours, and could be guessed.


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What a caller brings besides the name. ``user_id`` is that of a live token."""

    password: str | None = None
    claim: str | None = None
    user_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Identified:
    """The account that a login leads to, and the claim its browser keeps from now on."""

    account: AccountRow
    claim: str


class _HolderChanged(Exception):
    """The holder of a name is not what it was when the password was checked."""


class IdentityService:
    """Finds or makes the account behind a login."""

    def __init__(self, database: Database, settings: Settings, *, switches: Switches | None = None) -> None:
        self._database = database
        self._switches = switches or Switches()
        self._is_open = settings.auth_mode == "open"

    async def identify(self, username: str, display_name: str | None, *, proof: Proof) -> Identified:
        """Resume the account that the proof is for, claim a free name, or make a guest.

        Raises: InvalidInput for a name or password that is not allowed; NotAuthenticated when a password is given
        for a taken name and does not match; PermissionDenied for a banned account; FeatureOff for new people.
        """
        while True:
            # Somebody claimed the name, or set its password, while we hashed ours: look again.
            with contextlib.suppress(_HolderChanged):
                return await self._identify(username, display_name, proof)

    async def _identify(self, username: str, display_name: str | None, proof: Proof) -> Identified:
        name = check_name(username, field="username", min_chars=3, max_chars=30)
        shown = check_name(display_name or name, field="display_name", min_chars=1, max_chars=50)
        if proof.password is not None:
            check_text(proof.password, field="password", min_chars=MIN_PASSWORD_CHARS, max_chars=MAX_PASSWORD_CHARS)
        claim = proof.claim if proof.claim and len(proof.claim) >= MIN_CLAIM_CHARS else new_secret()
        holder = await self._holder(name_key(name))
        # Argon2 takes its time: it runs in a thread, and in no transaction.
        is_proven = await self._is_proven_by_password(holder, proof)
        new_hash = await self._new_password_hash(holder, proof)
        async with self._database.write() as connection:
            await accounts.lock_name(connection, name_key(name))
            if proof.password is not None and await accounts.holder(connection, name_key(name)) != holder:
                raise _HolderChanged
            account = await self._resumed(connection, name, proof=proof, proven=holder if is_proven else None)
            if account is None:
                account = await self._created(connection, name, shown, password_hash=new_hash)
            elif account.banned_at is not None:
                raise PermissionDenied("This account is suspended.")
            else:
                shown = shown if display_name else account.display_name
                account = replace(account, display_name=shown)
                await accounts.update_profile(connection, account.user_id, display_name=shown, password_hash=new_hash)
            await accounts.add_claim(connection, account.user_id, token_hash(claim))
        return Identified(account=account, claim=claim)

    async def _holder(self, key: str) -> AccountRow | None:
        async with self._database.read() as connection:
            return await accounts.holder(connection, key)

    async def _is_proven_by_password(self, holder: AccountRow | None, proof: Proof) -> bool:
        if holder is None or proof.password is None or holder.password_hash is None:
            return False
        if await asyncio.to_thread(is_password, proof.password, holder.password_hash):
            return True
        raise NotAuthenticated("This name is taken, and the password does not match.")

    async def _new_password_hash(self, holder: AccountRow | None, proof: Proof) -> str | None:
        """A first password is kept; one that was just checked needs no new hash."""
        if proof.password is None or (holder is not None and holder.password_hash is not None):
            return None
        return await asyncio.to_thread(hash_password, proof.password)

    async def _resumed(
        self, connection: AsyncConnection, name: str, *, proof: Proof, proven: AccountRow | None
    ) -> AccountRow | None:
        if proven is not None:
            return proven
        if self._is_open:
            return await accounts.holder(connection, name_key(name))
        if proof.user_id is not None:
            account = await accounts.get(connection, proof.user_id)
            if account is not None and name_key(account.username) == name_key(name):
                return account
        if proof.claim is not None:
            return await accounts.claimed_by(connection, name_key(name), token_hash(proof.claim))
        return None

    async def _created(
        self, connection: AsyncConnection, name: str, shown: str, *, password_hash: str | None
    ) -> AccountRow:
        is_taken = await accounts.holder(connection, name_key(name)) is not None
        self._switches.require(Feature.GUESTS if is_taken else Feature.NEW_USERS)
        account = AccountRow(
            user_id=new_universal_id(),
            username=name,
            display_name=shown,
            is_guest=is_taken,
            # A guest holds no name, so there is nothing a password of theirs could open later.
            password_hash=None if is_taken else password_hash,
            banned_at=None,
        )
        await accounts.create(connection, account, name_key=name_key(name))
        return account
