"""The Audit page: who did what, allowed or denied."""

import json
from typing import Any

from chat_api.schemas.principals import Principal
from chat_api.services.audit import AuditView
from console.context import services
from console.frame import frame, page
from console.widgets.records import RecordsTable, column
from models import AuditOutcome

NEWEST = 100
COLUMNS = (
    column("at", "When", kind="time"),
    column("actor", "Who"),
    column("action", "Did"),
    column("target", "To"),
    column("outcome", "Outcome", kind="status"),
    column("address", "From"),
    column("details", "Details", kind="long"),
)


def register() -> None:
    """Put the page at ``/admin/audit``."""
    page("/admin/audit", title="Audit")(_audit)


async def _audit(principal: Principal) -> None:
    entries = await services().audit.newest(principal, limit=NEWEST)
    with frame(principal, title="Audit", path="/admin/audit"):
        RecordsTable(
            COLUMNS,
            [_row(number, entry) for number, entry in enumerate(entries)],
            empty="Nothing has been recorded yet.",
        )


def _row(number: int, entry: AuditView) -> dict[str, Any]:
    tone, symbol = {
        AuditOutcome.ALLOWED: ("ok", "online"),
        AuditOutcome.DENIED: ("bad", "offline"),
        AuditOutcome.AUTOMATIC: ("idle", "restart"),
    }[entry.outcome]
    return {
        "key": number,
        "at": entry.at.isoformat(),
        "actor": entry.actor_name,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "address": entry.address or "",
        "details": json.dumps(entry.details, ensure_ascii=False) if entry.details else "",
        "tone": tone,
        "symbol": symbol,
    }
