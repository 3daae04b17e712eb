"""How large a request may be: refused by its announcement, and counted while it streams."""

import asyncio
from contextlib import suppress

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_api.core.errors import AppError, MalformedRequest, PayloadTooLarge
from chat_api.http.middleware.answers import send_error
from chat_api.http.openai_errors import is_openai_path

MAX_BODY_BYTES = 256 * 1024
# A client of language models repeats all that was said with each request.
MAX_HISTORY_BYTES = 8 * 1024 * 1024
# So much more of one that is too large is read, and thrown away: a client that still writes would never read why it was
# refused, and the official ones would send all of it again.
READ_AWAY_BYTES = 32 * 1024 * 1024
READ_AWAY_S = 10.0
_MAX_LENGTH_DIGITS = 18


def check_announced(announced: str, *, max_bytes: int = MAX_BODY_BYTES) -> None:
    """Look at a request's ``Content-Length``. Raises: MalformedRequest, PayloadTooLarge."""
    if not announced.isascii() or not announced.isdigit():
        raise MalformedRequest
    if len(announced) > _MAX_LENGTH_DIGITS or int(announced) > max_bytes:
        raise PayloadTooLarge


def is_json(content_type: str) -> bool:
    """Whether a ``Content-Type`` says JSON: ``application/json``, or another application's kind of it."""
    kind = content_type.partition(";")[0].strip().lower()
    return kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))


class _TooLarge(Exception):
    """The body went over the limit while it was read."""


class BodyLimit:
    """Refuses a body over its limit with 413, without reading it to its end. Below ``/v1`` there is another limit."""

    def __init__(
        self, app: ASGIApp, *, max_bytes: int = MAX_BODY_BYTES, max_history_bytes: int = MAX_HISTORY_BYTES
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._max_history_bytes = max_history_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Check the announced length, then count what comes."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        max_bytes = self._max_history_bytes if is_openai_path(scope["path"]) else self._max_bytes
        try:
            check_announced(Headers(scope=scope).get("content-length", "0"), max_bytes=max_bytes)
        except AppError as error:
            if is_openai_path(scope["path"]):
                await _read_away(receive)
            return await send_error(scope, receive, send, error)
        await self._counted(scope, receive, send, max_bytes)

    async def _counted(self, scope: Scope, receive: Receive, send: Send, max_bytes: int) -> None:
        received = 0
        has_started = False

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > max_bytes:
                raise _TooLarge
            return message

        async def noted(message: Message) -> None:
            nonlocal has_started
            if not has_started and received > max_bytes:
                # The framework takes any failure to read a body for its own 400, and answers it: ours is the truth.
                raise _TooLarge
            has_started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _TooLarge:
            if is_openai_path(scope["path"]):
                await _read_away(receive)
            if not has_started:
                await send_error(scope, receive, send, PayloadTooLarge())


async def _read_away(receive: Receive) -> None:
    left = READ_AWAY_BYTES
    with suppress(TimeoutError):
        async with asyncio.timeout(READ_AWAY_S):
            while left > 0:
                message = await receive()
                left -= len(message.get("body", b""))
                if message["type"] != "http.request" or not message.get("more_body", False):
                    return
