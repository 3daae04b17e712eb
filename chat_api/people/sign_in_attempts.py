"""Limits how often strangers may try to sign in to an account."""

from chat_api.core.addresses import address_key
from chat_api.core.database import Database
from chat_api.core.principals import Device
from chat_api.core.rate_limits import RateLimits
from chat_api.core.security import (
    token_hash,
)
from chat_api.core.text import name_key
from chat_api.people import accounts_repository as accounts
from chat_api.people import sessions_repository as sessions
from chat_api.people.admins_repository import AdminRow
from chat_api.people.identity import claims_in
from chat_api.people.session_schemas import MAX_PASSWORD_CHARS


class SignInAttempts:
    """Counts attempts from addresses from which nobody has signed in to the account recently."""

    def __init__(self, database: Database, limits: RateLimits | None) -> None:
        self._database = database
        self._limits = limits

    async def count(
        self,
        username: str,
        device: Device | None,
        *,
        claim: str | None = None,
        admin: AdminRow | None = None,
        is_admin: bool = False,
    ) -> None:
        """Count an attempt, unless it comes from the owner's browser or a known address.

        A limit for the account alone would let anybody lock its owner out. Raises: RateLimited.
        """
        if self._limits is None:
            return
        key = name_key(username[:MAX_PASSWORD_CHARS])
        async with self._database.read() as connection:
            if is_admin:
                known = await sessions.admin_addresses(connection, admin.admin_id) if admin else []
            else:
                hashes = [token_hash(one) for one in claims_in(claim)]
                known = await sessions.addresses_of_name(connection, key)
                if await accounts.is_claimed(connection, key, hashes):
                    return
        if device is None or address_key(device.address) not in set(map(address_key, known)):
            await self._limits.strange_login(token_hash(f"{is_admin} {key}")[:32])
