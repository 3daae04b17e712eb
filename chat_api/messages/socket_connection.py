"""One open WebSocket: a bounded queue and the only task that writes to it."""

import asyncio
import contextlib
import time
from collections import deque
from enum import IntEnum
from uuid import UUID, uuid4

from starlette.websockets import WebSocket, WebSocketDisconnect

from chat_api.messages.schemas import StreamEvent

MAX_QUEUED_FRAMES = 256
MAX_QUEUED_BYTES = 1024 * 1024
MAX_HELD_EVENTS = 256
CLOSE_TIMEOUT_S = 3.0
_GONE = (WebSocketDisconnect, RuntimeError, OSError)


class CloseCode(IntEnum):
    """Why we close. Source: protocol, "WebSocket".

    4000 and codes from 4400 on are final; after the others the client should reconnect.
    """

    REPLACED = 4000
    SHUTTING_DOWN = 4001
    TOO_SLOW = 4008
    GAP = 4010
    NO_PONG = 4012
    RATE_LIMITED = 4029
    BAD_FRAME = 4400
    NOT_AUTHENTICATED = 4401
    TOO_MANY_CONNECTIONS = 4409


class Connection:
    """Offering a frame never blocks: a peer that doesn't read fills only its own queue, and is closed.

    ``client_id`` is set once the client sent a hello; a later connection has a greater ``turn``. During a replay of
    missed events, ``held`` buffers live ones, so that each is sent once and in order.
    """

    __slots__ = (
        "_closing",
        "_frames",
        "_max_frames_per_s",
        "_queued_bytes",
        "_reader",
        "_room",
        "_second",
        "_second_frames",
        "_wake",
        "_writer",
        "client_id",
        "close_code",
        "connection_id",
        "held",
        "is_v2",
        "last_received_s",
        "pinged_rounds",
        "session_id",
        "turn",
        "user_id",
        "websocket",
    )

    def __init__(
        self, websocket: WebSocket, user_id: str, session_id: UUID | None, *, turn: int, max_frames_per_s: int
    ) -> None:
        self.connection_id = str(uuid4())
        self.websocket = websocket
        self.user_id = user_id
        self.session_id = session_id
        self.is_v2 = False
        self.client_id: str | None = None
        self.turn = turn
        self.held: list[StreamEvent] | None = None
        self.last_received_s = time.monotonic()
        self.pinged_rounds: int | None = None
        self.close_code: CloseCode | None = None
        self._max_frames_per_s = max_frames_per_s
        self._second, self._second_frames = 0, 0
        self._frames: deque[tuple[str, bool]] = deque()
        self._queued_bytes = 0
        self._wake: asyncio.Future[None] | None = None
        self._room: asyncio.Event | None = None
        self._reader = asyncio.current_task()
        self._writer: asyncio.Task[None] | None = None
        self._closing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Start writing queued frames."""
        self._writer = asyncio.create_task(self._write(), name=f"ws-writer-{self.connection_id}")

    def offer(self, text: str, *, is_transient: bool = False) -> bool:
        """Queue a frame; returns whether it will be sent. Transient frames are dropped first when it fills up."""
        if self.close_code is not None:
            return False
        if self._is_full(len(text)):
            if is_transient:
                return False
            self._drop_transient()
            if self._is_full(len(text)):
                self.close(CloseCode.TOO_SLOW)
                return False
        self._frames.append((text, is_transient))
        self._queued_bytes += len(text)
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)
        return True

    async def offer_patiently(self, text: str) -> bool:
        """Queue a frame of a replay, waiting for room: a long replay is no sign of a slow peer."""
        while len(self._frames) >= MAX_QUEUED_FRAMES // 2 or self._queued_bytes + len(text) > MAX_QUEUED_BYTES // 2:
            if self.close_code is not None or self._writer is None or self._writer.done():
                return False
            self._room = asyncio.Event()
            await self._room.wait()
        return self.offer(text)

    def hold(self, event: StreamEvent) -> None:
        """Hold back a live event until the replay is over."""
        assert self.held is not None
        self.held.append(event)
        if len(self.held) > MAX_HELD_EVENTS:
            self.close(CloseCode.GAP)

    def on_frame(self) -> bool:
        """Count a frame from the peer; returns False if it exceeds its rate limit."""
        self.last_received_s = time.monotonic()
        self.pinged_rounds = None
        second = int(self.last_received_s)
        if second != self._second:
            self._second, self._second_frames = second, 0
        self._second_frames += 1
        return self._second_frames <= self._max_frames_per_s

    def close(self, code: CloseCode) -> None:
        """Close from our side; queued frames are discarded."""
        if self.close_code is None:
            self.close_code = code
            self._frames.clear()
            self._queued_bytes = 0
            self._closing = asyncio.create_task(self._close(code), name=f"ws-close-{self.connection_id}")

    async def closed(self) -> None:
        """Wait until our close frame has been sent, or has timed out."""
        if self._closing is not None:
            await asyncio.wait([self._closing])

    async def finish(self) -> None:
        """Wait for the writer to end; called when the reader has ended."""
        if self._writer is not None:
            self._writer.cancel()
            await asyncio.wait([self._writer])
        await self.closed()

    async def _write(self) -> None:
        # When the peer is gone the reader ends too, and with it the connection.
        with contextlib.suppress(*_GONE):
            while self.close_code is None:
                while self._frames:
                    text, _ = self._frames.popleft()
                    self._queued_bytes -= len(text)
                    # Not websocket.send_text: its two extra calls are a tenth of the cost of a frame.
                    await self.websocket.send({"type": "websocket.send", "text": text})
                if self._room is not None:
                    self._room.set()
                self._wake = asyncio.get_running_loop().create_future()
                await self._wake
        if self._room is not None:  # the peer is gone: nobody needs to wait for room
            self._room.set()

    async def _close(self, code: CloseCode) -> None:
        """Send the close code. If the peer doesn't read, the reader is cancelled, and the socket with it."""
        if self._writer is not None:
            self._writer.cancel()  # it may hang on a frame that the peer doesn't read
            await asyncio.wait([self._writer])
        if self._room is not None:
            self._room.set()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self.websocket.close(code)
        except TimeoutError:
            if self._reader is not None:
                self._reader.cancel()
        except _GONE:
            pass

    def _is_full(self, size: int) -> bool:
        return len(self._frames) >= MAX_QUEUED_FRAMES or self._queued_bytes + size > MAX_QUEUED_BYTES

    def _drop_transient(self) -> None:
        kept = [item for item in self._frames if not item[1]]
        self._frames = deque(kept)
        self._queued_bytes = sum(len(text) for text, _ in kept)
