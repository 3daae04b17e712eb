"""What a chat page's browser asks for, done through the services as the person whose page it is."""

import secrets
from collections.abc import Awaitable, Callable, Mapping
from typing import Final
from uuid import UUID

from nicegui import Client

from chat_api.core.errors import AppError, Conflict, InvalidInput, NotAuthenticated, RateLimited, Unavailable
from chat_api.core.keyed_locks import KeyedLocks
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from chat_api.messages.service import MAX_PAGE
from console.context import services
from console.live.open_pages import open_pages
from console.pages.chat.data import lines_of, message_data, overview_data
from console.pages.chat.feed import chat_feed
from console.pages.chat.thread import ChatThread, Request

log = get_logger(__name__)

PAGE_SIZE: Final = 50
# What refuses a message for the moment: the browser keeps it first in its queue, and sends it again after a while.
_PASSING: Final = (RateLimited, Unavailable, Conflict)
SEND_AGAIN_S: Final = 2.0


class ChatSession:
    """One open page. What it asks for changes the person's stream, which tells all pages, this one too."""

    def __init__(self, client: Client, principal: Principal, thread: ChatThread) -> None:
        self._client = client
        self._principal = principal
        self._thread = thread
        self._sending = KeyedLocks()
        thread.answer_with(self.handle)

    async def handle(self, request: Request) -> None:
        """Do what is asked for; messages to one bot in the order in which they came.

        NiceGUI makes a task of each event, in the order of their coming, and each would be as fast as it can.
        """
        if request.what == "send":
            async with self._sending.queue(request.bot_name):
                await self._do(request)
        else:
            await self._do(request)

    async def _do(self, request: Request) -> None:
        """What is asked for, if the session still lives; say so when it is refused."""
        action = _ACTIONS.get(request.what)
        if action is None:
            return
        try:
            person = await open_pages().principal(self._principal)
            if person is None:
                raise NotAuthenticated
            await action(self, person, request)
        except NotAuthenticated:
            await open_pages().end(self._client)
        except AppError as error:
            self._thread.refuse(
                request,
                error.message,
                can_retry=not isinstance(error, InvalidInput),
                again_s=(error.retry_after_s or SEND_AGAIN_S) if isinstance(error, _PASSING) else None,
            )
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("chat_action_failed", user_id=self._principal.user_id, reference=reference)
            self._thread.refuse(
                request, _("Something went wrong on our side. Reference: {reference}", reference=reference)
            )

    # Reading

    async def _open(self, person: Principal, request: Request) -> None:
        """A page of history, the newest or an older one."""
        limit = MAX_PAGE if request.is_returning else PAGE_SIZE
        found = await services().messages.history(person, request.bot_name, before=request.seq, limit=limit)
        messages = await message_data(found.messages)
        self._thread.show_page(request.bot_name, messages, next_before=found.next_before)

    async def _overview(self, person: Principal, __: Request) -> None:
        self._thread.show_overview(overview_data(await services().messages.conversations(person)))

    async def _missed(self, person: Principal, request: Request) -> None:
        feed = chat_feed(services().feeds)
        await feed.catch_up(self._client, person.user_id, epoch=request.epoch, after=request.seq or 0)

    async def _read(self, person: Principal, request: Request) -> None:
        await services().changes.mark_read(person, request.bot_name, up_to=request.seq or 0)

    # Talking

    async def _send(self, person: Principal, request: Request) -> None:
        """Store a message and have it answered; the answer comes as an event."""
        submission = await services().messages.submit(
            person,
            bot_name=request.bot_name,
            content=request.text,
            client_msg_id=request.client_msg_id or None,
        )
        if not submission.is_duplicate:
            return
        # No event will tell of it, but one may have told what came of it.
        lines = lines_of(submission.exchange)
        if submission.exchange.is_deleted:
            self._thread.refuse(request, _("You deleted this message."), can_retry=False)
        self._thread.merge(request.bot_name, await message_data(lines))

    async def _retry(self, person: Principal, request: Request) -> None:
        await services().messages.retry(person, _message_id(request))

    async def _stop(self, person: Principal, request: Request) -> None:
        await services().messages.stop(person, _message_id(request))

    # Changing what was said

    async def _edit(self, person: Principal, request: Request) -> None:
        message_id = _message_id(request)
        try:
            await services().changes.edit(person, message_id, content=request.text, version=request.version)
        except Conflict as conflict:
            details = await services().changes.details(person, message_id)
            (current,) = await message_data([details])
            self._thread.refuse(request, conflict.message, current=current)

    async def _delete(self, person: Principal, request: Request) -> None:
        await services().changes.delete(person, _message_id(request))

    async def _react(self, person: Principal, request: Request) -> None:
        await services().changes.react(person, _message_id(request), request.emoji)

    async def _unreact(self, person: Principal, request: Request) -> None:
        await services().changes.unreact(person, _message_id(request), request.emoji)


_ACTIONS: Final[Mapping[str, Callable[[ChatSession, Principal, Request], Awaitable[None]]]] = {
    "open": ChatSession._open,
    "overview": ChatSession._overview,
    "missed": ChatSession._missed,
    "read": ChatSession._read,
    "send": ChatSession._send,
    "retry": ChatSession._retry,
    "stop": ChatSession._stop,
    "edit": ChatSession._edit,
    "delete": ChatSession._delete,
    "react": ChatSession._react,
    "unreact": ChatSession._unreact,
}


def _message_id(request: Request) -> UUID:
    try:
        return UUID(request.message_id)
    except ValueError:
        raise InvalidInput("Unknown message.", field="message_id") from None
