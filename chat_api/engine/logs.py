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

from chat_api.core.errors import AppError, EngineFailed, NotFound
from chat_api.core.logging import get_logger
from chat_api.engine import swarm
from chat_api.engine.client import BoundedClient, refusal, translated_errors
from chat_api.engine.log_lines import lines_of
from chat_api.engine.log_schemas import LogStream, RawLine
from chat_api.engine.schemas import ContainerKind, ContainerView

log = get_logger(__name__)

# A silent stream may be a dead connection: end it, and let the reader come back with ``since``.
SILENCE_S = 60.0
MAX_WAITING_BATCHES = 8
MAX_BATCH_LINES = 500
MAX_HISTORY_BYTES = 64 * 1024 * 1024
HISTORY_S = 8.0
FIRST_WINDOW_NS = 10 * 60 * 1_000_000_000
SECOND_NS = 1_000_000_000
SMALLEST_WINDOW_NS = SECOND_NS
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
    history = _History(client, view, read, limit=limit)
    if newest:
        return history.newest(since_ns, until_ns)
    lines, is_early = history.oldest(since_ns, until_ns)
    return lines[:limit], is_early or len(lines) > limit


class _History:
    """Reads one container's past. An engine reads a log forwards only: the newest lines are looked for in windows."""

    def __init__(self, client: BoundedClient, view: ContainerView, read: Read[T], *, limit: int) -> None:
        self._client = client
        self._view = view
        self._read = read
        self._limit = limit
        self._is_broken = False
        self._is_tty = _is_tty(client, view)
        self._deadline_s = time.monotonic() + HISTORY_S

    def oldest(self, since_ns: int, until_ns: int) -> tuple[list[Any], bool]:
        """The oldest lines of a span, at most one more than the limit, and whether our bounds ended the reading."""
        return self._span(since_ns, until_ns, newest=False)

    def newest(self, since_ns: int, until_ns: int) -> tuple[list[Any], bool]:
        """The newest lines of a span, and whether there are more.

        A window that holds more than we read at once is made smaller, and one that was read whole is followed by a
        larger one before it.
        """
        found: list[Any] = []
        end_ns, width_ns = until_ns, FIRST_WINDOW_NS
        while end_ns >= since_ns and len(found) <= self._limit:
            # At a whole second, so that no line belongs to both where an engine counts in these.
            begin_ns = max(since_ns, (end_ns - width_ns) // SECOND_NS * SECOND_NS)
            lines, is_early = self._span(begin_ns, end_ns, newest=True)
            is_late = time.monotonic() > self._deadline_s
            if is_early and not is_late and not self._is_broken and width_ns > SMALLEST_WINDOW_NS:
                width_ns //= 16
                continue
            if is_early and found:
                return found[-self._limit :], True  # these lines are from the other end of the window
            found = [*lines, *found]
            if is_early or is_late or self._is_broken:
                return found[-self._limit :], True
            end_ns, width_ns = begin_ns - 1, width_ns * 144
        return found[-self._limit :], len(found) > self._limit

    def _span(self, since_ns: int, until_ns: int, *, newest: bool) -> tuple[list[Any], bool]:
        kept: deque[Any] = deque(maxlen=self._limit + 1 if newest else None)
        ends = _Ends(self._deadline_s)
        asked = {"until": _seconds(until_ns), "since": _seconds(since_ns)}
        with contextlib.closing(_open(self._client, self._view, asked)) as opened:
            try:
                for raw in _bounded(opened, ends, is_tty=self._is_tty):
                    if not _is_within(raw.at_ns, since_ns, until_ns) or (line := self._read(raw)) is None:
                        continue
                    kept.append(line)
                    if not newest and len(kept) > self._limit:
                        break
            except EngineFailed as error:  # the engine cannot read on: what came until then, and its words
                self._is_broken = True
                words = RawLine(max(since_ns, until_ns - 1), LogStream.STDERR, error.message)
                if (line := self._read(words)) is not None:
                    kept.append(line)
        return list(kept), ends.is_early


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
            try:
                with contextlib.closing(response):
                    self._stream = CancellableStream(response.iter_content(chunk_size=65_536), response)
                    if not self._is_stopped:
                        self._follow(lines_of(self._stream, is_tty=is_tty))
            except EngineFailed as error:
                last = error
            except Exception as error:  # any other fault in the stream is its end
                log.debug("log_stream_ended", error=type(error).__name__)
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
    raise EngineFailed(refusal(response.status_code), detail=f"status {response.status_code} for the logs")


def _is_tty(client: BoundedClient, view: ContainerView) -> bool:
    if view.kind is ContainerKind.SERVICE:
        spec = swarm.inspect_service(client, view.id)["Spec"]["TaskTemplate"]["ContainerSpec"]
        return bool(spec.get("TTY"))
    return bool(client.inspect_container(view.name)["Config"].get("Tty"))


class _Ends:
    """Whether reading ended at our bounds: the bytes of one span, and the time of the whole."""

    def __init__(self, deadline_s: float) -> None:
        self.deadline_s = deadline_s
        self.is_early = False


def _bounded(response: requests.Response, ends: _Ends, *, is_tty: bool) -> Iterator[RawLine]:
    size = 0

    def chunks() -> Iterator[bytes]:
        nonlocal size
        for chunk in response.iter_content(chunk_size=65_536):
            size += len(chunk)
            if size > MAX_HISTORY_BYTES or time.monotonic() > ends.deadline_s:
                ends.is_early = True
                return
            yield chunk

    for batch in lines_of(chunks(), is_tty=is_tty):
        yield from batch


def _is_within(at_ns: int, since_ns: int, until_ns: int) -> bool:
    """Whether a line is of a span. Podman counts in nanoseconds and tells whole seconds: such a one may be later."""
    if at_ns % SECOND_NS == 0:
        since_ns -= since_ns % SECOND_NS
    return since_ns <= at_ns <= until_ns


def _seconds(at_ns: int) -> str:
    whole_s, rest_ns = divmod(at_ns, 1_000_000_000)
    return f"{whole_s}.{rest_ns:09d}"
