"""The chat page: a name to sign in with, the bots, and the thread of one of them."""

from nicegui import ui

from chat_api.schemas.principals import Principal
from chat_api.services.messages import MAX_MESSAGE_CHARS
from console import theme
from console.context import services
from console.frame import page
from console.guard import Audience
from console.widgets.bots_feed import bots_feed
from console.widgets.chat_data import overview_data, person_data, position_data
from console.widgets.chat_feed import chat_feed
from console.widgets.chat_session import ChatSession
from console.widgets.chat_thread import ChatThread


def register() -> None:
    """Put the page at ``/``."""
    page("/", title="Chat", audience=Audience.CHAT, sign_in=_sign_in)(_chat)


async def _chat(principal: Principal, bot: str = "") -> None:
    client = ui.context.client
    ui.add_head_html(f'<link rel="stylesheet" href="{theme.asset("chat.css")}">')
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


def _sign_in() -> str:
    """The page for a visitor without a session: plain HTML, which costs the server no page client."""
    return theme.document("Chat", _SIGN_IN, scripts=("sign_in.js",))


_SIGN_IN = (
    f'<main class="we-sign-in">{theme.brand()}<form data-sign-in="/api/login" data-home="/"><div><h1>Chat</h1>'
    '<p class="we-muted">Choose a name to talk under.</p></div>'
    '<label class="we-field"><span>Name</span><input name="username" autocomplete="username" minlength="3"'
    ' maxlength="30" required autofocus data-testid="name"></label>'
    '<label class="we-field"><span>Password <small class="we-muted">optional: keeps the name yours after you sign'
    " out, and on other devices</small></span>"
    '<input name="password" type="password" autocomplete="current-password" maxlength="200"></label>'
    '<p class="we-form-error" role="alert" data-testid="form-error"></p>'
    '<button class="we-button we-primary" type="submit">Start chatting</button>'
    '<p class="we-muted"><small>If somebody else already holds the name, you join as a guest under it: you see nothing'
    " of theirs, and they nothing of yours.</small></p></form></main>"
)
