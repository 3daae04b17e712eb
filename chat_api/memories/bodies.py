"""What the API takes about memories, and its lists."""

from typing import Literal

from pydantic import Field, StrictStr

from chat_api.http.base_models import Answer, Body
from chat_api.memories.schemas import ALL_PARTS, Receipt
from chat_api.people.service import MAX_REASON_CHARS, MIN_REASON_CHARS
from models import MemoryPart

PartName = Literal["memories", "trust", "knowledge"]
_BOT = "One bot; without it all of them."


class ReadMemoriesBody(Body):
    """Why somebody's memories are looked at; it is kept in the audit trail."""

    reason: StrictStr = Field(min_length=MIN_REASON_CHARS, max_length=MAX_REASON_CHARS, examples=["Ticket 4711"])
    bot_name: StrictStr | None = Field(None, min_length=1, max_length=50, description=_BOT, examples=["elena"])


class EraseOwnMemoriesBody(Body):
    """What bots are to forget."""

    bot_name: StrictStr | None = Field(None, min_length=1, max_length=50, description=_BOT, examples=["elena"])
    parts: list[PartName] = Field(
        [part.value for part in ALL_PARTS], min_length=1, max_length=3, examples=[["memories", "trust"]]
    )

    @property
    def kinds(self) -> list[MemoryPart]:
        """The parts as the service takes them."""
        return [MemoryPart(part) for part in self.parts]


class EraseMemoriesBody(EraseOwnMemoriesBody):
    """What bots are to forget of somebody, and why; that is kept in the audit trail."""

    reason: StrictStr = Field(min_length=MIN_REASON_CHARS, max_length=MAX_REASON_CHARS, examples=["Ticket 4711"])


class ReceiptList(Answer):
    """Receipts, newest first."""

    receipts: tuple[Receipt, ...]
