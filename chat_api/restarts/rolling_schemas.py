"""Rolling restarts as pages and doors show them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import RollingState


class StepState(StrEnum):
    """How far a rolling restart is with one bot. ``untouched``: it ended before this bot's turn."""

    WAITING = "waiting"
    RESTARTING = "restarting"
    SYNTHETIC_CHECK = "canary"  # the value that programs know
    DONE = "done"
    FAILED = "failed"
    UNTOUCHED = "untouched"


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingStep(ReadModel):
    """One bot of a rolling restart."""

    bot_name: str
    state: StepState = StepState.WAITING
    batch: int = 1
    restart_id: str | None = None
    duration_s: float | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingView(ReadModel):
    """A rolling restart, running or over."""

    rolling_id: UUID
    requested_by: str
    requested_at: datetime
    batch_size: int
    state: RollingState
    estimate_s: float
    steps: tuple[RollingStep, ...]
    abort_requested_by: str | None = None
    finished_at: datetime | None = None
    error: Annotated[str | None, Field(description="Why it ended before its end.")] = None

    @property
    def is_running(self) -> bool:
        """Whether it is still under way."""
        return self.state is RollingState.RUNNING

    @property
    def done_count(self) -> int:
        """How many bots are restarted and well."""
        return sum(step.state is StepState.DONE for step in self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class PreviewedBot(ReadModel):
    """One bot of a preview: when it is its turn, and what that costs."""

    bot_name: str
    display_name: str
    batch: int
    affected_users: Annotated[int, Field(description="Who wrote to it in the last five minutes.")]
    estimate_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RollingPreview(ReadModel):
    """What a rolling restart would do."""

    batch_size: int
    bots: tuple[PreviewedBot, ...]
    affected_users: Annotated[int, Field(description="In all; who talks with two bots counts once.")]
    estimate_s: float
    skipped: Annotated[Mapping[str, str], Field(description="Bots that are left out, and why.")]


def step_of(stored: Mapping[str, Any]) -> RollingStep:
    """A step as :func:`stored_step` stored it."""
    return RollingStep(
        bot_name=str(stored["bot_name"]),
        state=StepState(stored["state"]),
        batch=int(stored["batch"]),
        restart_id=stored.get("restart_id"),
        duration_s=stored.get("duration_s"),
        error=stored.get("error"),
    )


def stored_step(step: RollingStep) -> dict[str, Any]:
    """A step as JSON."""
    return {
        "bot_name": step.bot_name,
        "state": step.state.value,
        "batch": step.batch,
        "restart_id": step.restart_id,
        "duration_s": step.duration_s,
        "error": step.error,
    }
