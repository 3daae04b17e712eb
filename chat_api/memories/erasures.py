"""Erasing what bots remember of a person, with a receipt that says what could not be.

What is to be done is stored before any bot is told: whatever dies meanwhile, the leader goes on with what is left.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Literal
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import Conflict, InvalidInput, NotFound
from chat_api.core.ids import new_id
from chat_api.core.language import N_
from chat_api.core.principals import Permission, Principal
from chat_api.core.rate_limits import RateLimits
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.service import FleetService
from chat_api.memories import repository as memories
from chat_api.memories.bots import PersonAtBots
from chat_api.memories.known_as import KnownAs
from chat_api.memories.runs import ErasureRuns
from chat_api.memories.schemas import ALL_PARTS, Receipt
from chat_api.people.schemas import person_reference
from chat_api.people.service import checked_reason
from models import MemoryPart

MAX_RECEIPTS = 50
_UNKNOWN = N_("Unknown receipt.")
ERASED_WITH_PERSON = N_("The person was erased.")
# What people are told instead of a name.
ADMINISTRATOR = "administrator"


class MemoryErasures:
    """Has bots forget people, and keeps the receipts."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        fleet: FleetService,
        at_bots: PersonAtBots,
        known_as: KnownAs,
        audit: AuditService,
        limits: RateLimits,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._registry = registry
        self.runs = ErasureRuns(database, fleet, at_bots, clock=clock)
        self._known_as = known_as
        self._audit = audit
        self._limits = limits
        self._clock = clock

    async def erase(
        self,
        principal: Principal,
        user_id: str,
        *,
        reason: str,
        bot_name: str | None = None,
        parts: Sequence[MemoryPart] = ALL_PARTS,
    ) -> Receipt:
        """Have all bots, or one, forget parts of what they know of somebody; waits for those that answer.

        Raises: NotFound, InvalidInput, PermissionDenied, NotAuthenticated, RateLimited.
        """
        await self._audit.require(principal, Permission.MANAGE_USERS, person_reference(user_id))
        because, bots, wanted = checked_reason(reason), self._bots(bot_name), _checked(parts)
        ids = await self._known_as.of(user_id)
        await self._limits.memory_request(principal.user_id)
        return await self._erase(user_id, ids, bots, wanted, principal=principal, reason=because)

    async def erase_own(
        self, principal: Principal, *, bot_name: str | None = None, parts: Sequence[MemoryPart] = ALL_PARTS
    ) -> Receipt:
        """Have all bots, or one, forget parts of what they know of the person who asks.

        Raises: NotFound (the bot), InvalidInput, PermissionDenied, RateLimited.
        """
        principal.require(Permission.CHAT)
        bots, wanted = self._bots(bot_name), _checked(parts)
        await self._limits.memory_request(principal.user_id)
        ids = await self._known_as.own(principal.user_id)
        return _for_the_person(await self._erase(principal.user_id, ids, bots, wanted))

    async def erase_with_person(self, principal: Principal, user_id: str) -> UUID:
        """Have all bots forget a person who is being erased here; returns the receipt, which outlives them.

        Before what leads from the person to the ids that bots know is gone. Raises: NotFound, PermissionDenied.
        """
        principal.require(Permission.MANAGE_USERS)
        ids = await self._known_as.to_erase(user_id)
        receipt = await self._erase(
            user_id, ids, self._bots(None), ALL_PARTS, principal=principal, reason=ERASED_WITH_PERSON
        )
        return receipt.receipt_id

    async def retry(self, principal: Principal, receipt_id: UUID) -> Receipt:
        """Try now what is left of an erasure.

        Raises: NotFound, Conflict (nothing is left, or it was given up), PermissionDenied, NotAuthenticated,
        RateLimited.
        """
        await self._audit.require(principal, Permission.MANAGE_USERS, str(receipt_id))
        receipt = await self._stored(receipt_id)
        await self._limits.memory_request(principal.user_id)
        await self._audit.record(
            principal, "memories.retry", receipt.person, details={"receipt_id": str(receipt.receipt_id)}
        )
        return await self._retried(receipt)

    async def retry_own(self, principal: Principal, receipt_id: UUID) -> Receipt:
        """The same for a receipt of one's own. Raises: NotFound (another's, too), Conflict, RateLimited."""
        principal.require(Permission.CHAT)
        receipt = await self._stored(receipt_id)
        if receipt.person not in await self._own_references(principal.user_id):
            raise NotFound(_UNKNOWN)
        await self._limits.memory_request(principal.user_id)
        return _for_the_person(await self._retried(receipt))

    async def receipt(self, principal: Principal, receipt_id: UUID) -> Receipt:
        """One receipt. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        principal.require(Permission.MANAGE_USERS)
        return await self._stored(receipt_id)

    async def receipts(
        self, principal: Principal, *, user_id: str | None = None, state: Literal["all", "open"] = "all"
    ) -> tuple[Receipt, ...]:
        """The newest receipts of a person, or of everybody. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.MANAGE_USERS)
        async with self._database.read() as connection:
            if user_id is not None:
                return await memories.of_people(connection, [person_reference(user_id)], limit=MAX_RECEIPTS)
            return await memories.newest(connection, is_open=state == "open", limit=MAX_RECEIPTS)

    async def own_receipts(self, principal: Principal) -> tuple[Receipt, ...]:
        """The newest receipts of the person who asks, whoever had it erased. Raises: PermissionDenied."""
        principal.require(Permission.CHAT)
        people = await self._own_references(principal.user_id)
        async with self._database.read() as connection:
            found = await memories.of_people(connection, people, limit=MAX_RECEIPTS)
        return tuple(map(_for_the_person, found))

    async def _erase(
        self,
        user_id: str,
        ids: tuple[str, ...],
        bots: Sequence[str],
        parts: Sequence[MemoryPart],
        *,
        principal: Principal | None = None,
        reason: str | None = None,
    ) -> Receipt:
        """Store what is to be done, and try it. Without ``principal`` it is the person who wants it."""
        erasure_id, person = new_id(), person_reference(user_id)
        async with self._database.write() as connection:
            await memories.add(
                connection,
                erasure_id,
                person=person,
                bot_user_ids=ids,
                requested_by=principal.username if principal else None,
                reason=reason,
                requested_at=self._clock.now(),
                bots=bots,
                parts=parts,
            )
            if principal is not None:  # of people themselves the trail, which keeps names for ever, says nothing
                details = {"reason": reason, "receipt_id": str(erasure_id), "bots": len(bots), "parts": list(parts)}
                await self._audit.record(principal, "memories.erase", person, details=details, connection=connection)
        await self.runs.attempt(erasure_id)
        return await self._stored(erasure_id)

    async def _retried(self, receipt: Receipt) -> Receipt:
        if receipt.closed_at is not None:
            raise Conflict("Nothing is left to retry here.")
        await self.runs.attempt(receipt.receipt_id)
        return await self._stored(receipt.receipt_id)

    async def _stored(self, receipt_id: UUID) -> Receipt:
        async with self._database.read() as connection:
            receipt = await memories.get(connection, receipt_id)
        if receipt is None:
            raise NotFound(_UNKNOWN)
        return receipt

    async def _own_references(self, user_id: str) -> list[str]:
        """An account is also part of the person that it was merged into: what was erased of them was its, too."""
        async with self._database.read() as connection:
            person = await memories.person_of(connection, user_id)
        return [person_reference(one) for one in (user_id, person) if one is not None]

    def _bots(self, bot_name: str | None) -> list[str]:
        specs = [self._registry.get(bot_name)] if bot_name is not None else self._registry.all()
        return [spec.name for spec in specs]


def _checked(parts: Iterable[MemoryPart]) -> list[MemoryPart]:
    wanted = list(dict.fromkeys(parts))
    if not wanted:
        raise InvalidInput("choose at least one part", field="parts")
    return wanted


def _for_the_person(receipt: Receipt) -> Receipt:
    """Without who of the operators had it erased, and why: that is between them and the audit trail."""
    return replace(receipt, requested_by=ADMINISTRATOR if receipt.requested_by else None, reason=None)
