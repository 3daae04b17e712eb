"""The Logs page: what several bots say, as they say it or around a moment."""

from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.engine.schemas import PART_PREFIX
from chat_api.fleet.schemas import ServiceView
from console.context import services
from console.frame import frame, page
from console.widgets.log_view import LogView

FIRST_BOTS = 10


def register() -> None:
    """Put the page at ``/admin/logs``."""
    page("/admin/logs", title=N_("Logs"))(_logs)


async def _logs(principal: Principal, bots: str = "", level: str = "", q: str = "", at: str = "") -> None:
    """``bots`` and ``level`` are comma-separated; without bots, the first few."""
    principal.require(Permission.VIEW_LOGS)
    view = services().fleet.view(principal)
    known = [(bot.name, bot.display_name) for bot in view.bots]
    first = [name for name, _title in known[:FIRST_BOTS]]
    known += [(f"{PART_PREFIX}{one.container}", _label(one)) for one in view.services if one.is_managed]
    names = {name for name, _title in known}
    asked = [name for name in bots.split(",") if name in names]
    with frame(principal, title=_("Logs"), path="/admin/logs"):
        LogView(
            principal,
            bots=known,
            chosen=asked if bots else first,
            levels=[one for one in level.split(",") if one],
            pattern=q,
            at=at.replace(" ", "+"),
        )


def _label(part: ServiceView) -> str:
    """Several parts may have the same title."""
    return f"{_(part.title)} ({part.container})"
