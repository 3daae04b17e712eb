"""What changed of one bot since it was last healthy, for its page."""

from html import escape
from urllib.parse import quote

from nicegui import ui

from chat_api.core.errors import DatabaseUnavailable
from chat_api.core.language import _
from chat_api.core.principals import Principal
from chat_api.fleet.schemas import HEALTHY_STATUSES
from console.context import services
from console.widgets.change_words import since_html
from console.widgets.fleet_pulse import on_fleet_pulse


async def bot_changes(principal: Principal, bot_name: str) -> None:
    """Put the panel here; it keeps itself current. Raises: NotFound, PermissionDenied, NotAuthenticated."""
    panel = ui.html("", sanitize=False, tag="section").classes("we-panel").props('data-testid="bot-changes"')

    async def show() -> None:
        try:
            since = await services().fleet_changes.since_healthy(principal, bot_name)
        except DatabaseUnavailable as error:  # what else is known of the bot is shown all the same
            panel.set_content(f'<h2>{_("What changed")}</h2><p class="we-muted">{escape(error.message)}</p>')
            return
        views = {bot.name: bot for bot in services().fleet.view(principal).bots}
        bot = views.get(bot_name)
        is_healthy = bot is not None and bot.shown in HEALTHY_STATUSES
        more = f'<a href="/admin/changes?bot={quote(bot_name, safe="")}">{_("All changes of this bot")}</a>'
        said = since_html(since, is_healthy=is_healthy)
        content = f"<h2>{_('What changed')}</h2><div class=we-since>{said}<p>{more}</p></div>"
        if content != panel.content:
            panel.set_content(content)

    on_fleet_pulse(show)  # first: whoever leaves the tab while it is read leaves nothing behind
    await show()
