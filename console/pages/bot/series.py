"""The charts of one bot: how quickly it answers people, how many, and how quickly its health check."""

from urllib.parse import quote

from chat_api.core.language import _
from chat_api.core.principals import Principal
from console.pages.bot.all_channels import bot_all_channels
from console.widgets.series_panel import ChartSpec, SeriesPanel


async def bot_series(principal: Principal, bot_name: str) -> None:
    """Put the charts here. Raises: as :meth:`SeriesService.points`."""
    address = f"/api/admin/bots/{quote(bot_name, safe='')}/series?kind="
    charts = (
        ChartSpec(title=_("Response time"), subject=f"answers:{bot_name}", export=f"{address}answers"),
        ChartSpec(
            title=_("Messages"),
            subject=f"answers:{bot_name}",
            export=f"{address}answers",
            shows="counts",
        ),
        ChartSpec(title=_("Health check"), subject=f"health:{bot_name}", export=f"{address}health", of="checks"),
        ChartSpec(
            title=_("Synthetic checks"),
            subject=f"synthetic_check:{bot_name}",
            export=f"{address}synthetic_check",
            of="checks",
        ),
    )
    await SeriesPanel(principal, _("Over time"), charts).load()
    await bot_all_channels(principal, bot_name)
