"""One writer that commits together what waits together.

While one batch is at the database the next one gathers, so the size follows the load by itself: a single item never
waits for company, and a hundred at once cost one flush of the disk. Source: performance notes, "group commit".
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context
from typing import Generic, TypeVar

from chat_api.core.errors import DatabaseUnavailable, Unavailable

T = TypeVar("T")
R = TypeVar("R")

MAX_BATCH = 256
MAX_WAITING = 10_000


class GroupCommit(Generic[T, R]):
    """``commit`` stores a batch in one transaction and returns one result an item, in order.

    A caller that leaves takes nothing back: what was submitted is stored, or ``on_failed`` is told of it. That must not
    block or raise.
    """

    def __init__(
        self,
        commit: Callable[[Sequence[T]], Awaitable[Sequence[R]]],
        *,
        on_failed: Callable[[T], None] = lambda _: None,
        name: str = "group-commit",
    ) -> None:
        self._commit = commit
        self._on_failed = on_failed
        self._name = name
        self._waiting: list[tuple[T, asyncio.Future[R]]] = []
        self._writer: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    async def submit(self, item: T) -> R:
        """Store an item and return its result.

        Raises: what ``commit`` raises for this item; Unavailable when too many wait already.
        """
        return await self.enqueue(item)

    def enqueue(self, item: T) -> "asyncio.Future[R]":
        """Give an item its place among those that wait; its result, or what :meth:`submit` raises, comes later.

        Raises: Unavailable when too many wait already.
        """
        if len(self._waiting) >= MAX_WAITING:
            self._on_failed(item)
            raise Unavailable(detail=f"{self._name}: {MAX_WAITING} items wait already", retry_after_s=1)
        outcome: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, outcome))
        if self._writer is None:
            # In a context of its own: it works for many callers, and not for the one that came first.
            self._writer = asyncio.get_running_loop().create_task(self._write(), name=self._name, context=Context())
        return outcome

    async def close(self) -> None:
        """Wait until what was submitted has been stored or refused."""
        while self._writer is not None:
            await asyncio.wait({self._writer})

    async def _write(self) -> None:
        try:
            while self._waiting:
                await asyncio.sleep(0)  # whatever has arrived at this moment comes along
                batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                await self._store(batch)
        finally:
            self._writer = None

    async def _store(self, batch: Sequence[tuple[T, asyncio.Future[R]]]) -> None:
        try:
            results = await self._commit([item for item, _ in batch])
        except Exception as error:
            if len(batch) == 1 or isinstance(error, DatabaseUnavailable):
                for item, outcome in batch:
                    self._on_failed(item)
                    _resolve(outcome, error=error)
                return
            # One item may have spoilt it for all: each on its own, so that only the guilty one fails.
            for entry in batch:
                await self._store([entry])
            return
        for (_, outcome), result in zip(batch, results, strict=True):
            _resolve(outcome, result=result)


def _resolve(outcome: "asyncio.Future[R]", *, result: R | None = None, error: Exception | None = None) -> None:
    with contextlib.suppress(asyncio.InvalidStateError):  # the caller has gone
        if error is not None:
            outcome.set_exception(error)
        else:
            outcome.set_result(result)  # type: ignore[arg-type]
