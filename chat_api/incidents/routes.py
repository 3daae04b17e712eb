"""Incidents over the API: the same as their pages show and do."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import Format, also_as, attachment, csv_file
from chat_api.incidents.bodies import (
    AcknowledgeBody,
    IncidentAnswer,
    IncidentItem,
    IncidentList,
    NoteBody,
)
from chat_api.incidents.export import incident_markdown
from chat_api.incidents.schemas import IncidentFilter
from chat_api.incidents.service import IncidentsService

router = APIRouter(prefix="/api/admin/incidents", tags=["Administration"])

Incidents = Annotated[IncidentsService, service(IncidentsService)]

COLUMNS = (
    "incident_id",
    "cause",
    "headline",
    "state",
    "opened_at",
    "resolved_at",
    "duration_s",
    "affected",
    "bots",
    "acknowledged_by",
    "acknowledge_reason",
    "detail",
)
_READ_ERRORS = (*CONSOLE, "invalid_input")
_ACT = (*CONSOLE, *BODIES, "not_found")


@router.get("", summary="Incidents", response_model=IncidentList, responses=also_as("text/csv") | errors(*_READ_ERRORS))
async def incidents(
    principal: Admin,
    incidents: Incidents,
    state: IncidentFilter = IncidentFilter.ALL,
    bot: Annotated[str | None, Query(max_length=50, description="Only those that this bot failed in.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 200,
    format: Format = "json",
) -> IncidentList | Response:
    """Open ones first, then the newest; with how often and how long, of the last 30 days."""
    bot_name = _clean(bot)
    found = await incidents.newest(principal, state=state, bot_name=bot_name, limit=limit)
    if format == "csv":
        items = [IncidentItem.model_validate(one) for one in found]
        return csv_file("incidents", COLUMNS, map(dict, items))
    return IncidentList(numbers=await incidents.numbers(principal), incidents=found)


@router.get("/{incident_id}", summary="One incident", responses=errors(*_READ_ERRORS, "not_found"))
async def incident(incident_id: UUID, principal: Admin, incidents: Incidents) -> IncidentAnswer:
    """Its bots, its timeline, and the evidence with log lines where the caller may read logs."""
    return IncidentAnswer.of(await incidents.details(principal, incident_id))


@router.get(
    "/{incident_id}/export",
    summary="An incident as a document",
    response_class=Response,
    responses=also_as("text/markdown", "The incident as text") | errors(*_READ_ERRORS, "not_found"),
)
async def export(incident_id: UUID, principal: Admin, incidents: Incidents) -> Response:
    """Everything as Markdown, to be saved or pasted; what bots and people wrote cannot become markup."""
    text = incident_markdown(await incidents.details(principal, incident_id))
    headers = attachment(f"incident-{incident_id}.md")
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


@router.post("/{incident_id}/acknowledge", summary="Acknowledge an incident", responses=errors(*_ACT, "conflict"))
async def acknowledge(
    incident_id: UUID, body: AcknowledgeBody, principal: Admin, incidents: Incidents
) -> IncidentAnswer:
    """Say, with a reason, that somebody takes care. One that is resolved or was acknowledged is a conflict."""
    return IncidentAnswer.of(await incidents.acknowledge(principal, incident_id, body.reason))


@router.post("/{incident_id}/notes", summary="Add a note to an incident", responses=errors(*_ACT))
async def note(incident_id: UUID, body: NoteBody, principal: Admin, incidents: Incidents) -> IncidentAnswer:
    """Add to the timeline what was found out; also when the incident is resolved."""
    return IncidentAnswer.of(await incidents.note(principal, incident_id, body.content))


def _clean(bot: str | None) -> str | None:
    """A filter that PostgreSQL can take; no bot has a name that it cannot."""
    return bot.replace("\0", "").encode(errors="replace").decode() if bot else None
