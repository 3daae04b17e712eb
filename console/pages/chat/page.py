"""The chat page: a name to sign in with, the bots, and the thread of one of them."""

from nicegui import ui
from starlette.requests import Request
from starlette.responses import Response

from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from chat_api.messages.service import MAX_MESSAGE_CHARS
from chat_api.people.session_schemas import MAX_PASSWORD_CHARS, SignIn
from chat_api.people.sign_in_routes import sign_in_user
from console import page_head
from console.context import services
from console.frame import page
from console.guard import Audience, sign_in_address
from console.own_paths import own_path
from console.pages.chat.data import overview_data, person_data, position_data
from console.pages.chat.feed import chat_feed
from console.pages.chat.roster_feed import bots_feed
from console.pages.chat.session import ChatSession
from console.pages.chat.thread import ChatThread
from console.pages.sign_in.form import (
    NOTHING_SENT,
    Fields,
    Refused,
    answer_form,
    attempt,
    closing,
    field,
    form_page,
    hinted,
    opening,
)


def register() -> None:
    """Put the page at ``/``."""
    page("/", title=N_("Chat"), audience=Audience.CHAT, sign_in=_shown, takes_form=_submitted)(_chat)


async def _chat(principal: Principal, bot: str = "") -> None:
    client = ui.context.client
    ui.add_head_html(f'<link rel="stylesheet" href="{page_head.asset("chat.css")}">')
    # In this order: what happens while the rest is read is told twice rather than never.
    position = await chat_feed(services().feeds).follow(client, principal.user_id)
    conversations = await services().messages.conversations(principal)
    bots = bots_feed(services().fleet).follow(client)
    talked = [summary.bot_name for summary in conversations if summary.bot_name in bots.names]
    start = {
        "me": person_data(principal, has_password=await services().auth.has_password(principal)),
        "overview": overview_data(conversations),
        "position": position_data(position),
        "max_chars": MAX_MESSAGE_CHARS,
    }
    thread = ChatThread(bots=bots.json, start=start, selected=bot if bot in bots.names else next(iter(talked), None))
    ChatSession(client, principal, thread)


async def _submitted(request: Request) -> Response:
    async def page(refused: Refused) -> Response:
        return _page(request, refused)

    return await answer_form(request, sign_in=_sign_in, page=page, go_on=_go_on(request))


async def _sign_in(request: Request, fields: Fields) -> SignIn:
    return await sign_in_user(
        request,
        username=fields.get("username", ""),
        password=fields.get("password") or None,
        attempt=fields.get("attempt"),
    )


def _shown(request: Request) -> Response:
    """The page for a visitor without a session: plain HTML, which costs the server no page client."""
    return _page(request, NOTHING_SENT)


def _page(request: Request, refused: Refused) -> Response:
    go_on = _go_on(request)
    action = sign_in_address("/", go_on) if "next" in request.query_params else go_on
    return form_page(_("Chat"), _form(action, refused), address=action)


def _go_on(request: Request) -> str:
    """The address that was asked for, with its bot: the page is shown in its place."""
    wanted = request.query_params.get("next") or f"/?{request.url.query}"
    return own_path(wanted, home="/")


def _form(action: str, refused: Refused) -> str:
    on_name, on_password = ("", " autofocus") if refused.name else (" autofocus", "")
    guests = _("If the name is taken, you join as a guest. Your chats stay separate.")
    return (
        opening(action)
        + attempt()
        + f'<div><h1>{_("Chat")}</h1><p class="we-muted">{_("Pick a name to chat as.")}</p></div>'
        + field(
            "username",
            _("Name"),
            f'autocomplete="username" minlength="3" maxlength="30" required{on_name} data-testid="name"',
            value=refused.name,
        )
        + field(
            "password",
            hinted(_("Password"), _("Optional – lets you sign in from other devices")),
            f'type="password" autocomplete="current-password" maxlength="{MAX_PASSWORD_CHARS}"{on_password}',
        )
        + closing(refused, _("Start chatting"))
        + f'<p class="we-muted"><small>{guests}</small></p></form>'
    )
