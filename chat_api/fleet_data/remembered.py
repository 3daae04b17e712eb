"""What a store said last: pages take it from here, and never wait for a store that does not answer."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.logging import get_logger
from chat_api.core.store_faults import StoreFault, StoreUnreadable

log = get_logger(__name__)
T = TypeVar("T")

FRESH_S = 30.0
# Whoever opens a page waits so long for what nobody has read yet.
PATIENCE_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading(Generic[T]):
    """``value`` is None until the store was read; ``fault`` is that of the last try, None when it went well."""

    value: T | None = None
    read_at: datetime | None = None
    fault: StoreFault | None = None
    detail: str = ""


class Remembered(Generic[T]):
    """The last reading of one thing. Whoever asks while it is being read shares that."""

    def __init__(self, store: str, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._store = store
        self._clock = clock
        self._last: Reading[T] = Reading()
        self._tried_s: float | None = None
        self._task: asyncio.Task[None] | None = None

    async def get(self, read: Callable[[], Awaitable[T]], *, patience_s: float = PATIENCE_S) -> Reading[T]:
        """What is known, read again when it is old; after ``patience_s`` what was known before, or nothing yet."""
        is_old = self._tried_s is None or self._clock.monotonic_s() - self._tried_s >= FRESH_S
        if is_old and self._task is None:
            self._task = asyncio.create_task(self._read(read), name=f"read-{self._store}")
        if self._task is not None:
            await asyncio.wait({self._task}, timeout=patience_s)
        return self._last

    async def close(self) -> None:
        """End what is under way."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task}, timeout=PATIENCE_S)

    async def _read(self, read: Callable[[], Awaitable[T]]) -> None:
        try:
            value = await read()
        except StoreUnreadable as error:
            log.info("fleet_store_unreadable", store=self._store, fault=error.fault, detail=error.detail)
            before = self._last
            self._last = Reading(value=before.value, read_at=before.read_at, fault=error.fault, detail=error.detail)
        except Exception as error:
            log.exception("fleet_store_failed", store=self._store)
            before, fault = self._last, StoreFault.ODD
            self._last = Reading(value=before.value, read_at=before.read_at, fault=fault, detail=type(error).__name__)
        else:
            self._last = Reading(value=value, read_at=self._clock.now())
        finally:
            self._tried_s = self._clock.monotonic_s()
            self._task = None
