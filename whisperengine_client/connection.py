"""One WebSocket, from the hello to its end."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from whisperengine_client.errors import ServerFailed, TryLater, error_of_close, error_of_frame, error_of_status
from whisperengine_client.events import Frame
from whisperengine_client.http import dumped
from whisperengine_client.retry_policy import RateLimiter
from whisperengine_client.values import Position, position_of

OPEN_TIMEOUT_S = 10.0
CLOSE_TIMEOUT_S = 2.0
PONG_TIMEOUT_S = 8.0  # Source: protocol, "ping/pong".
QUIET_FACTOR = 1.2  # The server pings every ``ping_s``: later than that something is wrong, and we ask.
MAX_FRAME_BYTES = 4 * 1024 * 1024
MAX_POSTED = 1000
FRAMES_PER_S = 50  # The server closes with 4029 above that, unless its welcome says otherwise.

Connect = Callable[[str], Awaitable[ClientConnection]]


class Disconnected(Exception):
    """The connection is over, and another one shall be made: at once, or not before ``retry_after_s``."""

    def __init__(self, why: str, *, is_immediate: bool = False, retry_after_s: float | None = None) -> None:
        super().__init__(why)
        self.is_immediate = is_immediate
        self.retry_after_s = retry_after_s


def connector(*, trust_env: bool) -> Connect:
    """The ordinary way to open a WebSocket; ``trust_env``: through the environment's proxy."""

    async def open_socket(url: str) -> ClientConnection:
        return await connect(
            url,
            proxy=True if trust_env else None,
            compression=None,  # costs more memory than it saves bytes
            ping_interval=None,  # the protocol has its own
            open_timeout=OPEN_TIMEOUT_S,
            close_timeout=CLOSE_TIMEOUT_S,
            max_size=MAX_FRAME_BYTES,
        )

    return open_socket


class Connection:
    """An open WebSocket that has been welcomed; frames are posted without waiting and received one by one."""

    def __init__(self, socket: ClientConnection) -> None:
        self.limits: Mapping[str, Any] = {}
        self.position: Position
        self._socket = socket
        self._quiet_s = OPEN_TIMEOUT_S
        self._posted: asyncio.Queue[str] = asyncio.Queue(MAX_POSTED)
        self._limiter = RateLimiter(FRAMES_PER_S)
        self._writer = asyncio.create_task(self._write(), name="chat-client-writer")

    @classmethod
    async def open(cls, connect: Connect, url: str, hello: Frame) -> Self:
        """Connect, say hello, and wait for the welcome.

        Raises: Lost to try again, Refused for good.
        """
        try:
            socket = await connect(url)
        except InvalidStatus as error:
            raise _refusal(error) from error
        except (OSError, WebSocketException) as error:
            raise Disconnected(f"no connection: {type(error).__name__}") from error
        connection = cls(socket)
        try:
            await connection._greet(hello)
        except BaseException:
            await connection._finish(is_graceful=False)
            raise
        return connection

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._finish(is_graceful=not isinstance(error, Disconnected))

    def post(self, frame: Frame) -> None:
        """Send a frame as soon as the socket takes it."""
        try:
            self._posted.put_nowait(dumped(frame).decode())
        except asyncio.QueueFull:
            self.abort()  # a server that reads nothing for so long is not there

    async def receive(self) -> Frame:
        """The next frame but for pings, which are answered, and pongs.

        Raises: Lost when the connection ends, or nothing is heard of the server in time; Refused when it ends for good.
        """
        while True:
            try:
                frame = json.loads(await self._text())
                kind = frame["type"]
            except (ValueError, KeyError, TypeError, RecursionError) as error:
                raise ServerFailed("The server sent a frame that cannot be read.") from error
            if kind == "ping":
                self.post({"type": "pong"})
            elif kind != "pong":
                return frame  # type: ignore[no-any-return]

    def abort(self) -> None:
        """Cut the connection, as a broken network does."""
        self._socket.transport.abort()

    async def _greet(self, hello: Frame) -> None:
        self.post(hello)
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                while (welcome := await self.receive())["type"] != "welcome":
                    # Until the hello is read this is a base client's connection: failed messages have a place there.
                    if welcome["type"] == "error" and "seq" not in welcome:
                        raise error_of_frame(welcome)
            self.position = position_of(welcome)
            self.limits = welcome.get("limits") or {}
            self._limiter = RateLimiter(float(self.limits.get("frames_per_s", FRAMES_PER_S)))
            self._quiet_s = float(welcome["ping_s"]) * QUIET_FACTOR
        except TimeoutError as error:
            raise Disconnected("no welcome in time") from error
        except (KeyError, TypeError, ValueError) as error:
            raise ServerFailed("The server's welcome cannot be read.") from error

    async def _text(self) -> str | bytes:
        try:
            try:
                async with asyncio.timeout(self._quiet_s):
                    return await self._socket.recv()
            except TimeoutError:
                self.post({"type": "ping"})
            async with asyncio.timeout(PONG_TIMEOUT_S):
                return await self._socket.recv()
        except TimeoutError as error:
            raise Disconnected("nothing is heard of the server") from error
        except ConnectionClosed as error:
            code = error.rcvd.code if error.rcvd else 1006
            raise error_of_close(code) or Disconnected(f"closed with {code}") from error

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionClosed):  # the reader tells why
            while True:
                frame = await self._posted.get()
                if wait_s := self._limiter.wait_s(asyncio.get_running_loop().time()):
                    await asyncio.sleep(wait_s)
                await self._socket.send(frame)

    async def _finish(self, *, is_graceful: bool) -> None:
        self._writer.cancel()
        await asyncio.wait([self._writer])
        if not is_graceful:
            self.abort()
        await self._socket.close()


def _refusal(error: InvalidStatus) -> Exception:
    response = error.response
    translated = error_of_status(response.status_code, {})
    if not isinstance(translated, TryLater | ServerFailed):
        return translated
    retry_after = response.headers.get("Retry-After", "")
    return Disconnected(
        f"refused with {response.status_code}", retry_after_s=float(retry_after) if retry_after.isdigit() else None
    )
