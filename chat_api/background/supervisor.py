"""Owns the background tasks: one that fails is logged, and begun again after a while."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from chat_api.background.worker_registry import WorkerLine, WorkerRegistry, heartbeat
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger

log = get_logger(__name__)

FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 30.0
AGAIN_S = 3.0


async def supervise(name: str, run: Callable[[], Awaitable[None]], *, book: WorkerRegistry | None = None) -> None:
    """Keep one worker running until cancelled, and its line in the book."""
    wait_s = FIRST_WAIT_S
    with (book or WorkerRegistry()).running(name) as line:
        while True:
            try:
                await run()
                wait_s = FIRST_WAIT_S
            except AppError as error:
                log.warning("worker_failed", worker=name, code=error.code, detail=error.detail)
                _note(book, line, error)
            except Exception as error:
                log.exception("worker_failed", worker=name)
                _note(book, line, error)
            await asyncio.sleep(wait_s)
            wait_s = min(2 * wait_s, LONGEST_WAIT_S)


def _note(book: WorkerRegistry | None, line: WorkerLine, error: Exception) -> None:
    if book is not None:
        book.fail(line, error)


class Supervisor:
    """Starts workers and stops them in one go; ``book`` is where they say what they did."""

    def __init__(
        self, workers: Mapping[str, Callable[[], Awaitable[None]]], *, book: WorkerRegistry | None = None
    ) -> None:
        self._workers = workers
        self._book = book
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin every worker."""
        self._tasks = [
            asyncio.create_task(supervise(name, run, book=self._book), name=f"worker-{name}")
            for name, run in self._workers.items()
        ]

    async def stop(self) -> None:
        """Cancel every worker and wait until it is gone; one that a library kept from hearing it is told again."""
        running = set(self._tasks)
        while running:
            for task in running:
                task.cancel()
            _, running = await asyncio.wait(running, timeout=AGAIN_S)


async def every(interval_s: float, work: Callable[[], Awaitable[None]]) -> None:
    """Do something, wait, and do it again until it fails or is cancelled."""
    while True:
        await work()
        heartbeat(interval_s=interval_s)
        await asyncio.sleep(interval_s)
