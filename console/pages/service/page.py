"""The page of one dependency: how quickly it answers, and since when it does."""

from nicegui import ui

from chat_api.core.errors import NotFound
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.dependencies import DEPENDENCIES
from chat_api.fleet.queues import QUEUES, queue_of
from console.frame import back_link, frame, page
from console.widgets.series_panel import ChartSpec, SeriesPanel
from console.widgets.timeline import timeline


def register() -> None:
    """Put the page at ``/admin/services/{name}``."""
    page("/admin/services/{name}", title=N_("Service"))(_service)


async def _service(principal: Principal, name: str) -> None:
    principal.require(Permission.VIEW_FLEET)
    queue = queue_of(name)
    if name not in DEPENDENCIES and queue is None:
        raise NotFound("There is no such service.")
    address, subject = f"/api/admin/services/{name}/series", f"service:{name}"
    charts = (
        (ChartSpec(title=_("Jobs in the queue"), subject=subject, export=address, shows="depths", of="checks"),)
        if queue
        else (
            ChartSpec(title=_("Response time"), subject=subject, export=address, of="checks"),
            ChartSpec(title=_("Checks"), subject=subject, export=address, shows="counts", of="checks"),
        )
    )
    with frame(principal, title=_(QUEUES[queue] if queue else DEPENDENCIES[name].title), path="/admin"):
        back_link("/admin", _("Fleet"))
        with ui.element("div").classes("we-panels"):
            await SeriesPanel(principal, _("History"), charts).load()
            await timeline(principal, f"service:{name}")
