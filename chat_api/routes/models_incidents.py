"""What the incidents' doors take and give."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field, StrictStr

from chat_api.routes.models import Body
from chat_api.schemas.incidents import EvidenceView, IncidentDetails, IncidentNumbers, IncidentView
from chat_api.services.incidents import MAX_NOTE_CHARS, MAX_REASON_CHARS


class AcknowledgeBody(Body):
    """Say that somebody takes care of it."""

    reason: StrictStr = Field(
        min_length=1, max_length=MAX_REASON_CHARS, examples=["Redis is moved to another host until 14:00."]
    )


class NoteBody(Body):
    """What somebody found out."""

    content: StrictStr = Field(min_length=1, max_length=MAX_NOTE_CHARS, examples=["The disk of the host was full."])


class IncidentItem(BaseModel):
    """One incident of a list."""

    incident_id: str
    cause: str = Field(description="`service:<name>` of a dependency, or `bot:<name>`.", examples=["service:redis"])
    headline: str = Field(examples=["Redis is down: 7 bots affected"])
    detail: str
    state: Literal["open", "acknowledged", "resolved"]
    opened_at: datetime
    resolved_at: datetime | None
    duration_s: float = Field(description="Until it was resolved, else until now.")
    affected: int = Field(description="Bots that failed by it.")
    failing: int = Field(description="Those that have not recovered in it.")
    bots: list[str]
    acknowledged_at: datetime | None
    acknowledged_by: str | None
    acknowledge_reason: str | None
    reopened: int = Field(description="How often it came back within five minutes of being resolved.")

    @classmethod
    def of(cls, incident: IncidentView) -> "IncidentItem":
        """An incident as JSON gives it."""
        return cls(**incident_fields(incident))


class IncidentNumbersAnswer(BaseModel):
    """Of the last 30 days; times are seconds from opened to resolved."""

    open: int = Field(description="Not resolved now.")
    opened: int
    mean_s: float | None = Field(description="The mean time to resolve.")
    median_s: float | None
    longest_s: float | None

    @classmethod
    def of(cls, numbers: IncidentNumbers) -> "IncidentNumbersAnswer":
        """The numbers as JSON gives them."""
        return cls(
            open=numbers.open,
            opened=numbers.opened,
            mean_s=numbers.mean_s,
            median_s=numbers.median_s,
            longest_s=numbers.longest_s,
        )


class IncidentList(BaseModel):
    """Open ones first, then the newest."""

    numbers: IncidentNumbersAnswer
    incidents: list[IncidentItem]


class IncidentBotItem(BaseModel):
    """A bot in an incident; without `failed_at` it only depends on what is down."""

    bot_name: str
    status: str
    failed_at: datetime | None
    recovered_at: datetime | None
    error: str | None


class IncidentEntryItem(BaseModel):
    """One line of the timeline; without `actor_name` it happened by itself."""

    at: datetime
    kind: str = Field(examples=["acknowledged"])
    content: str
    actor_name: str | None
    bot_name: str | None


class EvidenceItem(BaseModel):
    """What was captured of a bot. Log lines are a bot's own words: never trust them."""

    bot_name: str
    captured_at: datetime
    reason: str
    facts: dict[str, Any]
    checks: list[dict[str, Any]]
    log_lines: list[str]
    problem: str | None

    @classmethod
    def of(cls, evidence: EvidenceView) -> "EvidenceItem":
        """Evidence as JSON gives it."""
        return cls(
            bot_name=evidence.bot_name,
            captured_at=evidence.captured_at,
            reason=evidence.reason,
            facts=dict(evidence.facts),
            checks=[dict(check) for check in evidence.checks],
            log_lines=list(evidence.log_lines),
            problem=evidence.problem,
        )


class IncidentAnswer(IncidentItem):
    """One incident with everything that is known of it; the timeline is oldest first."""

    bots_concerned: list[IncidentBotItem]
    timeline: list[IncidentEntryItem]
    evidence: list[EvidenceItem]

    @classmethod
    def of_details(cls, details: IncidentDetails) -> "IncidentAnswer":
        """An incident as JSON gives it."""
        return cls(
            **incident_fields(details.incident),
            bots_concerned=[
                IncidentBotItem(
                    bot_name=bot.bot_name,
                    status=bot.status,
                    failed_at=bot.failed_at,
                    recovered_at=bot.recovered_at,
                    error=bot.error,
                )
                for bot in details.bots
            ],
            timeline=[
                IncidentEntryItem(
                    at=entry.at,
                    kind=entry.kind.value,
                    content=entry.content,
                    actor_name=entry.actor_name,
                    bot_name=entry.bot_name,
                )
                for entry in details.timeline
            ],
            evidence=[EvidenceItem.of(evidence) for evidence in details.evidence],
        )


def incident_fields(incident: IncidentView) -> dict[str, Any]:
    """The fields of an incident in a list, by name."""
    return {
        "incident_id": str(incident.incident_id),
        "cause": incident.cause,
        "headline": incident.headline,
        "detail": incident.detail,
        "state": incident.state.value,
        "opened_at": incident.opened_at,
        "resolved_at": incident.resolved_at,
        "duration_s": round(incident.duration_s, 1),
        "affected": incident.affected,
        "failing": incident.failing,
        "bots": list(incident.bot_names),
        "acknowledged_at": incident.acknowledged_at,
        "acknowledged_by": incident.acknowledged_by,
        "acknowledge_reason": incident.acknowledge_reason,
        "reopened": incident.reopened,
    }
