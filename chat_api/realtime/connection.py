"""One open WebSocket: a bounded queue and the only task that writes to it."""

import asyncio
import contextlib
from collections import deque
from enum import IntEnum
from uuid import UUID, uuid4

import orjson
from starlette.types import Message
from starlette.websockets import WebSocket, WebSocketDisconnect

from chat_api.realtime.frames import Frame

MAX_QUEUED_FRAMES = 256
MAX_QUEUED_BYTES = 1024 * 1024
CLOSE_TIMEOUT_S = 3.0


class CloseCode(IntEnum):
    """Why we close. Source: protocol, "WebSocket"; 4400 and above 4400 are final, the others invite to come back."""

    SHUTTING_DOWN = 4001
    TOO_SLOW = 4008
    RATE_LIMITED = 4029
    BAD_FRAME = 4400
    NOT_AUTHENTICATED = 4401
    FORBIDDEN = 4403
    TOO_MANY_CONNECTIONS = 4409


class Connection:
    """Offering a frame never waits: a peer that does not read fills its own queue, and only it is closed."""

    def __init__(self, websocket: WebSocket, user_id: str, session_id: UUID | None) -> None:
        self.connection_id = str(uuid4())
        self.websocket = websocket
        self.user_id = user_id
        self.session_id = session_id
        self.close_code: CloseCode | None = None
        self._frames: deque[tuple[str, bool]] = deque()
        self._queued_bytes = 0
        self._wake = asyncio.Event()
        self._writer: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write what is offered."""
        self._writer = asyncio.create_task(self._write(), name=f"ws-writer-{self.connection_id}")

    def offer(self, frame: Frame, *, is_transient: bool = False) -> bool:
        """Queue a frame; returns whether it will be sent. Transient ones are dropped first when it gets tight."""
        if self.close_code is not None:
            return False
        text = orjson.dumps(frame).decode()
        if self._is_full(len(text)):
            if is_transient:
                return False
            self._drop_transient()
            if self._is_full(len(text)):
                self.close(CloseCode.TOO_SLOW)
                return False
        self._frames.append((text, is_transient))
        self._queued_bytes += len(text)
        self._wake.set()
        return True

    def close(self, code: CloseCode) -> None:
        """Close from our side; what is queued is not sent any more."""
        if self.close_code is None:
            self.close_code = code
            self._wake.set()

    async def receive(self) -> Message | None:
        """What the peer sends next, ``None`` as soon as we have closed: nothing it says counts any more.

        A peer that reads nothing never answers our close, so its own end must not be waited for.
        """
        assert self._writer is not None
        receiving = asyncio.ensure_future(self.websocket.receive())
        try:
            await asyncio.wait({receiving, self._writer}, return_when=asyncio.FIRST_COMPLETED)
            return receiving.result() if receiving.done() and self.close_code is None else None
        finally:
            receiving.cancel()

    async def finish(self) -> None:
        """Stop the writer; called when the reader has ended."""
        if self._writer is not None:
            if self.close_code is None:
                self._writer.cancel()
            await asyncio.wait([self._writer])

    async def _write(self) -> None:
        # A peer that is gone ends the reader too, which is what the connection's life hangs on.
        with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError):
            while self.close_code is None:
                await self._wake.wait()
                self._wake.clear()
                while self._frames and self.close_code is None:
                    text, _ = self._frames.popleft()
                    self._queued_bytes -= len(text)
                    await self._send(text)
        if self.close_code is not None:
            with contextlib.suppress(WebSocketDisconnect, RuntimeError, OSError, TimeoutError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self.websocket.close(self.close_code)

    async def _send(self, text: str) -> None:
        """Send one frame, but leave a peer that does not read as soon as somebody closes it."""
        sending = asyncio.ensure_future(self.websocket.send_text(text))
        while not sending.done():
            waking = asyncio.ensure_future(self._wake.wait())
            try:
                await asyncio.wait({sending, waking}, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                sending.cancel()
                raise
            finally:
                waking.cancel()
            if self.close_code is not None and not sending.done():
                sending.cancel()
                return
            if not sending.done():
                self._wake.clear()
        self._wake.set()
        sending.result()

    def _is_full(self, size: int) -> bool:
        return len(self._frames) >= MAX_QUEUED_FRAMES or self._queued_bytes + size > MAX_QUEUED_BYTES

    def _drop_transient(self) -> None:
        kept = [item for item in self._frames if not item[1]]
        self._frames = deque(kept)
        self._queued_bytes = sum(len(text) for text, _ in kept)
