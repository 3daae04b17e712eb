"""The last incidents of one bot, for its page."""

from html import escape

from nicegui import ui

from chat_api.core.language import _
from chat_api.core.principals import Principal
from console.context import services
from console.pages.incidents.markup import incident_list

NEWEST = 10


async def bot_incidents(principal: Principal, bot_name: str) -> None:
    """Put the newest incidents that a bot failed in here, as of now. Raises: PermissionDenied, NotAuthenticated."""
    found = await services().incidents.newest(principal, bot_name=bot_name, limit=NEWEST)
    if not found:
        ui.label(_("No incidents for this bot.")).classes("we-muted").props('data-testid="no-incidents"')
        return
    more = f'<a href="/admin/incidents?bot={escape(bot_name)}">{_("All incidents for this bot")}</a>'
    ui.html(incident_list(found) + more, sanitize=False).props('data-testid="bot-incidents"')
