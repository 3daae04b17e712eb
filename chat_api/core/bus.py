"""Typed topics inside one process. Publishing never waits: a subscriber that does not keep up is told so."""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from chat_api.core.logging import get_logger

T = TypeVar("T")
log = get_logger(__name__)


class Subscription(Generic[T]):
    """A bounded queue of what was published since. ``is_overflowed`` means that values were dropped."""

    def __init__(self, max_size: int) -> None:
        self._queue: asyncio.Queue[T] = asyncio.Queue(max_size)
        self.is_overflowed = False

    def offer(self, value: T) -> None:
        """Queue a value, or drop it and remember that."""
        try:
            self._queue.put_nowait(value)
        except asyncio.QueueFull:
            self.is_overflowed = True

    async def get(self) -> T:
        """The next value, waiting for it."""
        return await self._queue.get()

    async def __aiter__(self) -> AsyncIterator[T]:
        while True:
            yield await self.get()


class Topic(Generic[T]):
    """A stream of values of one type, optionally addressed to a key such as a user."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._listeners: dict[Hashable, set[Callable[[T], None]]] = defaultdict(set)

    def publish(self, value: T, *, key: Hashable = None) -> None:
        """Hand a value to the listeners of ``key`` and to those of everything."""
        for address in {key, None}:
            for listener in tuple(self._listeners.get(address, ())):
                try:
                    listener(value)
                except Exception:
                    log.exception("bus_listener_failed", topic=self.name)

    @contextmanager
    def listening(self, listener: Callable[[T], None], *, key: Hashable = None) -> Iterator[None]:
        """Call ``listener`` for each value while the block runs; it must not block."""
        self.listen(listener, key=key)
        try:
            yield
        finally:
            self.forget(listener, key=key)

    def listen(self, listener: Callable[[T], None], *, key: Hashable = None) -> None:
        """Call ``listener`` for each value until :meth:`forget`; it must not block."""
        self._listeners[key].add(listener)

    def forget(self, listener: Callable[[T], None], *, key: Hashable = None) -> None:
        """Undo :meth:`listen`; harmless when already forgotten."""
        listeners = self._listeners.get(key)
        if listeners is not None:
            listeners.discard(listener)
            if not listeners:
                del self._listeners[key]

    @contextmanager
    def subscribed(self, *, key: Hashable = None, max_size: int = 256) -> Iterator[Subscription[T]]:
        """A queue of the values while the block runs."""
        subscription: Subscription[T] = Subscription(max_size)
        with self.listening(subscription.offer, key=key):
            yield subscription
