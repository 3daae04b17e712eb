"""The engine's event stream, followed by one thread and read as an async iterator."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncGenerator, Callable, Iterator
from datetime import datetime
from typing import Any

import orjson
import requests
from docker.types import CancellableStream

from chat_api.core.errors import AppError, EngineFailed
from chat_api.engine.client import BoundedClient, refusal, translated_errors
from chat_api.engine.schemas import ContainerEvent

# A silent stream may be a dead connection: end it, and let the reader come back with ``since``.
SILENCE_S = 60.0
MAX_LINE_BYTES = 1024 * 1024
MAX_WAITING_EVENTS = 1000
_FILTERS = orjson.dumps({"type": ["container", "service"]}).decode()


async def follow_events(
    connect: Callable[[], BoundedClient],
    parse: Callable[[Any], ContainerEvent | None],
    *,
    since: datetime | None,
) -> AsyncGenerator[ContainerEvent, None]:
    """Yield events until the stream ends, for whatever reason; ``parse`` says which concern a bot.

    The end is silent, as the engine's own: the reader reconnects with the time of the last event as ``since`` and
    takes a full list. A reader that falls ``MAX_WAITING_EVENTS`` behind is ended too.
    Raises: EngineUnavailable or EngineFailed when the stream cannot be opened.
    """
    follower = _Follower(connect, parse, since=since)
    try:
        follower.start()
        while (item := await follower.waiting.get()) is not None:
            if isinstance(item, AppError):
                raise item
            yield item
    finally:
        follower.stop()


class _Follower(threading.Thread):
    """Reads the stream into a bounded queue of the loop; ``None`` marks the end."""

    def __init__(
        self,
        connect: Callable[[], BoundedClient],
        parse: Callable[[Any], ContainerEvent | None],
        *,
        since: datetime | None,
    ) -> None:
        super().__init__(name="docker-events", daemon=True)
        self.waiting: asyncio.Queue[ContainerEvent | AppError | None] = asyncio.Queue(MAX_WAITING_EVENTS + 1)
        self._loop = asyncio.get_running_loop()
        self._connect, self._parse, self._since = connect, parse, since
        self._stream: CancellableStream[bytes] | None = None
        self._is_stopped = False

    def run(self) -> None:
        """Follow until the stream ends or ``stop`` is called."""
        last: AppError | None = None
        try:
            with translated_errors():
                response = self._open()
        except AppError as error:
            last = error
        else:
            with contextlib.closing(response), contextlib.suppress(Exception):  # any fault in the stream is its end
                self._stream = CancellableStream(response.iter_content(chunk_size=65_536), response)
                for line in _lines(self._stream):
                    if self._is_stopped:
                        break
                    if (event := self._parse(orjson.loads(line))) is not None:
                        self._hand_over(event)
        self._hand_over(last)

    def stop(self) -> None:
        """End the thread, also while it waits for the next event. Closing a socket does not block."""
        self._is_stopped = True
        if self._stream is not None:
            with contextlib.suppress(Exception):  # it has ended meanwhile
                self._stream.close()

    def _open(self) -> requests.Response:
        client = self._connect()
        params = {"filters": _FILTERS}
        if self._since is not None:
            params["since"] = f"{self._since.timestamp():.6f}"
        url = f"{client.base_url}/v{client.api_version}/events"
        response = client.get(url, params=params, stream=True, timeout=(client.timeout, SILENCE_S))
        if response.status_code != 200:
            response.close()
            raise EngineFailed(refusal(response.status_code), detail=f"status {response.status_code} for the events")
        return response

    def _hand_over(self, item: ContainerEvent | AppError | None) -> None:
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            self._loop.call_soon_threadsafe(self._put, item)

    def _put(self, item: ContainerEvent | AppError | None) -> None:
        if self.waiting.qsize() < MAX_WAITING_EVENTS:
            self.waiting.put_nowait(item)
        elif not self.waiting.full():
            self.waiting.put_nowait(None)
            self.stop()


def _lines(chunks: Iterator[bytes]) -> Iterator[bytes]:
    pending = b""
    for chunk in chunks:
        *lines, pending = (pending + chunk).split(b"\n")
        yield from filter(None, lines)
        if len(pending) > MAX_LINE_BYTES:
            return
