"""What a client asks of a bot, and what comes of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class FinishReason(StrEnum):
    """Why an answer ended, in the words of that API."""

    STOP = "stop"
    LENGTH = "length"  # it broke off, or was stopped: never a clean end


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What reaches the bot of a request: the last turn of the user.

    ``field`` is where it stood, for refusals. ``is_marked_background`` is what the request itself says of that.
    """

    model: str
    text: str
    field: str
    user: str | None = None
    conversation: str | None = None
    is_marked_background: bool = False
    is_streamed: bool = False
    is_usage_streamed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ResponsesQuestion:
    """The same of the Responses API, with what its answer repeats."""

    question: Question
    instructions: str | None = None
    previous_response_id: str | None = None
    metadata: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """A bot as that API lists it."""

    name: str
    created: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Ending:
    """The whole answer, and how it ended."""

    text: str
    reason: FinishReason


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """Tokens, estimated, for bots do not tell: one for four characters of what reached the bot, or came back."""

    prompt: int
    completion: int

    @property
    def total(self) -> int:
        """Their sum."""
        return self.prompt + self.completion

    @classmethod
    def of(cls, asked: str, answered: str) -> "Usage":
        """The estimate."""
        return cls(prompt=-(-len(asked) // 4), completion=-(-len(answered) // 4))
