"""Typed topics inside one process. Publishing never waits, so a listener must not block."""

from collections import defaultdict
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

from chat_api.core.logging import get_logger

T = TypeVar("T")
log = get_logger(__name__)


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
