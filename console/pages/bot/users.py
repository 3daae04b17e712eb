"""Who is talking to a bot now; for the page of the bot."""

from nicegui import ui

from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from console.context import services

SHOWN = 12


async def bot_users(principal: Principal, bot_name: str) -> None:
    """The people of the last five minutes: how many, and to those who may see people also who."""
    count, names = await services().users.talking_to(principal, bot_name)
    with ui.element("div").props('data-testid="bot-users"'):
        if not count:
            ui.label(_("No one has written in the last five minutes.")).classes("we-muted")
            return
        people = ngettext("{count} person in the last five minutes", "{count} people in the last five minutes", count)
        ui.label(people).classes("we-strong")
        if names:
            shown = ", ".join(names[:SHOWN])
            ui.label(_("{names} and {count} more", names=shown, count=count - SHOWN) if count > SHOWN else shown)
