"""The pages of API keys: ``/admin/keys`` in the console, and ``/keys`` for people beside their chat."""

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from console import page_head
from console.context import services
from console.frame import back_link, frame, page
from console.guard import Audience
from console.pages.keys.table import KeysTable

ADMIN_PATH = "/admin/keys"
PATH = "/keys"


def register() -> None:
    """Put the pages at ``/admin/keys`` and ``/keys``."""
    page(ADMIN_PATH, title=N_("API keys"))(_everybodys)
    page(PATH, title=N_("API keys"), audience=Audience.CHAT, sign_in="/")(_own)


async def _everybodys(principal: Principal) -> None:
    principal.require(Permission.OWN_KEYS)
    table = KeysTable(principal)
    keys = await table.read(principal)
    with frame(principal, title=_("API keys"), path=ADMIN_PATH):
        explanation = _(
            "With an API key, a program can use the bots through the OpenAI-compatible API at {address}, or this"
            " console through its own API. A key can do no more than its owner.",
            address="/v1",
        )
        ui.label(explanation).classes("we-muted")
        table.build(keys)


async def _own(principal: Principal) -> None:
    principal.require(Permission.OWN_KEYS)
    table = KeysTable(principal)
    keys = await table.read(principal)
    ui.add_head_html(page_head.console_head())
    with ui.element("div").classes("we-main").props('id=content tabindex="-1"'):
        back_link("/", _("Chat"))
        ui.label(_("API keys")).classes("we-h1").props("role=heading aria-level=1")
        explanation = _(
            "With an API key, other apps can chat with the bots as you: everything that speaks to language models"
            " through an OpenAI-compatible API. What is said there appears in your chat here."
        )
        ui.label(explanation).classes("we-muted")
        address = f"{_origin()}/v1"
        ui.label(_("Address (base URL): {address}", address=address)).props('data-testid="base-url"')
        if principal.is_guest:
            ui.label(_("Guests can't have API keys: no one could come back to a guest's account.")).classes("we-empty")
        else:
            table.build(keys)


def _origin() -> str:
    """Where this is, as browsers see it."""
    request = ui.context.client.request
    return services().settings.web_ui_public_url or str(request.base_url).rstrip("/")
