"""Whose memories a page shows, and with which rights: an administrator's of somebody, or one's own."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID

from chat_api.core.language import _
from chat_api.core.principals import Principal
from chat_api.memories.schemas import PersonMemories, Receipt
from chat_api.people.schemas import PersonDetails
from console.context import services
from models import MemoryPart

Look = Callable[[Principal, str], Awaitable[PersonMemories]]
Erase = Callable[[Principal, str, str | None, Sequence[MemoryPart]], Awaitable[Receipt]]
Receipts = Callable[[Principal], Awaitable[tuple[Receipt, ...]]]
Retry = Callable[[Principal, UUID], Awaitable[Receipt]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """``name`` is what the person is called among what bots know; ``needs_reason``: each act is recorded with one."""

    name: str
    needs_reason: bool
    look: Look
    erase: Erase
    receipts: Receipts
    retry: Retry


def myself() -> Owner:
    """The person whose page it is."""
    memories, erasures = services().memories, services().memory_erasures

    async def look(who: Principal, _reason: str) -> PersonMemories:
        return await memories.own(who)

    async def erase(who: Principal, _reason: str, bot_name: str | None, parts: Sequence[MemoryPart]) -> Receipt:
        return await erasures.erase_own(who, bot_name=bot_name, parts=parts)

    return Owner(
        name=_("You"),
        needs_reason=False,
        look=look,
        erase=erase,
        receipts=erasures.own_receipts,
        retry=erasures.retry_own,
    )


def somebody(person: PersonDetails) -> Owner:
    """A person, for an administrator."""
    memories, erasures, user_id = services().memories, services().memory_erasures, person.user_id

    async def look(who: Principal, reason: str) -> PersonMemories:
        return await memories.of_person(who, user_id, reason=reason)

    async def erase(who: Principal, reason: str, bot_name: str | None, parts: Sequence[MemoryPart]) -> Receipt:
        return await erasures.erase(who, user_id, reason=reason, bot_name=bot_name, parts=parts)

    async def receipts(who: Principal) -> tuple[Receipt, ...]:
        return await erasures.receipts(who, user_id=user_id)

    return Owner(
        name=person.display_name,
        needs_reason=True,
        look=look,
        erase=erase,
        receipts=receipts,
        retry=erasures.retry,
    )
