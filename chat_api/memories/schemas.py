"""What bots know of a person, and the receipt of an erasure."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.bots.knowledge_schemas import Memory, Relation
from chat_api.core.read_models import ReadModel
from models import ErasureOutcome, MemoryPart

ALL_PARTS = tuple(MemoryPart)
# What is over: nothing is left to try.
DONE = frozenset({ErasureOutcome.ERASED, ErasureOutcome.NOTHING_THERE})
FINAL = DONE | {ErasureOutcome.UNSUPPORTED}


class BotKnows(StrEnum):
    """Whether a bot told what it knows of a person."""

    SOMETHING = "something"
    NOTHING = "nothing"
    UNSUPPORTED = "unsupported"
    NOT_REACHED = "not_reached"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotMemories(ReadModel):
    """What one bot told of a person. All of it is the bot's own words: escape them."""

    bot_name: str
    display_name: str
    emoji: str
    knows: Annotated[
        BotKnows, Field(description="`unsupported`: bots of the first generation; `failed`: an unusable answer.")
    ]
    trust_score: float | None = None
    trust_level: str | None = None
    memory_count: Annotated[
        int | None, Field(description="As the bot says it; bots of today count those that they show.")
    ] = None
    memories: tuple[Memory, ...] = ()
    facts: tuple[str, ...] = ()
    relations: Annotated[tuple[Relation, ...], Field(description="The knowledge graph around the person.")] = ()
    is_graph_available: Annotated[bool, Field(description="False: the bot has no knowledge graph now.")] = True

    @property
    def has_answered(self) -> bool:
        """Whether the bot told anything of the person, if only that it knows nothing."""
        return self.knows in {BotKnows.SOMETHING, BotKnows.NOTHING}


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonMemories(ReadModel):
    """What all bots that were asked know of a person."""

    bot_user_ids: Annotated[tuple[str, ...], Field(description="Under which ids bots know this person.")]
    bots: tuple[BotMemories, ...]
    not_answered: Annotated[tuple[str, ...], Field(description="Bots that could answer and did not, by name.")]


class ReceiptState(StrEnum):
    """How far an erasure is."""

    OPEN = "open"
    DONE = "done"
    INCOMPLETE = "incomplete"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReceiptPart(ReadModel):
    """What became of one part at one bot."""

    bot_name: str
    part: MemoryPart
    outcome: Annotated[
        ErasureOutcome,
        Field(
            description="`erased`: the bot said so and shows it no more; `still_there`: it said so and still shows it;"
            " `refused`: it did not do it; `unsupported`: it has no such function."
        ),
    ]
    was_there: bool
    attempts: int
    tried_at: datetime | None
    next_try_at: Annotated[datetime | None, Field(description="When it is tried again by itself.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt(ReadModel):
    """What bots were told to forget of a person, and what became of it."""

    receipt_id: UUID
    person: Annotated[str, Field(description="What the audit trail calls this person.")]
    requested_by: Annotated[str | None, Field(description="An administrator; null when it was the person.")]
    reason: str | None
    requested_at: datetime
    closed_at: datetime | None
    gives_up_at: Annotated[datetime, Field(description="Until then what is left is tried again.")]
    state: Annotated[
        ReceiptState, Field(description="`open`: something is left to try; `incomplete`: it stays at the bots.")
    ]
    parts: tuple[ReceiptPart, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """What is to be tried now: the ids that bots know a person by, and the parts that are left, by bot."""

    bot_user_ids: tuple[str, ...]
    parts: dict[str, tuple[ReceiptPart, ...]]


def receipt_state(parts: tuple[ReceiptPart, ...], *, is_closed: bool) -> ReceiptState:
    """How far an erasure is, from its parts."""
    if not is_closed:
        return ReceiptState.OPEN
    return ReceiptState.DONE if all(part.outcome in DONE for part in parts) else ReceiptState.INCOMPLETE
