"""The Restarts page: who restarted which bot, how long it took, and why one failed."""

from typing import Any

from chat_api.schemas.fleet import RestartView
from chat_api.schemas.principals import Principal
from console.context import services
from console.frame import frame, page
from console.widgets.records import column, records_table
from models import RestartState

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
    newest = await services().restarts.recent(principal, limit=100)
    with frame(principal, title="Restarts", path="/admin/restarts"):
        records_table(
            COLUMNS,
            [_row(restart) for restart in newest],
            empty="No bot was restarted yet. Restart one from its row on the Fleet page.",
        )


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
