"""The charts of one bot: how quickly it answers people, how many, and how quickly its health check."""

from urllib.parse import quote

from chat_api.core.principals import Principal
from console.widgets.series_panel import ChartSpec, SeriesPanel


async def bot_series(principal: Principal, bot_name: str) -> None:
    """Put the charts here. Raises: as :meth:`SeriesService.points`."""
    address = f"/api/admin/bots/{quote(bot_name, safe='')}/series?kind="
    charts = (
        ChartSpec(title="Answer time", subject=f"answers:{bot_name}", export=f"{address}answers", of="messages"),
        ChartSpec(
            title="Messages",
            subject=f"answers:{bot_name}",
            export=f"{address}answers",
            shows="counts",
            of="messages",
        ),
        ChartSpec(title="Health check", subject=f"health:{bot_name}", export=f"{address}health", of="health checks"),
        ChartSpec(title="Canary", subject=f"canary:{bot_name}", export=f"{address}canary", of="canaries"),
    )
    await SeriesPanel(principal, "Over time", charts).load()
