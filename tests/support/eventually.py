"""Wait for a condition instead of sleeping: the only way a test here waits."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")
# After that a test gives up. A machine that is ten times slower than usual has to get there: it is no bound.
DEADLINE_S = 120.0


@overload
async def eventually(
    check: Callable[[], Awaitable[T | None]],
    *,
    deadline_s: float = DEADLINE_S,
    interval_s: float = 0.05,
    progress: Callable[[], object] | None = None,
) -> T: ...
@overload
async def eventually(
    check: Callable[[], T | None],
    *,
    deadline_s: float = DEADLINE_S,
    interval_s: float = 0.05,
    progress: Callable[[], object] | None = None,
) -> T: ...
async def eventually(
    check: Callable[[], Any],
    *,
    deadline_s: float = DEADLINE_S,
    interval_s: float = 0.05,
    progress: Callable[[], object] | None = None,
) -> Any:
    """Poll ``check`` (plain or async) until it returns something truthy, and return that.

    An exception counts as "not yet". A hanging async check is cut off at the deadline. ``progress`` is for much work:
    the deadline begins anew whenever what it returns changes.
    Raises: AssertionError after ``deadline_s`` with the last value or exception.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + deadline_s
    last: object = "never ran"
    error: Exception | None = None
    reached = progress() if progress else None
    while True:
        if progress and (now := progress()) != reached:
            reached, deadline = now, loop.time() + deadline_s
        try:
            async with asyncio.timeout_at(deadline):
                outcome = check()
                value = await outcome if inspect.isawaitable(outcome) else outcome
            if value:
                return value
            last, error = value, None
        except Exception as exc:
            last, error = exc, exc
        if loop.time() >= deadline:
            raise AssertionError(f"not true within {deadline_s:g} s; last: {last!r}") from error
        await asyncio.sleep(interval_s)
