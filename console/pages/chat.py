"""The chat page: a name to sign in with, the bots, and the thread of one of them."""

import asyncio
import secrets
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Final
from uuid import UUID

from nicegui import Client, background_tasks, ui

from chat_api.core.errors import AppError, InvalidInput, NotAuthenticated
from chat_api.core.logging import get_logger
from chat_api.schemas.messages import GapEvent, LiveEvent, StreamEvent, TypingEvent
from chat_api.schemas.principals import Principal
from chat_api.services.messages import MAX_MESSAGE_CHARS
from console import theme
from console.context import open_pages, services
from console.frame import page
from console.guard import Audience
from console.widgets.bots_feed import bots_feed
from console.widgets.chat_data import bot_data, last_data, message_data, messages_of, person_data
from console.widgets.chat_thread import ChatThread, Request

log = get_logger(__name__)

PAGE_SIZE: Final = 50
MAX_EVENTS_WAITING: Final = 256


def register() -> None:
    """Put the page at ``/``."""
    page("/", title="Chat", audience=Audience.CHAT, sign_in=_sign_in)(_chat)


async def _chat(principal: Principal, bot: str = "") -> None:
    client = ui.context.client
    ui.add_head_html(f'<link rel="stylesheet" href="{theme.asset("chat.css")}">')
    conversations = await services().messages.conversations(principal)
    bots = bots_feed(services().fleet).follow(client)
    names = {known.name for known in bots}
    talked = [summary.bot_name for summary in conversations if summary.bot_name in names]
    session = ChatSession(client, principal)
    session.thread = ChatThread(
        person=person_data(principal),
        bots=[bot_data(known) for known in bots],
        last=last_data(conversations),
        selected=bot if bot in names else next(iter(talked), None),
        max_chars=MAX_MESSAGE_CHARS,
        on_open=session.open,
        on_older=session.open,
        on_send=session.send,
        on_retry=session.retry,
    )
    await session.listen()


class ChatSession:
    """One open page: it asks the services for its person, and passes on what happens in the person's stream."""

    thread: ChatThread

    def __init__(self, client: Client, principal: Principal) -> None:
        self._client = client
        self._principal = principal
        self._heard: deque[StreamEvent | LiveEvent] = deque()
        self._telling: asyncio.Task[None] | None = None

    async def listen(self) -> None:
        """Follow the person's stream until the page is gone."""
        feeds, user_id = services().feeds, self._principal.user_id
        self._client.on_delete(lambda: feeds.unfollow(user_id, self._hear))
        await feeds.follow(user_id, self._hear, self._hear)

    async def open(self, request: Request) -> None:
        """Show a page of history, the newest or an older one."""

        async def read(person: Principal) -> None:
            found = await services().messages.history(person, request.bot_name, before=request.before, limit=PAGE_SIZE)
            self.thread.show_page(request.bot_name, await message_data(found.messages), next_before=found.next_before)

        await self._ask(read, refused=lambda error: self.thread.fail_page(request.bot_name, error.message))

    async def send(self, request: Request) -> None:
        """Store a message and have it answered; the answer comes as an event."""

        async def submit(person: Principal) -> None:
            submission = await services().messages.submit(
                person,
                bot_name=request.bot_name,
                content=request.text,
                client_msg_id=request.client_msg_id or None,
            )
            if submission.is_duplicate:  # no event will tell of it, but one may have told what came of it
                known = await message_data(messages_of(submission.exchange))
                self.thread.merge(request.bot_name, known, is_news=False)

        def refused(error: AppError) -> None:
            can_retry = not isinstance(error, InvalidInput)
            self.thread.refuse_send(request.bot_name, request.client_msg_id, error.message, can_retry=can_retry)

        await self._ask(submit, refused=refused)

    async def retry(self, request: Request) -> None:
        """Have a failed message answered again; what comes of it comes as events."""

        async def again(person: Principal) -> None:
            await services().messages.retry(person, _message_id(request))

        await self._ask(
            again, refused=lambda error: self.thread.refuse_retry(request.bot_name, request.message_id, error.message)
        )

    async def _ask(
        self, action: Callable[[Principal], Awaitable[None]], *, refused: Callable[[AppError], None]
    ) -> None:
        """Do something as the person of this page, if the session still lives."""
        try:
            person = await open_pages().principal(self._principal)
            if person is None:
                raise NotAuthenticated
            await action(person)
        except NotAuthenticated:
            await open_pages().end(self._client)
        except AppError as error:
            refused(error)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("chat_action_failed", user_id=self._principal.user_id, reference=reference)
            refused(AppError(f"Something went wrong on our side. Reference: {reference}"))

    def _hear(self, event: StreamEvent | LiveEvent) -> None:
        if isinstance(event, GapEvent) or len(self._heard) >= MAX_EVENTS_WAITING:
            self._heard.clear()
            self.thread.resync()
            return
        self._heard.append(event)
        if self._telling is None or self._telling.done():
            self._telling = background_tasks.create(self._tell(), name=f"chat events {self._client.id}")

    async def _tell(self) -> None:
        """Pass on what was heard, in order. Rendering takes a moment, and events go on meanwhile."""
        while self._heard:
            event = self._heard.popleft()
            if self._client not in open_pages():
                self._heard.clear()  # the session ended: nothing more is said to whoever sits there
            elif isinstance(event, TypingEvent):
                self.thread.set_typing(event.bot_name, event.is_typing)
            elif isinstance(event, StreamEvent) and event.exchange is not None:
                news = await message_data(messages_of(event.exchange))
                self.thread.merge(event.exchange.bot_name, news, is_news=True)


def _message_id(request: Request) -> UUID:
    try:
        return UUID(request.message_id)
    except ValueError:
        raise InvalidInput("message_id: not a message's id") from None


def _sign_in() -> str:
    """The page for a visitor without a session: plain HTML, which costs the server no page client."""
    return theme.document("Chat", _SIGN_IN, scripts=("sign_in.js",))


_SIGN_IN = (
    f'<main class="we-sign-in">{theme.brand()}<form data-sign-in="/api/login" data-home="/"><div><h1>Chat</h1>'
    '<p class="we-muted">Choose a name to talk under.</p></div>'
    '<label class="we-field"><span>Name</span><input name="username" autocomplete="username" minlength="3"'
    ' maxlength="30" required autofocus data-testid="name"></label>'
    '<label class="we-field"><span>Password <small class="we-muted">optional: keeps the name yours on other devices'
    '</small></span><input name="password" type="password" autocomplete="current-password" maxlength="200"></label>'
    '<p class="we-form-error" role="alert" data-testid="form-error"></p>'
    '<button class="we-button we-primary" type="submit">Start chatting</button>'
    '<p class="we-muted"><small>If somebody else already holds the name, you join as a guest under it: you see nothing'
    " of theirs, and they nothing of yours.</small></p></form></main>"
)
