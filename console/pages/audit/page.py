"""The Audit page: who did what, allowed or denied."""

import json
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from nicegui import ui

from chat_api.audit.schemas import AuditQuery, AuditView
from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from console.context import services
from console.frame import frame, page
from console.labels import Mark
from console.widgets.filter_form import Field, filter_form, for_api, moment_of
from console.widgets.records import RecordsTable, column
from models import AuditOutcome

PATH = "/admin/audit"
PAGE_LINES = 100
COLUMNS = (
    column("at", N_("Time"), kind="time"),
    column("actor", N_("User")),
    column("action", N_("Action")),
    column("target", N_("Target")),
    column("outcome", N_("Outcome"), kind="status"),
    column("address", N_("Address")),
    column("details", N_("Details"), kind="long"),
)

OUTCOMES = {
    AuditOutcome.ALLOWED: Mark(N_("Allowed"), "ok", "online"),
    AuditOutcome.DENIED: Mark(N_("Denied"), "bad", "offline"),
    AuditOutcome.AUTOMATIC: Mark(N_("Automatic"), "idle", "restart"),
}


def register() -> None:
    """Put the page at ``/admin/audit``."""
    page(PATH, title=N_("Audit"))(_audit)


async def _audit(
    principal: Principal,
    actor: str = "",
    action: str = "",
    target: str = "",
    outcome: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> None:
    given = {"actor": actor, "action": action, "target": target, "outcome": outcome, "since": since, "until": until}
    filters = {name: value for name, value in given.items() if value}
    entries = await services().audit.find(principal, _query(filters, before))
    with frame(principal, title=_("Audit"), path=PATH):
        filter_form(PATH, _fields(given))
        is_filtered = bool(filters or before)
        RecordsTable(
            COLUMNS,
            [_row(entry) for entry in entries],
            empty=_("No entries match these filters.") if is_filtered else _("No entries yet."),
            export=f"/api/admin/audit?{urlencode(for_api(filters) | {'limit': 1000})}",
            has_filter=False,
        )
        if len(entries) == PAGE_LINES:
            older = urlencode(filters | {"before": str(entries[-1].entry_id)})
            ui.link(_("Older entries"), f"{PATH}?{older}").classes("we-button").props('data-testid="older"')


def _fields(given: dict[str, str]) -> tuple[Field, ...]:
    return (
        Field(name="actor", label=_("User"), value=given["actor"]),
        Field(name="action", label=_("Action"), value=given["action"], suggestions=[str(one) for one in Permission]),
        Field(name="target", label=_("Target"), value=given["target"]),
        Field(
            name="outcome",
            label=_("Outcome"),
            value=given["outcome"],
            choices=[(one, _(mark.label)) for one, mark in OUTCOMES.items()],
        ),
        Field(name="since", label=_("Since (UTC)"), value=given["since"], kind="datetime-local"),
        Field(name="until", label=_("Until (UTC)"), value=given["until"], kind="datetime-local"),
    )


def _query(filters: dict[str, str], before: str) -> AuditQuery:
    try:
        return AuditQuery(
            actor=filters.get("actor"),
            action=filters.get("action"),
            target=filters.get("target"),
            outcome=AuditOutcome(filters["outcome"]) if "outcome" in filters else None,
            since=moment_of(filters.get("since")),
            until=moment_of(filters.get("until")),
            before=UUID(before) if before else None,
            limit=PAGE_LINES,
        )
    except ValueError as error:
        raise InvalidInput("This address contains an invalid filter.") from error


def _row(entry: AuditView) -> dict[str, Any]:
    mark = OUTCOMES[entry.outcome]
    return {
        "key": str(entry.entry_id),
        "at": entry.at.isoformat(),
        "actor": entry.actor_name,
        "action": entry.action,
        "target": entry.target,
        "outcome": _(mark.label),
        "address": entry.address or "",
        "details": json.dumps(entry.details, ensure_ascii=False) if entry.details else "",
        "tone": mark.tone,
        "symbol": mark.icon,
    }
