"""The audit trail."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from chat_api.audit.schemas import AuditQuery, AuditView
from chat_api.audit.service import AuditService
from chat_api.http.base_models import Answer, QueryTime
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_of
from models import AuditOutcome

router = APIRouter(prefix="/api/admin", tags=["Administration"])
MAX_LINES = 1000
_COLUMNS = ("at", "actor", "action", "target", "outcome", "address", "details")

Audit = Annotated[AuditService, service(AuditService)]


class AuditAnswer(Answer):
    """A page of the trail, newest first."""

    entries: tuple[AuditView, ...]
    next_before: UUID | None = Field(description="Give it as `before` for the page after this one.")


@router.get(
    "/audit",
    summary="Audit trail",
    response_model=AuditAnswer,
    responses=also_as("text/csv", "The list.") | errors(*CONSOLE, "invalid_input"),
)
async def audit(
    principal: Admin,
    audit: Audit,
    actor: Annotated[str | None, Query(max_length=50)] = None,
    action: Annotated[str | None, Query(max_length=60, description="Also its beginning, e.g. `bot.`.")] = None,
    target: Annotated[str | None, Query(max_length=100)] = None,
    outcome: AuditOutcome | None = None,
    since: QueryTime | None = None,
    until: QueryTime | None = None,
    before: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LINES)] = 100,
    format: Format = "json",
) -> AuditAnswer | Response:
    """Who did what, newest first; all filters have to fit. `format=csv` is a file for a spreadsheet."""
    query = AuditQuery(
        actor=actor,
        action=action,
        target=target,
        outcome=outcome,
        since=since,
        until=until,
        before=before,
        limit=limit,
    )
    entries = await audit.find(principal, query)
    if format == "csv":
        return csv_of("audit", AuditView, entries, columns=_COLUMNS)
    return AuditAnswer(entries=entries, next_before=entries[-1].entry_id if len(entries) == limit else None)
