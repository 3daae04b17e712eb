"""Letting API keys in: whose a key is, what it may do, how often, and what it was used for.

What is known of a key is kept for half a second, and dropped at once when another process tells of a change: so a key
that was revoked is dead everywhere at once, and within a second when nothing can be told. Kept by the hash: no secret
stays in memory.
"""

from collections import OrderedDict
from dataclasses import replace
from typing import Any
from uuid import UUID

from chat_api.core.allowances import Allowance, Allowances
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, BudgetSpent, NotAuthenticated
from chat_api.core.language import N_
from chat_api.core.logging import get_logger
from chat_api.core.principals import KeyGrant, Principal
from chat_api.core.pubsub import PubSub
from chat_api.core.rate_limits import RateLimits
from chat_api.core.security import KeyRing
from chat_api.keys import repository as keys
from chat_api.keys.schemas import KeyCounts, LiveKey
from models import KeyScope, Role

log = get_logger(__name__)

KEEP_S = 0.5
MAX_KEPT = 10_000
CHANGED = "api_keys_changed"
NOT_VALID = N_("This API key is not valid: it is mistyped, expired or revoked.")


class KeyAccess:
    """One for each process."""

    def __init__(
        self,
        database: Database,
        key_ring: KeyRing,
        limits: RateLimits,
        allowances: Allowances,
        pubsub: PubSub,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._key_ring = key_ring
        self._limits = limits
        self._allowances = allowances
        self._pubsub = pubsub
        self._clock = clock
        self._known: OrderedDict[str, tuple[float, Principal]] = OrderedDict()
        self._counts: dict[UUID, KeyCounts] = {}
        self._rehashed: dict[str, str] = {}
        pubsub.subscribe(CHANGED, self._on_changed)
        pubsub.on_gap(self._known.clear)

    async def enter(self, token: str, *, address: str) -> Principal:
        """Whom a key stands for at this moment: its owner, with what the key allows of it.

        Raises: NotAuthenticated; RateLimited for an address that tries many keys.
        """
        digests = self._key_ring.digests(token)
        known = self._known.get(digests[0])
        if known is not None and known[0] > self._clock.monotonic_s():
            return known[1] if known[1].address == address else replace(known[1], address=address)
        key = await keys.live(self._database, digests)
        if key is None or (key.is_admin and key.role not in set(Role)):
            self._known.pop(digests[0], None)
            await self._limits.hit_address(address)
            raise NotAuthenticated(NOT_VALID)
        if key.key_hash != digests[0]:
            self._rehashed[key.key_hash] = digests[0]
        principal = _principal(key, address=address)
        self._known[digests[0]] = (self._clock.monotonic_s() + KEEP_S, principal)
        if len(self._known) > MAX_KEPT:
            self._known.popitem(last=False)
        return principal

    async def require_live(self, principal: Principal) -> None:
        """Look at a key again that is being used for long. Raises: NotAuthenticated, DatabaseUnavailable."""
        if not await self.is_live(principal):
            raise NotAuthenticated(NOT_VALID)

    async def is_live(self, principal: Principal) -> bool:
        """Whether the key of a principal may still act. Raises: DatabaseUnavailable."""
        return principal.key is not None and await keys.is_live(self._database, principal.key.key_id)

    async def take(self, principal: Principal) -> Allowance:
        """Count a request of a key: what is left of its limit, or that this was one too many."""
        assert principal.key is not None
        per_minute = principal.key.requests_per_minute or self._limits.requests_per_minute
        allowance = await self._allowances.take(str(principal.key.key_id), per_minute=per_minute)
        count = self._count_of(principal.key.key_id)
        count.requests += 1
        count.refused += allowance.wait_s > 0
        return allowance

    async def spend(self, principal: Principal) -> None:
        """Count a message of a key: in the database where it has a budget, which all processes share.

        Raises: BudgetSpent.
        """
        if principal.key is None:
            return
        if principal.key.messages_per_day is None:
            self._count_of(principal.key.key_id).messages += 1
            return
        if not await keys.spend(self._database, principal.key.key_id, principal.key.messages_per_day):
            self._count_of(principal.key.key_id).refused += 1
            now = self._clock.now()
            raise BudgetSpent(retry_after_s=86_400 - (now.timestamp() % 86_400))

    async def refund(self, principal: Principal) -> None:
        """Give back a message that came to nothing; never at the cost of what went wrong before."""
        if principal.key is None:
            return
        if principal.key.messages_per_day is None:
            self._count_of(principal.key.key_id).messages -= 1
            return
        try:
            await keys.refund(self._database, principal.key.key_id)
        except AppError as error:
            log.warning("key_not_refunded", code=error.code)

    async def flush(self) -> None:
        """Store what was counted, and when keys were last used. While PostgreSQL is away it is kept."""
        counts, self._counts = self._counts, {}
        rehashed, self._rehashed = self._rehashed, {}
        if not counts and not rehashed:
            return
        try:
            async with self._database.write() as connection:
                if counts:
                    await keys.count(connection, counts)
                for old, new in rehashed.items():
                    await keys.rehash(connection, old=old, new=new)
        except AppError as error:
            log.warning("key_usage_not_stored", code=error.code)
            for key, missed in counts.items():
                count = self._count_of(key)
                count.requests += missed.requests
                count.refused += missed.refused
                count.messages += missed.messages

    def changed(self) -> None:
        """A key may do something else than before, or nothing: look again, in every process."""
        self._known.clear()
        self._pubsub.publish(CHANGED, None)

    def _count_of(self, key_id: UUID) -> KeyCounts:
        return self._counts.setdefault(key_id, KeyCounts())

    def _on_changed(self, _: Any) -> None:
        self._known.clear()


def _principal(key: LiveKey, *, address: str) -> Principal:
    return Principal(
        user_id=key.owner_id,
        username=key.username,
        display_name=key.display_name,
        session_id=key.key_id,
        role=Role(key.role) if key.is_admin and key.role else None,
        is_guest=key.is_guest,
        address=address,
        key=KeyGrant(
            key_id=key.key_id,
            name=key.name,
            # What another version knows as a scope gives nothing in this one.
            scopes=frozenset(scope for scope in KeyScope if scope in key.scopes),
            bots=key.bots,
            background=key.background,
            requests_per_minute=key.requests_per_minute,
            messages_per_day=key.messages_per_day,
        ),
    )
