"""One connection to a bot: one request at a time, each with a deadline."""

import asyncio
from typing import cast

from chat_api.bots.http import UNAVAILABLE_RETRY_AFTER_S, OnEventData, Reply
from chat_api.bots.http_answer import AnswerReader
from chat_api.core.errors import BotTimeout, BotUnavailable

# A stream has said that it is over, but its last bytes are not here: hanging up at once could stop the bot's own work.
END_GRACE_S = 0.5


class HttpConnection(asyncio.Protocol):
    """Speaks for its owner, who keeps it in ``others`` while it is open."""

    def __init__(self, others: "set[HttpConnection]") -> None:
        self._others = others
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader: AnswerReader | None = None
        self._answered: asyncio.Future[Reply] | None = None
        self._grace: asyncio.TimerHandle | None = None
        self._is_usable = False
        self.idle_since = 0.0
        self.closed: asyncio.Future[None] = self._loop.create_future()

    @property
    def is_usable(self) -> bool:
        """Whether another request may be sent: the last answer was whole, and nothing came since."""
        return self._is_usable

    async def exchange(
        self, request: bytes, *, deadline_at: float, max_body_bytes: int, on_event_data: OnEventData | None = None
    ) -> Reply:
        """Send the request and read the answer. If that fails or is cancelled, the owner must ``abort``.

        Raises: BotTimeout, BotUnavailable, BotFailed; ``connect_failed`` is False, for the bot may have read it.
        """
        assert self._is_usable
        assert self._transport is not None
        self._is_usable = False
        self._reader = AnswerReader(max_body_bytes=max_body_bytes, on_event_data=on_event_data)
        self._answered = self._loop.create_future()
        timer = self._loop.call_at(deadline_at, self._expire)
        try:
            self._transport.write(request)
            return await self._answered
        finally:
            timer.cancel()
            self._reader = self._answered = None

    def abort(self) -> None:
        """Close now; an exchange under way fails."""
        self._is_usable = False
        if self._grace is not None:
            self._grace.cancel()
        if self._transport is not None:
            self._transport.abort()

    # Called by the loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection is there, encryption included."""
        self._transport = cast(asyncio.Transport, transport)
        self._is_usable = True
        self._others.add(self)

    def data_received(self, data: bytes) -> None:
        """Something arrived. What nobody asked for ends the connection."""
        reader = self._reader
        if reader is None or self._answered is None or self._answered.done():
            self.abort()
            return
        try:
            is_whole = reader.feed(data)
        except Exception as error:  # also a defect of whoever takes the stream: it belongs to the caller, not the loop
            self._fail(error)
            return
        if is_whole:
            self._succeed(reader)
        elif reader.has_enough and self._grace is None:
            self._grace = self._loop.call_later(END_GRACE_S, self._succeed, reader)

    def eof_received(self) -> None:
        """The bot says no more; the transport closes by itself."""
        self._is_usable = False
        if self._reader is not None and self._reader.feed_eof():
            self._succeed(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone, whoever closed it."""
        self._is_usable = False
        self._others.discard(self)
        if self._reader is not None and self._reader.has_enough:
            self._succeed(self._reader)
        self._fail(
            BotUnavailable(
                detail=f"connection lost: {exc or 'closed before the answer was whole'}",
                retry_after_s=UNAVAILABLE_RETRY_AFTER_S,
                extra={"connect_failed": False},
            )
        )
        if not self.closed.done():
            self.closed.set_result(None)

    def _succeed(self, reader: AnswerReader) -> None:
        if self._grace is not None:
            self._grace.cancel()
            self._grace = None
        if self._answered is None or self._answered.done():
            return
        assert self._transport is not None
        # A bot that answers before it has read everything would take the rest for the next request.
        is_read = not self._transport.is_closing() and self._transport.get_write_buffer_size() == 0
        self._is_usable = reader.is_reusable and is_read
        self._answered.set_result(reader.reply)

    def _fail(self, error: Exception) -> None:
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)

    def _expire(self) -> None:
        self._fail(BotTimeout(detail="no whole answer in time", extra={"connect_failed": False}))
