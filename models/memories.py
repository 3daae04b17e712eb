"""What bots were told to forget of a person, and what became of it, bot by bot and part by part."""

from datetime import datetime
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Index, Text, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel, String

from models.columns import timestamptz


class MemoryPart(StrEnum):
    """What a bot keeps of a person, as it can be told to forget it."""

    MEMORIES = "memories"
    TRUST = "trust"
    KNOWLEDGE = "knowledge"


class ErasureOutcome(StrEnum):
    """What became of one part at one bot."""

    PENDING = "pending"
    ERASED = "erased"
    NOTHING_THERE = "nothing_there"
    REFUSED = "refused"
    STILL_THERE = "still_there"
    UNSUPPORTED = "unsupported"
    NOT_REACHED = "not_reached"


class MemoryErasure(SQLModel, table=True):
    """The receipt of one erasure.

    ``person`` is the reference that the audit trail uses. ``bot_user_ids``, under which bots know the person, stay only
    for as long as something is left to try; ``requested_by`` is an administrator, and nobody when it was the person.
    """

    __tablename__ = "web_memory_erasures"
    __table_args__ = (
        Index("idx_web_memory_erasures_person", "person", "id"),
        Index("idx_web_memory_erasures_open", "id", postgresql_where=text("closed_at IS NULL")),
    )

    id: UUID = Field(primary_key=True)
    person: str = Field(max_length=100)
    bot_user_ids: list[str] = Field(sa_type=ARRAY(String(255)), nullable=False)
    requested_by: str | None = Field(default=None, max_length=100)
    reason: str | None = Field(default=None, sa_type=Text)
    requested_at: datetime = timestamptz()
    claimed_until: datetime | None = timestamptz(nullable=True)
    closed_at: datetime | None = timestamptz(nullable=True)


class MemoryErasurePart(SQLModel, table=True):
    """One part at one bot. Without ``next_try_at`` it is not tried again by itself; ``was_there``: it was seen once."""

    __tablename__ = "web_memory_erasure_parts"

    erasure_id: UUID = Field(primary_key=True, foreign_key="web_memory_erasures.id", ondelete="CASCADE")
    bot_name: str = Field(primary_key=True, max_length=50)
    part: str = Field(primary_key=True, max_length=16)
    outcome: str = Field(max_length=16)
    was_there: bool = Field(default=False, sa_column_kwargs={"server_default": "false"})
    attempts: int = Field(default=0, sa_column_kwargs={"server_default": "0"})
    tried_at: datetime | None = timestamptz(nullable=True)
    next_try_at: datetime | None = timestamptz(nullable=True)
