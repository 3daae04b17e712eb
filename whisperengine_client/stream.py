"""The stream of one user's events, over as many connections as it takes."""

import asyncio
import uuid
from collections.abc import Mapping
from types import TracebackType
from typing import Any, NoReturn, Self

from whisperengine_client.connection import Connect, Connection, Disconnected
from whisperengine_client.errors import ChatError, InvalidInput, NotAuthenticated, StreamEnded, TryLater, Unreachable
from whisperengine_client.event_buffer import EventBuffer
from whisperengine_client.events import Event, Frame
from whisperengine_client.http import Http, Repeat, dumped
from whisperengine_client.outbox import Outbox, Pending
from whisperengine_client.retry_policy import at_least
from whisperengine_client.traffic import Traffic
from whisperengine_client.values import Position, Sent

MAX_FRAME_CHARS = 64 * 1024  # until the server's welcome says otherwise
MAX_AUTH_RETRIES = 3


class Stream:
    """Events in order, each once, and messages that are sent until they are stored.

    Use it as a context manager: entering waits for the first connection. Iterate over it, in one task, for events; that
    ends when it is closed, and raises what ended it otherwise. After the first connection it comes back without an end.
    """

    def __init__(
        self, http: Http, connect: Connect, *, client_id: str, since: Position | None, max_events: int
    ) -> None:
        self.client_id = client_id
        self.reconnect_count = -1  # the first connection is none
        self._http = http
        self._connect = connect
        self._buffer = EventBuffer(since=since, max_events=max_events, on_drained=self.drop)
        self._outbox = Outbox()
        self._traffic = Traffic(self._buffer, self._outbox, on_live=self._live)
        self._limits: Mapping[str, Any] = {}
        self._has_been_live = False
        self._auth_retries = 0
        self._last_disconnect: Exception | None = None
        self._ended: ChatError | None = None
        self._started = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        """Connect. Raises: Refused, Unreachable when there was no connection before the retry policy was exhausted."""
        self._task = asyncio.create_task(self._run(), name="chat-client-stream")
        try:
            async with asyncio.timeout(self._http.retry_policy.total_s):
                await self._started.wait()
        except TimeoutError:
            await self.aclose()
            raise Unreachable("There was no connection in time.") from self._last_disconnect
        except BaseException:
            await self.aclose()
            raise
        if self._ended is not None:
            await self.aclose()
            raise self._ended
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the stream. Sends that still wait raise StreamEnded; whether they were stored is not known."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            if not self._task.cancelled() and (error := self._task.exception()) is not None:
                raise error

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        return await self._buffer.next()

    @property
    def position(self) -> Position:
        """The place of the last event that was read: ``since`` for a stream that shall go on from here."""
        if self._buffer.read_position is None:
            raise StreamEnded("The stream has not begun.")
        return self._buffer.read_position

    @property
    def is_connected(self) -> bool:
        """Whether events come in at this moment."""
        return self._traffic.is_live

    async def send(
        self,
        bot_name: str,
        content: str,
        *,
        client_msg_id: str | None = None,
        message_type: str = "text",
        timeout_s: float | None = None,
    ) -> Sent:
        """Have a message stored, over as many connections as it takes; its answer comes as an event.

        Messages to one bot are stored in the order of the calls. ``timeout_s``: by default the retry policy's total.
        Raises: Refused. Unreachable or TryLater at the end of the time: it may be stored or not, and the same
        ``client_msg_id`` makes sure. StreamEnded, or what ended the stream.
        """
        if self._ended is not None:
            raise self._ended
        pending = Pending(
            client_msg_id=client_msg_id or str(uuid.uuid4()),
            bot_name=bot_name,
            content=content,
            message_type=message_type,
        )
        # A frame over the limit would be refused without a word of whose it was.
        if len(dumped(pending.frame).decode()) > self._limits.get("frame_chars", MAX_FRAME_CHARS):
            raise InvalidInput("content: is too long")
        self._outbox.add(pending)
        self._traffic.pump()
        try:
            async with asyncio.timeout(self._http.retry_policy.total_s if timeout_s is None else timeout_s):
                return await pending.done
        except TimeoutError:
            raise pending.last_error or Unreachable("The message was not acknowledged in time.") from None
        finally:
            self._outbox.give_up(pending)
            self._traffic.pump()

    def typing(self, bot_name: str) -> None:
        """Say that you are typing; lost when there is no connection."""
        self._traffic.post({"type": "typing_start", "bot_name": bot_name})

    def drop(self) -> None:
        """Cut the connection as a broken network does; the stream comes back."""
        if self._traffic.connection is not None:
            self._traffic.connection.abort()

    # Connections

    async def _run(self) -> None:
        try:
            await self._stay_connected()
        except ChatError as error:
            self._end(error)
        finally:
            self._end(None)

    def _end(self, error: ChatError | None) -> None:
        if self._ended is None:
            self._ended = error or StreamEnded("The stream is closed.")
            self._buffer.close(error)
            self._outbox.close(self._ended)
            self._started.set()

    async def _stay_connected(self) -> None:
        waits = self._http.retry_policy.waits()
        has_hurried = False
        while True:
            disconnect = await self._until_disconnected()
            self._last_disconnect = disconnect
            if self._has_been_live:
                waits, has_hurried, self._has_been_live = self._http.retry_policy.waits(), False, False
            if disconnect.is_immediate and not has_hurried:
                has_hurried = True
                continue
            await asyncio.sleep(at_least(disconnect.retry_after_s, next(waits)))

    async def _until_disconnected(self) -> Disconnected:
        """Connect, and serve the connection to its end. Raises: ChatError for an end that is final."""
        try:
            await self._serve()
        except Disconnected as disconnect:
            return disconnect
        except (TryLater, Unreachable) as error:
            return Disconnected(error.message, retry_after_s=error.retry_after_s)
        except NotAuthenticated as error:
            # A ticket may be forgotten by a server that restarts. Whether the session lives, the next ticket tells.
            self._auth_retries += 1
            if error.close_code is None or self._auth_retries > MAX_AUTH_RETRIES:
                raise
            return Disconnected(error.message)
        finally:
            self._traffic.end()

    async def _serve(self) -> NoReturn:
        await self._traffic.catch_up(self._http)
        ticket = (await self._http.call("POST", "/api/ws-ticket", repeat=Repeat.NEVER))["ticket"]
        url = f"{self._http.base_url.replace('http', 'ws', 1)}/ws/{ticket}"
        async with await Connection.open(self._connect, url, self._hello()) as connection:
            self._limits = connection.limits
            self.reconnect_count += 1
            self._traffic.begin(connection)
            while True:
                await self._traffic.handle(await connection.receive())

    def _hello(self) -> Frame:
        hello: dict[str, Any] = {"type": "hello", "v": 2, "client_id": self.client_id}
        since = self._buffer.position
        return hello | ({"since": {"epoch": since.epoch, "seq": since.seq}} if since else {})

    def _live(self) -> None:
        self._has_been_live = True
        self._auth_retries = 0
        self._started.set()
