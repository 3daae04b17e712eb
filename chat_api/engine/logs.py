"""A container's or service's output: followed by one thread and read as an async iterator, or read back by time."""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Iterator
from typing import Any, TypeVar

import requests
from docker.types import CancellableStream

from chat_api.core.errors import AppError, NotFound
from chat_api.engine import swarm
from chat_api.engine.client import BoundedClient, translated_errors
from chat_api.engine.log_lines import lines_of
from chat_api.engine.log_schemas import RawLine
from chat_api.engine.schemas import ContainerKind, ContainerView

# A silent stream may be a dead connection: end it, and let the reader come back with ``since``.
SILENCE_S = 60.0
MAX_WAITING_BATCHES = 8
MAX_BATCH_LINES = 500
MAX_HISTORY_BYTES = 64 * 1024 * 1024
HISTORY_S = 8.0
_SLOT_POLL_S = 0.5
T = TypeVar("T")
Read = Callable[[RawLine], T | None]


async def follow_logs(
    connect: Callable[[], BoundedClient], view: ContainerView, read: Read[T], *, since_ns: int | None, tail: int | None
) -> AsyncGenerator[tuple[T, ...], None]:
    """Yield what ``read`` makes of the lines, some at a time, until the stream ends, for whatever reason.

    ``read`` runs in the thread. One that reads slowly holds up the engine's side of the stream and nothing else: at
    most ``MAX_WAITING_BATCHES`` are kept. The end is silent: come back with the time of the last line as ``since_ns``.
    Raises: EngineUnavailable, EngineFailed or NotFound when the stream cannot be opened.
    """
    follower = _Follower(connect, view, read, since_ns=since_ns, tail=tail)
    try:
        follower.start()
        while (item := await follower.waiting.get()) is not None:
            follower.slots.release()
            if isinstance(item, AppError):
                raise item
            yield item
    finally:
        follower.stop()


def read_history(
    client: BoundedClient, view: ContainerView, read: Read[T], *, since_ns: int, until_ns: int, limit: int, newest: bool
) -> tuple[list[T], bool]:
    """Blocks. What ``read`` keeps of a span, oldest first: the newest of it or the oldest; and whether there is more.

    Bounded in time and bytes: a span that is too much to read ends where the bounds are reached.
    """
    found: deque[T] = deque(maxlen=limit if newest else None)
    kept, ends = 0, _Ends()
    with contextlib.closing(_open(client, view, {"until": _seconds(until_ns), "since": _seconds(since_ns)})) as opened:
        for raw in _bounded(opened, ends, is_tty=_is_tty(client, view)):
            if not since_ns <= raw.at_ns <= until_ns or (line := read(raw)) is None:
                continue
            kept += 1
            if kept > limit and not newest:
                return list(found), True
            found.append(line)
    return list(found), kept > limit or ends.is_early


class _Follower(threading.Thread):
    """Reads one stream into a bounded queue of the loop; ``None`` marks the end."""

    def __init__(
        self,
        connect: Callable[[], BoundedClient],
        view: ContainerView,
        read: Read[Any],
        *,
        since_ns: int | None,
        tail: int | None,
    ) -> None:
        super().__init__(name=f"docker-logs-{view.bot_name}", daemon=True)
        self.waiting: asyncio.Queue[tuple[Any, ...] | AppError | None] = asyncio.Queue()
        self.slots = threading.BoundedSemaphore(MAX_WAITING_BATCHES)  # what bounds the queue
        self._loop = asyncio.get_running_loop()
        self._connect, self._view, self._read = connect, view, read
        self._params: dict[str, Any] = {"follow": 1, "tail": "all" if tail is None else tail}
        if since_ns is not None:
            self._params["since"] = _seconds(since_ns)
        self._stream: CancellableStream[bytes] | None = None
        self._is_stopped = False

    def run(self) -> None:
        """Follow until the stream ends or ``stop`` is called."""
        last: AppError | None = None
        try:
            with translated_errors():
                client = self._connect()
                is_tty = _is_tty(client, self._view)
                response = _open(client, self._view, self._params)
        except AppError as error:
            last = error
        else:
            with contextlib.closing(response), contextlib.suppress(Exception):  # any fault in the stream is its end
                self._stream = CancellableStream(response.iter_content(chunk_size=65_536), response)
                if not self._is_stopped:
                    self._follow(lines_of(self._stream, is_tty=is_tty))
        self._hand_over(last)

    def stop(self) -> None:
        """End the thread, also while it waits for the next line. Closing a socket does not block."""
        self._is_stopped = True
        if self._stream is not None:
            with contextlib.suppress(Exception):  # it has ended meanwhile
                self._stream.close()

    def _follow(self, batches: Iterator[list[RawLine]]) -> None:
        for batch in batches:
            lines = [line for raw in batch if (line := self._read(raw)) is not None]
            for start in range(0, len(lines), MAX_BATCH_LINES):
                if not self._hand_over(tuple(lines[start : start + MAX_BATCH_LINES])):
                    return

    def _hand_over(self, item: tuple[Any, ...] | AppError | None) -> bool:
        while not self._is_stopped:
            if self.slots.acquire(timeout=_SLOT_POLL_S):
                with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
                    self._loop.call_soon_threadsafe(self.waiting.put_nowait, item)
                return True
        return False


def _open(client: BoundedClient, view: ContainerView, params: dict[str, Any]) -> requests.Response:
    kind, name = ("services", view.id) if view.kind is ContainerKind.SERVICE else ("containers", view.name)
    url = f"{client.base_url}/v{client.api_version}/{kind}/{name}/logs"
    asked = {"stdout": 1, "stderr": 1, "timestamps": 1, **params}
    response = client.get(url, params=asked, stream=True, timeout=(client.timeout, SILENCE_S))
    if response.status_code == 200:
        return response
    response.close()
    if response.status_code == 404:
        raise NotFound("The container engine has no such container.")
    raise requests.ConnectionError(f"status {response.status_code} for the logs")


def _is_tty(client: BoundedClient, view: ContainerView) -> bool:
    if view.kind is ContainerKind.SERVICE:
        spec = swarm.inspect_service(client, view.id)["Spec"]["TaskTemplate"]["ContainerSpec"]
        return bool(spec.get("TTY"))
    return bool(client.inspect_container(view.name)["Config"].get("Tty"))


class _Ends:
    """Whether reading ended at our bounds."""

    is_early = False


def _bounded(response: requests.Response, ends: _Ends, *, is_tty: bool) -> Iterator[RawLine]:
    deadline, size = time.monotonic() + HISTORY_S, 0

    def chunks() -> Iterator[bytes]:
        nonlocal size
        for chunk in response.iter_content(chunk_size=65_536):
            size += len(chunk)
            if size > MAX_HISTORY_BYTES or time.monotonic() > deadline:
                ends.is_early = True
                return
            yield chunk

    for batch in lines_of(chunks(), is_tty=is_tty):
        yield from batch


def _seconds(at_ns: int) -> str:
    whole_s, rest_ns = divmod(at_ns, 1_000_000_000)
    return f"{whole_s}.{rest_ns:09d}"
