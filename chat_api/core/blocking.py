"""Calls of blocking libraries, off the event loop: bounded in time for the caller and in number for the process."""

import asyncio
import contextlib
import functools
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class BlockingCalls:
    """Runs each call in a daemon thread, at most ``limit`` at once.

    A thread that hangs cannot be ended, so a call that is given up keeps its place until it returns: a hung library
    costs ``limit`` threads and then refuses, instead of a thread a call. Unlike an executor's, these threads do not
    hold up the end of the process.
    """

    def __init__(self, *, limit: int, name: str) -> None:
        self._slots = asyncio.Semaphore(limit)
        self._name = name

    async def run(self, call: Callable[[], T], *, timeout_s: float) -> T:
        """What ``call`` returns or raises. Raises: TimeoutError when it, or the wait for a place, takes longer."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(timeout_s):
            await self._slots.acquire()
            outcome: asyncio.Future[T] = loop.create_future()
            try:
                threading.Thread(target=self._work, args=(loop, outcome, call), name=self._name, daemon=True).start()
            except RuntimeError:
                self._slots.release()
                raise
            return await outcome

    def _work(self, loop: asyncio.AbstractEventLoop, outcome: "asyncio.Future[T]", call: Callable[[], T]) -> None:
        resolve: Callable[[], None]
        try:
            resolve = functools.partial(outcome.set_result, call())
        except Exception as error:  # every fault belongs to the caller
            resolve = functools.partial(outcome.set_exception, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(self._resolve, outcome, resolve)

    def _resolve(self, outcome: "asyncio.Future[T]", resolve: Callable[[], None]) -> None:
        self._slots.release()
        if not outcome.done():  # else it was given up
            resolve()
