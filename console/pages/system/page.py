"""The System page: how this service itself is."""

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from console.context import services
from console.frame import frame, page
from console.live.system import system_feed
from console.pages.system.board import SystemBoard
from console.widgets.records import export_links


def register() -> None:
    """Put the page at ``/admin/system``."""
    page("/admin/system", title=N_("System"))(_system)


async def _system(principal: Principal) -> None:
    system = services().system
    view = await system.view(principal)
    with frame(principal, title=_("System"), path="/admin/system"):
        board = SystemBoard(view, system.slow_queries(view))
        with ui.element("div").classes("we-toolbar"):
            for name, address in ((_("Workers"), "workers"), (_("Slow queries"), "slow-queries")):
                ui.label(name).classes("we-muted")
                ui.html(export_links(f"/api/admin/system/{address}"), sanitize=False).classes("we-links")
    system_feed().follow(ui.context.client, principal, board.show)
