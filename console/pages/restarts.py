"""The Restarts page: who restarted which bot, how long it took, and why one failed."""

from typing import Any

from nicegui import ui

from chat_api.schemas.fleet import RestartView
from chat_api.schemas.principals import Principal
from console.context import fleet_feed, services
from console.frame import frame, page
from console.widgets.records import RecordsTable, column
from models import RestartState

NEWEST = 100
COLUMNS = (
    column("requested_at", "Requested", kind="time"),
    column("bot", "Bot"),
    column("state", "State", kind="status"),
    column("by", "By"),
    column("duration", "Took", kind="number"),
    column("error", "Reason", kind="long"),
)


def register() -> None:
    """Put the page at ``/admin/restarts``."""
    page("/admin/restarts", title="Restarts")(_restarts)


async def _restarts(principal: Principal) -> None:
    shown = {restart.restart_id: restart for restart in await services().restarts.recent(principal, limit=NEWEST)}
    with frame(principal, title="Restarts", path="/admin/restarts"):
        empty = "No bot was restarted yet. Restart one from its row on the Fleet page."
        table = RecordsTable(COLUMNS, [_row(restart) for restart in shown.values()], empty=empty)

    def changed(restart: RestartView) -> None:
        shown[restart.restart_id] = restart
        newest = sorted(shown.values(), key=lambda one: one.requested_at, reverse=True)[:NEWEST]
        table.show([_row(restart) for restart in newest])

    fleet_feed().on_restart(ui.context.client, changed)


def _row(restart: RestartView) -> dict[str, Any]:
    tone, symbol = {
        RestartState.ONLINE: ("ok", "online"),
        RestartState.FAILED: ("bad", "offline"),
    }.get(restart.state, ("busy", "restarting"))
    return {
        "key": str(restart.restart_id),
        "requested_at": restart.requested_at.isoformat(),
        "bot": restart.bot_name,
        "state": restart.state.replace("_", " "),
        "by": restart.requested_by,
        "duration": f"{restart.duration_s:.1f} s" if restart.duration_s is not None else "",
        "error": restart.error or "",
        "tone": tone,
        "symbol": symbol,
    }
