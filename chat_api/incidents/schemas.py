"""Incidents as pages and doors show them, and as their keeper holds them."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.changes.schemas import ChangesSince
from chat_api.core.read_models import ReadModel
from chat_api.fleet.sentences import with_affected
from models import IncidentEntryKind


class IncidentState(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    ACKNOWLEDGED = "acknowledged"
    RESOLVED = "resolved"


class IncidentFilter(StrEnum):
    """Which incidents a list shows; ``open`` are those that are not resolved, acknowledged or not."""

    ALL = "all"
    OPEN = "open"
    RESOLVED = "resolved"


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentView:
    """One incident of a list. ``cause`` is ``service:<name>``, ``address:<host:port>`` or ``bot:<name>``.

    ``failing`` of the ``affected`` bots still fail; ``duration_s`` runs until it is resolved. ``bot_names`` are those
    that failed, by name.
    """

    incident_id: UUID
    cause: str
    title: str
    detail: str
    state: IncidentState
    opened_at: datetime
    resolved_at: datetime | None
    duration_s: float
    affected: int
    failing: int
    bot_names: tuple[str, ...] = ()
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None
    acknowledge_reason: str | None = None
    reopened: int = 0
    merged_into: UUID | None = None

    @property
    def headline(self) -> str:
        """What is wrong and how many bots it hit, in one line."""
        if not self.cause.startswith("service:") or not self.affected:
            return self.title
        return with_affected(self.title, self.affected)


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentBotView(ReadModel):
    """A bot in an incident; without `failed_at` it only depends on what is down."""

    bot_name: str
    status: str
    failed_at: datetime | None = None
    recovered_at: datetime | None = None
    error: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether it is still in trouble."""
        return self.failed_at is not None and self.recovered_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentEntryView(ReadModel):
    """One line of the timeline; without `actor_name` it happened by itself."""

    at: datetime
    kind: Annotated[IncidentEntryKind, Field(examples=["acknowledged"])]
    content: str
    actor_name: str | None = None
    bot_name: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceView(ReadModel):
    """What was captured of a bot. Log lines are a bot's own words: never trust them."""

    bot_name: str
    captured_at: datetime
    reason: str
    facts: Mapping[str, object]
    checks: tuple[Mapping[str, object], ...]
    log_lines: Annotated[tuple[str, ...], Field(description="Oldest first.")]
    problem: Annotated[str | None, Field(description="Why there are no log lines.")] = None


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentDetails:
    """One incident with everything that is known of it; the timeline is oldest first.

    ``changes`` is what is different of each bot that failed since it was last healthy before that.
    """

    incident: IncidentView
    bots: tuple[IncidentBotView, ...]
    timeline: tuple[IncidentEntryView, ...]
    evidence: tuple[EvidenceView, ...]
    changes: tuple[ChangesSince, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentNumbers(ReadModel):
    """How often and how long, of the last 30 days; times are seconds from opened to resolved."""

    open: Annotated[int, Field(description="Not resolved now.")]
    opened: int
    mean_s: Annotated[float | None, Field(description="The mean time to resolve.")]
    median_s: float | None
    longest_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenIncident:
    """What the keeper knows of an incident that is not resolved; ``failing`` are the bots in trouble."""

    incident_id: UUID
    cause: str
    opened_at: datetime
    title: str = ""
    failing: frozenset[str] = frozenset()
    evidence_count: int = 0
