"""What a bot says that it knows of a person, as far as it can be shown; and what it says that it cleared."""

from dataclasses import dataclass
from typing import Annotated

from pydantic import Field

from chat_api.core.read_models import ReadModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory(ReadModel):
    """Something that was said, as the bot remembers it."""

    content: str
    score: Annotated[float | None, Field(description="How well it fits, in the bot's own measure.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation(ReadModel):
    """One edge of the knowledge graph, read as a sentence: `source` `kind` `target`."""

    source: str
    kind: Annotated[str, Field(examples=["LIVES_IN"])]
    target: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """What ``user-state`` told; a field is ``None`` where the bot did not tell it in a usable form."""

    trust_score: float | None = None
    trust_level: str | None = None
    memory_count: int | None = None
    memories: tuple[Memory, ...] = ()
    facts: tuple[str, ...] = ()

    @property
    def has_memories(self) -> bool:
        """Whether the bot shows that it remembers anything."""
        return bool(self.memories or self.memory_count)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cleared:
    """What ``clear-user-data`` says of each part. Its ``success`` is not among it: it is true whatever happened."""

    memories: bool
    trust: bool
    knowledge: bool
