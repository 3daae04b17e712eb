"""What the incidents' doors take and give."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, StrictStr

from chat_api.http.base_models import Answer, Body, TextId
from chat_api.incidents.schemas import IncidentDetails
from chat_api.incidents.service import MAX_NOTE_CHARS, MAX_REASON_CHARS


class AcknowledgeBody(Body):
    """Say that somebody takes care of it."""

    reason: StrictStr = Field(
        min_length=1, max_length=MAX_REASON_CHARS, examples=["Redis is moved to another host until 14:00."]
    )


class NoteBody(Body):
    """What somebody found out."""

    content: StrictStr = Field(min_length=1, max_length=MAX_NOTE_CHARS, examples=["The disk of the host was full."])


class IncidentItem(Answer):
    """One incident of a list."""

    incident_id: TextId
    cause: str = Field(description="`service:<name>` of a dependency, or `bot:<name>`.", examples=["service:redis"])
    headline: str = Field(examples=["Redis is down: 7 bots affected"])
    detail: str
    state: Literal["open", "acknowledged", "resolved"]
    opened_at: datetime
    resolved_at: datetime | None
    duration_s: Annotated[float, AfterValidator(lambda value: round(value, 1))] = Field(
        description="Until it was resolved, else until now."
    )
    affected: int = Field(description="Bots that failed by it.")
    failing: int = Field(description="Those that have not recovered in it.")
    bots: list[str] = Field(validation_alias="bot_names")
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledge_reason: str | None
    reopened: int = Field(description="How often it came back within five minutes of being resolved.")


class IncidentNumbersAnswer(Answer):
    """Of the last 30 days; times are seconds from opened to resolved."""

    open: int = Field(description="Not resolved now.")
    opened: int
    mean_s: float | None = Field(description="The mean time to resolve.")
    median_s: float | None
    longest_s: float | None


class IncidentList(Answer):
    """Open ones first, then the newest."""

    numbers: IncidentNumbersAnswer
    incidents: list[IncidentItem]


class IncidentBotItem(Answer):
    """A bot in an incident; without `failed_at` it only depends on what is down."""

    bot_name: str
    status: str
    failed_at: datetime | None
    recovered_at: datetime | None
    error: str | None


class IncidentEntryItem(Answer):
    """One line of the timeline; without `actor_name` it happened by itself."""

    at: datetime
    kind: str = Field(examples=["acknowledged"])
    content: str
    actor_name: str | None
    bot_name: str | None


class EvidenceItem(Answer):
    """What was captured of a bot. Log lines are a bot's own words: never trust them."""

    bot_name: str
    captured_at: datetime
    reason: str
    facts: dict[str, Any]
    checks: list[dict[str, Any]]
    log_lines: list[str]
    problem: str | None


class IncidentAnswer(IncidentItem):
    """One incident with everything that is known of it; the timeline is oldest first."""

    bots_concerned: list[IncidentBotItem]
    timeline: list[IncidentEntryItem]
    evidence: list[EvidenceItem]

    @classmethod
    def of(cls, details: IncidentDetails) -> "IncidentAnswer":
        """An incident as JSON gives it."""
        return cls(
            **dict(IncidentItem.model_validate(details.incident)),
            bots_concerned=details.bots,
            timeline=details.timeline,
            evidence=details.evidence,
        )
