"""Run a test on both event loops: asyncio's, which the tests use, and uvloop, which serves."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable

import pytest
import uvloop

_FACTORIES = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


def on_both_loops(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Make of an async test two, each on a loop of its own. Async fixtures, which live on another loop, do not fit."""

    @functools.wraps(test)
    def run(*args: object, loop: str, **fixtures: object) -> None:
        async def tested() -> None:
            await test(*args, **fixtures)

        with asyncio.Runner(loop_factory=_FACTORIES[loop]) as runner:
            runner.run(tested())

    signature = inspect.signature(test)
    asked = [*signature.parameters.values(), inspect.Parameter("loop", inspect.Parameter.KEYWORD_ONLY)]
    run.__signature__ = signature.replace(parameters=asked)  # type: ignore[attr-defined]
    both: Callable[..., None] = pytest.mark.parametrize("loop", _FACTORIES)(run)
    return both
