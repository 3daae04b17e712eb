"""The whole chat page as one component: an element a message would cost each open page three times the memory.

Python sends increments only, as calls of the component's methods; the messages live in the browser.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from console import theme
from console.widgets.chat_data import Json

MAX_TEXT_CHARS: Final = 20_000  # above the limit of a message, so that the service says what is wrong with it
MAX_ID_CHARS: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What the browser asks for. It may be anything; the services decide what of it is true."""

    bot_name: str
    text: str = ""
    client_msg_id: str = ""
    message_id: str = ""
    before: int | None = None


Handler = Callable[[Request], Awaitable[None]]


class ChatThread(
    Element,
    component=theme.ASSETS / "chat_thread.js",
    dependencies=[theme.ASSETS / "chat" / "*.js", theme.ASSETS / "js" / "*.js"],
):
    """Bots, the thread of one of them, and the composer."""

    def __init__(
        self,
        *,
        person: Json,
        bots: list[Json],
        last: Json,
        selected: str | None,
        max_chars: int,
        on_open: Handler,
        on_older: Handler,
        on_send: Handler,
        on_retry: Handler,
    ) -> None:
        super().__init__()
        self._props["me"] = person
        self._props["bots"] = bots
        self._props["last"] = last
        self._props["selected"] = selected
        self._props["max-chars"] = max_chars
        self._props["icons"] = theme.asset("icons.svg")
        for name, handler in {"open": on_open, "older": on_older, "send": on_send, "retry": on_retry}.items():
            self.on(name, _handling(handler))

    def show_page(self, bot_name: str, messages: list[Json], *, next_before: int | None) -> None:
        """Put a page of history before what is there; ``next_before`` is where the next one begins."""
        self.run_method("showPage", bot_name, messages, next_before)

    def fail_page(self, bot_name: str, error: str) -> None:
        """Say that history could not be read, and offer to try again."""
        self.run_method("failPage", bot_name, error)

    def merge(self, bot_name: str, messages: list[Json], *, is_news: bool) -> None:
        """Show messages, new or known; news replace what is known of them, the rest only what was not confirmed."""
        self.run_method("merge", bot_name, messages, is_news)

    def set_typing(self, bot_name: str, is_typing: bool) -> None:
        """Show whether the bot is at it."""
        self.run_method("setTyping", bot_name, is_typing)

    def refuse_send(self, bot_name: str, client_msg_id: str, error: str, *, can_retry: bool) -> None:
        """Say at its bubble that a message was not stored."""
        self.run_method("refuseSend", bot_name, client_msg_id, error, can_retry)

    def refuse_retry(self, bot_name: str, message_id: str, error: str) -> None:
        """Say at its bubble that a stored message could not be tried again."""
        self.run_method("refuseRetry", bot_name, message_id, error)

    def resync(self) -> None:
        """Have the component forget what it knows and ask again."""
        self.run_method("resync")


def _handling(handler: Handler) -> Callable[[GenericEventArguments], Awaitable[None]]:
    async def handle(event: GenericEventArguments) -> None:
        await handler(_request(event.args))

    return handle


def _request(args: Any) -> Request:
    values = args if isinstance(args, dict) else {}
    before = values.get("before")
    return Request(
        bot_name=str(values.get("bot", ""))[:MAX_ID_CHARS],
        text=str(values.get("text", ""))[:MAX_TEXT_CHARS],
        client_msg_id=str(values.get("client_id", ""))[:MAX_ID_CHARS],
        message_id=str(values.get("message_id", ""))[:MAX_ID_CHARS],
        before=before if isinstance(before, int) and not isinstance(before, bool) else None,
    )
