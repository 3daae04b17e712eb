"""Suites, their runs, and what came of each prompt for each bot."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import CheckRunState


class Expectation(StrEnum):
    """What an answer may fail. ``error``: there was none; ``truncated``: it broke off."""

    ERROR = "error"
    NOT_EMPTY = "not_empty"
    TRUNCATED = "truncated"
    NO_APOLOGY = "no_apology"
    CONTAINS = "contains"
    EXCLUDES = "excludes"
    MATCHES = "matches"
    MAX_S = "max_s"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPrompt(ReadModel):
    """One prompt, and what its answer has to be like. Upper and lower case are the same in texts."""

    text: str
    contains: Annotated[tuple[str, ...], Field(description="All of these.")] = ()
    excludes: Annotated[tuple[str, ...], Field(description="None of these.")] = ()
    matches: Annotated[
        str | None, Field(description="RE2 pattern; without capitals, upper and lower case are the same.")
    ] = None
    max_s: float | None = None
    is_answer_required: Annotated[bool, Field(description="An empty answer fails.")] = True
    is_apology_refused: Annotated[bool, Field(description="A stock apology of the bot fails.")] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteDraft:
    """A suite as somebody wants it."""

    name: str
    prompts: tuple[CheckPrompt, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteView(SuiteDraft, ReadModel):
    """A stored suite."""

    suite_id: Annotated[UUID, Field(serialization_alias="id")]
    updated_by: str
    updated_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure(ReadModel):
    """One expectation that an answer does not meet; ``expected`` is what it says, or the error."""

    kind: Expectation
    expected: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult(ReadModel):
    """What one bot answered to one prompt; ``place`` counts the prompts from 0."""

    place: int
    bot_name: str
    is_passed: bool
    outcome: Annotated[str, Field(examples=["answered"])]
    answer: str
    duration_s: float
    failures: tuple[Failure, ...]
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView(ReadModel):
    """One run of a suite, running or over."""

    run_id: Annotated[UUID, Field(serialization_alias="id")]
    suite_id: UUID
    suite_name: str
    bots: tuple[str, ...]
    prompt_count: int
    requested_by: str
    requested_at: datetime
    state: CheckRunState
    finished_at: datetime | None
    passed: int
    failed: int

    @property
    def is_running(self) -> bool:
        """Whether it is under way."""
        return self.state is CheckRunState.RUNNING

    @property
    def total(self) -> int:
        """How many answers it asks for."""
        return self.prompt_count * len(self.bots)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails(ReadModel):
    """A run with the prompts as they were, and all results so far."""

    run: RunView
    prompts: tuple[CheckPrompt, ...]
    results: tuple[CheckResult, ...]


def prompt_of(stored: dict[str, Any]) -> CheckPrompt:
    """A prompt as :func:`stored_prompt` stored it."""
    return CheckPrompt(
        text=str(stored["text"]),
        contains=tuple(stored["contains"]),
        excludes=tuple(stored["excludes"]),
        matches=stored["matches"],
        max_s=stored["max_s"],
        is_answer_required=bool(stored["is_answer_required"]),
        is_apology_refused=bool(stored["is_apology_refused"]),
    )


def stored_prompt(prompt: CheckPrompt) -> dict[str, Any]:
    """A prompt as JSON."""
    return {
        "text": prompt.text,
        "contains": list(prompt.contains),
        "excludes": list(prompt.excludes),
        "matches": prompt.matches,
        "max_s": prompt.max_s,
        "is_answer_required": prompt.is_answer_required,
        "is_apology_refused": prompt.is_apology_refused,
    }
