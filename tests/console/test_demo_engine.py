"""The demo's own engine: what an operator does with containers works on its bots too."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from chat_api.core.errors import NotFound
from chat_api.engine.log_schemas import RawLine
from chat_api.engine.schemas import ContainerState, ContainerView
from console.demo_bot import DemoBot
from console.demo_engine import DemoEngine
from tests.support.eventually import eventually
from tests.support.ports import free_port


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[DemoEngine]:
    """Elena alone, running."""
    async with DemoEngine([DemoBot("elena", free_port(), options=[], log=tmp_path / "elena.log")]) as running:
        yield running


async def view_of(engine: DemoEngine) -> ContainerView:
    """Elena as the engine shows her."""
    view = await engine.inspect("elena")
    assert view is not None
    return view


async def lines_of(engine: DemoEngine, count: int) -> list[RawLine]:
    """Wait for her last ``count`` lines."""
    view = await view_of(engine)

    async def enough() -> list[RawLine]:
        lines, _ = await engine.log_history(view, lambda line: line, since_ns=0, until_ns=2**63, limit=count)
        return lines if len(lines) == count else []

    return await eventually(enough)


async def test_a_bot_that_ends_by_itself_is_an_event(engine: DemoEngine) -> None:
    """Its end is told with the exit code, and shown."""
    (listening,) = await lines_of(engine, 1)
    assert '"listening"' in listening.text
    events = engine.events()
    waiting = asyncio.ensure_future(anext(events))
    await asyncio.sleep(0)
    pid = engine._processes["elena"]._process.pid  # type: ignore[union-attr]
    os.kill(pid, signal.SIGKILL)
    event = await waiting
    assert (event.action, event.exit_code) == ("die", 128 + signal.SIGKILL)
    assert (await view_of(engine)).state is ContainerState.EXITED
    await events.aclose()


async def test_it_is_stopped_started_and_restarted(engine: DemoEngine) -> None:
    """Each by its own; a restart is another process, which the count says."""
    view = await view_of(engine)
    await lines_of(engine, 1)
    await engine.stop(view)
    assert (await view_of(engine)).state is ContainerState.EXITED
    await engine.start(view)
    await lines_of(engine, 3)  # listening, stopped, listening
    await engine.restart(view)
    after = await view_of(engine)
    assert (after.state, after.restart_count) == (ContainerState.RUNNING, 1)
    with pytest.raises(NotFound):
        await engine.stop(replace(view, bot_name="nobody"))


async def test_its_lines_are_followed_without_a_gap(engine: DemoEngine) -> None:
    """From the last line that was seen, each once and in order of time."""
    view = await view_of(engine)
    (first,) = await lines_of(engine, 1)
    follower = engine.follow_logs(view, lambda line: line, since_ns=first.at_ns)
    waiting = asyncio.ensure_future(anext(follower))
    await engine.restart(view)
    seen = list(await waiting)
    while len(seen) < 2:
        seen += await anext(follower)
    await follower.aclose()
    assert [line.text.split('"event": "')[1].split('"')[0] for line in seen] == ["stopped", "listening"]
    assert first.at_ns < seen[0].at_ns < seen[1].at_ns


async def test_what_it_uses_and_is(engine: DemoEngine) -> None:
    """Memory of the real process, and how it was started."""
    view = await view_of(engine)
    await lines_of(engine, 1)
    usage = await engine.stats(view)
    assert usage.memory_bytes > 1_000_000
    facts = await engine.facts(view)
    assert "sample_bot --name elena" in facts.command
    assert facts.ports[0].host == f"127.0.0.1:{view.port}"
