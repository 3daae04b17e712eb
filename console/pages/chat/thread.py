"""The whole chat page as one component: an element a message would cost each open page three times the memory.

The messages live in the browser. What happens is told by :mod:`console.pages.chat.feed`; what the page asks for comes
here, and is answered by calls of the component's methods.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import orjson
from nicegui.element import Element
from nicegui.events import GenericEventArguments

from console import page_head
from console.pages.chat.data import Json

MAX_TEXT_CHARS: Final = 20_000  # above the limit of a message, so that the service says what is wrong with it
MAX_ID_CHARS: Final = 200
MAX_NUMBER: Final = 2**31


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the browser asks for. It may be anything; the services decide what of it is true."""

    what: str
    bot_name: str
    text: str = ""
    client_msg_id: str = ""
    message_id: str = ""
    emoji: str = ""
    epoch: str = ""
    version: int = 0
    seq: int | None = None
    is_returning: bool = False


Handler = Callable[[Request], Awaitable[None]]


class ChatThread(
    Element,
    component=page_head.ASSETS / "chat_thread.js",
    dependencies=[page_head.ASSETS / "chat" / "*.js", page_head.ASSETS / "js" / "*.js"],
):
    """Bots, the thread of one of them, and the composer."""

    def __init__(self, *, bots: str, start: Json, selected: str | None) -> None:
        """``bots`` is JSON that all pages share, ``start`` is what this page begins with."""
        super().__init__()
        # As text: NiceGUI would copy each value of a dictionary or list into one that it can watch.
        self._props["bots"] = bots
        self._props["start"] = orjson.dumps(start).decode()
        self._props["selected"] = selected

    def answer_with(self, handler: Handler) -> None:
        """Have what the browser asks for answered. One listener for all of it: each costs every open page memory."""

        async def handle(event: GenericEventArguments) -> None:
            await handler(_request(event.args))

        self.on("ask", handle)

    def show_page(self, bot_name: str, messages: list[Json], *, next_before: int | None) -> None:
        """Put a page of history before what is there; ``next_before`` is where the next one begins."""
        self.run_method("showPage", bot_name, messages, next_before)

    def show_overview(self, overview: Json) -> None:
        """Show each conversation's last line, and what of it is unread."""
        self.run_method("showOverview", overview)

    def merge(self, bot_name: str, messages: list[Json]) -> None:
        """Show messages that no event will tell of; what is known of them stays."""
        self.run_method("merge", bot_name, messages)

    def refuse(
        self,
        request: Request,
        error: str,
        *,
        can_retry: bool = True,
        again_s: float | None = None,
        current: Json | None = None,
    ) -> None:
        """Say where it was asked for that something was not done.

        ``again_s``: seconds after which the same may work. ``current``: how the message stands instead.
        """
        asked = {
            "what": request.what,
            "bot": request.bot_name,
            "client_id": request.client_msg_id,
            "message_id": request.message_id,
        }
        self.run_method("refuse", asked, error, can_retry, current, again_s)


def _request(args: Any) -> Request:
    values = args if isinstance(args, dict) else {}
    return Request(
        what=str(values.get("what", ""))[:MAX_ID_CHARS],
        bot_name=str(values.get("bot", ""))[:MAX_ID_CHARS],
        text=str(values.get("text", ""))[:MAX_TEXT_CHARS],
        client_msg_id=str(values.get("client_id", ""))[:MAX_ID_CHARS],
        message_id=str(values.get("message_id", ""))[:MAX_ID_CHARS],
        emoji=str(values.get("emoji", ""))[:MAX_ID_CHARS],
        epoch=str(values.get("epoch", ""))[:MAX_ID_CHARS],
        version=_number(values.get("version")) or 0,
        seq=_number(values.get("seq")),
        is_returning=values.get("is_returning") is True,
    )


def _number(value: Any) -> int | None:
    """What PostgreSQL can hold in the column that it is compared with, else nothing."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return value if is_number and 0 <= value < MAX_NUMBER else None
