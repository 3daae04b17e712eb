"""Clients that send one request again and again, each on a connection of its own."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any

from bench.figures import Load, load_of
from bench.http import HOST, response_size
from chat_api.core.errors import Unavailable

GRACE_S = 60.0


class Repeater(asyncio.Protocol):
    """Sends ``request``, and the next one when the answer is complete, until ``ends_at``. No task, no future each."""

    def __init__(self, request: bytes, *, ends_at: float, times_s: list[float], done: "asyncio.Future[None]") -> None:
        self._request = request
        self._ends_at = ends_at
        self._times_s = times_s
        self._done = done
        self._data = bytearray()
        self._began = 0.0

    def connection_made(self, transport: Any) -> None:
        """Send the first one."""
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        """Read an answer, and go on when it is whole."""
        self._data += data
        try:
            size = response_size(self._data)
        except Unavailable as error:
            return self._fail(error)
        if size is None or len(self._data) < size[2]:
            return None
        now = time.perf_counter()
        if size[0] != 200:
            return self._fail(Unavailable(detail=f"answered {size[0]}: {bytes(self._data[size[1] : size[1] + 200])!r}"))
        self._times_s.append(now - self._began)
        self._data.clear()
        if now < self._ends_at:
            return self._send()
        self._finish()
        return None

    def connection_lost(self, exc: Exception | None) -> None:
        """A server that hangs up in the middle makes the figures meaningless."""
        self._fail(Unavailable(detail=f"the connection was lost: {exc}"))

    def _send(self) -> None:
        self._began = time.perf_counter()
        self._transport.write(self._request)

    def _finish(self) -> None:
        if not self._done.done():
            self._done.set_result(None)
        self._transport.close()

    def _fail(self, error: Unavailable) -> None:
        if not self._done.done():
            self._done.set_exception(error)
            self._transport.close()


async def repeat(port: int, requests: Sequence[bytes], *, seconds: float) -> Load:
    """Have one client for each of ``requests`` repeat it for ``seconds``.

    Raises: Unavailable when an answer is not 200 or does not come.
    """
    loop = asyncio.get_running_loop()
    times_s: list[float] = []
    waiting: list[asyncio.Future[None]] = []
    began = time.perf_counter()
    try:
        async with asyncio.timeout(seconds + GRACE_S):
            for request in requests:
                done = loop.create_future()
                waiting.append(done)
                client = Repeater(request, ends_at=began + seconds, times_s=times_s, done=done)
                await loop.create_connection(lambda client=client: client, HOST, port)  # type: ignore[misc]
            await asyncio.gather(*waiting)
    except (OSError, TimeoutError) as error:
        raise Unavailable(detail=f"port {port} does not answer: {type(error).__name__}") from error
    finally:
        for done in waiting:
            done.cancel()
    return load_of(times_s, passed_s=time.perf_counter() - began)
