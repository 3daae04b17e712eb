"""What the incidents' doors take and give."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictStr

from chat_api.changes.schemas import ChangesSince
from chat_api.http.base_models import Answer, Body, TextId
from chat_api.incidents.schemas import (
    EvidenceView,
    IncidentBotView,
    IncidentDetails,
    IncidentEntryView,
    IncidentNumbers,
)
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
    cause: str = Field(
        description="`service:<name>` of a dependency, `address:<host:port>` of several bots, or `bot:<name>`.",
        examples=["service:redis"],
    )
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


class IncidentList(Answer):
    """Open ones first, then the newest."""

    numbers: IncidentNumbers
    incidents: list[IncidentItem]


class IncidentAnswer(IncidentItem):
    """One incident with everything that is known of it; the timeline is oldest first."""

    bots_concerned: tuple[IncidentBotView, ...]
    timeline: tuple[IncidentEntryView, ...]
    evidence: tuple[EvidenceView, ...]
    changes: tuple[ChangesSince, ...] = Field(
        description="What is different of each bot that failed since it was last healthy before that."
    )

    @classmethod
    def of(cls, details: IncidentDetails) -> "IncidentAnswer":
        """An incident as JSON gives it."""
        return cls(
            **dict(IncidentItem.model_validate(details.incident)),
            bots_concerned=details.bots,
            timeline=details.timeline,
            evidence=details.evidence,
            changes=details.changes,
        )
