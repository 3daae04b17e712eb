"""What bots remember of the person who asks, over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from chat_api.http.dependencies import LimitedUser, service
from chat_api.http.errors import BODIES, errors
from chat_api.memories.bodies import EraseOwnMemoriesBody, ReceiptList
from chat_api.memories.erasures import MemoryErasures
from chat_api.memories.schemas import PersonMemories, Receipt
from chat_api.memories.service import MemoriesService

router = APIRouter(prefix="/api/users/me/memories", tags=["Memories of bots"])
_USER = ("not_authenticated", "permission_denied", "rate_limited", "unavailable", "not_found", "invalid_input")

Memories = Annotated[MemoriesService, service(MemoriesService)]
Erasures = Annotated[MemoryErasures, service(MemoryErasures)]


@router.get("", summary="What bots remember of you", responses=errors(*_USER))
async def memories(
    principal: LimitedUser,
    memories: Memories,
    bot_name: Annotated[str | None, Query(min_length=1, max_length=50)] = None,
) -> PersonMemories:
    """All bots are asked at once, or one. Those that did not answer are named. At most 12 times a minute."""
    return await memories.own(principal, bot_name=bot_name)


@router.delete("", summary="Have bots forget you", responses=errors(*_USER, *BODIES))
async def erase(body: EraseOwnMemoriesBody, principal: LimitedUser, erasures: Erasures) -> Receipt:
    """By part, at one bot or all; takes up to a minute. The receipt says what could not be erased; a bot that was not
    reached is told when it is back.
    """
    return await erasures.erase_own(principal, bot_name=body.bot_name, parts=body.kinds)


@router.get("/receipts", summary="Your receipts", responses=errors(*_USER))
async def receipts(principal: LimitedUser, erasures: Erasures) -> ReceiptList:
    """What was erased of you at bots, and what was not; the newest 50."""
    return ReceiptList(receipts=await erasures.own_receipts(principal))


@router.post("/receipts/{receipt_id}/retry", summary="Try again", responses=errors(*_USER, "conflict"))
async def retry(receipt_id: UUID, principal: LimitedUser, erasures: Erasures) -> Receipt:
    """What is left of a receipt of yours, now. 409 when nothing is, or when it is older than 30 days."""
    return await erasures.retry_own(principal, receipt_id)
