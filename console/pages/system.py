"""The System page: how this service itself is."""

from nicegui import ui

from chat_api.schemas.principals import Principal
from console.context import system_feed
from console.frame import frame, page
from console.widgets.records import export_links
from console.widgets.system_board import SystemBoard


def register() -> None:
    """Put the page at ``/admin/system``."""
    page("/admin/system", title="System")(_system)


async def _system(principal: Principal) -> None:
    system_feed().follow(ui.context.client, principal)
    with frame(principal, title="System", path="/admin/system"):
        SystemBoard()
        with ui.element("div").classes("we-toolbar"):
            for name, address in (("Workers", "workers"), ("Slow statements", "slow-queries")):
                ui.label(name).classes("we-muted")
                ui.html(export_links(f"/api/admin/system/{address}"), sanitize=False).classes("we-links")
