"""What bots remember of people, over HTTP, for administrators."""

from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path

from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.memories.bodies import EraseMemoriesBody, ReadMemoriesBody, ReceiptList
from chat_api.memories.erasures import MemoryErasures
from chat_api.memories.schemas import PersonMemories, Receipt
from chat_api.memories.service import MemoriesService

router = APIRouter(prefix="/api/admin", tags=["Memories of bots"])
_READ = errors(*CONSOLE, "invalid_input", "not_found")
_WRITE = errors(*CONSOLE, *BODIES, "not_found")
UserId = Annotated[str, Path(min_length=1, max_length=255)]

Memories = Annotated[MemoriesService, service(MemoriesService)]
Erasures = Annotated[MemoryErasures, service(MemoryErasures)]


@router.post("/users/{user_id}/memories/read", summary="What bots remember of a person", responses=_WRITE)
async def read(user_id: UserId, body: ReadMemoriesBody, principal: Admin, memories: Memories) -> PersonMemories:
    """All bots are asked at once, or one. The reason is kept in the audit trail, what was told is not."""
    return await memories.of_person(principal, user_id, reason=body.reason, bot_name=body.bot_name)


@router.post("/users/{user_id}/memories/erase", summary="Have bots forget a person", responses=_WRITE)
async def erase(user_id: UserId, body: EraseMemoriesBody, principal: Admin, erasures: Erasures) -> Receipt:
    """By part, at one bot or all; takes up to a minute. The receipt says what could not be erased."""
    return await erasures.erase(principal, user_id, reason=body.reason, bot_name=body.bot_name, parts=body.kinds)


@router.get("/users/{user_id}/memories/receipts", summary="A person's receipts", responses=_READ)
async def of_person(user_id: UserId, principal: Admin, erasures: Erasures) -> ReceiptList:
    """The newest 50. They outlive the person: with the same id they are found."""
    return ReceiptList(receipts=await erasures.receipts(principal, user_id=user_id))


@router.get("/memory-receipts", summary="Receipts", responses=_READ)
async def receipts(principal: Admin, erasures: Erasures, state: Literal["all", "open"] = "all") -> ReceiptList:
    """The newest 50 of everybody; `open`: with something left to try."""
    return ReceiptList(receipts=await erasures.receipts(principal, state=state))


@router.get("/memory-receipts/{receipt_id}", summary="One receipt", responses=_READ)
async def receipt(receipt_id: UUID, principal: Admin, erasures: Erasures) -> Receipt:
    """What became of each part at each bot."""
    return await erasures.receipt(principal, receipt_id)


@router.post("/memory-receipts/{receipt_id}/retry", summary="Try again", responses=_READ | errors(*CONSOLE, "conflict"))
async def retry(receipt_id: UUID, principal: Admin, erasures: Erasures) -> Receipt:
    """What is left of it, now. 409 when nothing is, or when it is older than 30 days."""
    return await erasures.retry(principal, receipt_id)
