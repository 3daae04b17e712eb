"""What the two generations have in common, and what each must say for itself."""

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from aiohttp import web

from sample_bot.bot import Bot, Incoming, Reply

BOT = web.AppKey("bot", Bot)
IS_STREAMING = web.AppKey("is_streaming", bool)
_STARTED = web.RequestKey("started", float)

Json = dict[str, Any]


class Refused(Exception):
    """A request that the contract turns away, with the answer to give."""

    def __init__(self, response: web.Response) -> None:
        super().__init__(response.status)
        self.response = response


class Contract(Protocol):
    """The wire format of one generation."""

    @property
    def routes(self) -> Sequence[web.RouteDef]:
        """Every endpoint but streaming."""

    def read_chat(self, body: bytes) -> Incoming:
        """Understand the body of a chat call.

        Raises: Refused.
        """

    def failed(self, bot: Bot, error: str) -> web.Response:
        """The bot could not answer, and knows it."""

    def raised(self, error: str) -> web.Response:
        """The bot broke; ``error`` is the text of its exception."""

    def model_dead(self, bot: Bot, body: bytes) -> web.Response:
        """The bot is well, and its language model does not answer; ``body`` is the chat call's."""

    def model_unpaid(self, bot: Bot, body: bytes) -> web.Response:
        """The bot is well, and its language model wants to be paid; ``body`` is the chat call's."""

    def empty(self, bot: Bot) -> web.Response:
        """The bot answers without a text."""

    def starting(self) -> web.Response:
        """The bot listens but is not ready."""


def mark_start(request: web.Request) -> None:
    """Note when a request came, for ``elapsed_ms``."""
    request[_STARTED] = time.perf_counter()


def elapsed_ms(request: web.Request) -> float:
    """Milliseconds since the request came."""
    return (time.perf_counter() - request[_STARTED]) * 1000


def utc_timestamp(at: datetime | None = None) -> str:
    """ISO 8601 in UTC without a zone, as v1 writes it."""
    return (at or datetime.now(UTC)).replace(tzinfo=None).isoformat(timespec="microseconds")


def local_timestamp() -> str:
    """ISO 8601 in the bot's local time without a zone, as v2 writes it."""
    return datetime.now(UTC).astimezone().replace(tzinfo=None).isoformat(timespec="microseconds")


def log_chat(request: web.Request, incoming: Incoming, reply_length: int, *, error: str | None = None) -> None:
    """Log one chat on one line: who and how much, never what was said."""
    log(
        "chat",
        bot=request.app[BOT].character.key,
        user_id=incoming.user_id,
        message_length=len(incoming.message),
        reply_length=reply_length,
        processing_time_ms=round(elapsed_ms(request), 1),
        success=error is None,
        **({"error": error} if error else {}),
    )


def log(event: str, **fields: object) -> None:
    """Write one JSON line to standard output."""
    print(json.dumps({"timestamp": datetime.now(UTC).isoformat(), "event": event, **fields}), flush=True)  # noqa: T201


async def answer(request: web.Request, incoming: Incoming) -> Reply:
    """Let the bot answer and log it.

    Raises: EngineError, logged.
    """
    try:
        reply = await request.app[BOT].reply(incoming)
    except Exception as exc:
        log_chat(request, incoming, 0, error=str(exc))
        raise
    log_chat(request, incoming, len(reply.text))
    return reply
