"""The watcher on a real engine: what changes is published at once, and an engine that is away is never "running"."""

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable

import pytest

from chat_api.engine.docker import ContainerEngine, DockerEngine
from chat_api.engine.schemas import ContainerState, ContainerView
from chat_api.engine.watcher import DockerWatcher
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually
from tests.support.fault_proxy import FaultProxy, unix_proxy

pytestmark = pytest.mark.docker
# So long that within a test only events can be the reason for a change.
NEVER_S = 600.0


class Board:
    """A watcher, and what it published."""

    def __init__(self, engine: ContainerEngine, *, list_interval_s: float) -> None:
        self.published: list[tuple[ContainerView, ...]] = []
        self.watcher = DockerWatcher(engine, self.publish, list_interval_s=list_interval_s)

    async def publish(self, views: tuple[ContainerView, ...]) -> None:
        """Keep it."""
        self.published.append(views)

    def view(self, name: str) -> ContainerView | None:
        """The last published view of a bot."""
        return next((view for view in (self.published or [()])[-1] if view.bot_name == name), None)

    async def shows(self, name: str, state: ContainerState) -> ContainerView:
        """Wait until the bot is published in that state."""
        await eventually(lambda: (view := self.view(name)) and view.state is state)
        view = self.view(name)
        assert view is not None
        return view


@pytest.fixture
async def proxy(docker_engine: DockerEngineHandle) -> AsyncIterator[FaultProxy]:
    """The way to the engine, which can be cut."""
    async with unix_proxy(docker_engine.host) as proxy:
        yield proxy


@pytest.fixture
async def engine(proxy: FaultProxy) -> AsyncIterator[DockerEngine]:
    """The engine behind the proxy, given up after a second."""
    engine = DockerEngine(proxy.host, call_timeout_s=1)
    yield engine
    await engine.close()


@contextlib.asynccontextmanager
async def watching(engine: ContainerEngine, *, list_interval_s: float = NEVER_S) -> AsyncIterator[Board]:
    """A running watcher."""
    board = Board(engine, list_interval_s=list_interval_s)
    task = asyncio.create_task(board.watcher.run())
    try:
        yield board
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def test_a_death_and_a_return_are_published(
    engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """Events alone carry a kill and a start to the board, with the exit code."""
    started = bot_container("elena")
    async with watching(engine) as board:
        await board.shows("elena", ContainerState.RUNNING)
        started.container.kill()
        assert (await board.shows("elena", ContainerState.EXITED)).exit_code == 137
        started.container.start()
        await board.shows("elena", ContainerState.RUNNING)


async def test_a_new_bot_appears_and_a_removed_one_stays_as_missing(
    engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """A container that comes is shown at once; one that goes is not forgotten."""
    async with watching(engine) as board:
        started = bot_container("marcus")
        await board.shows("marcus", ContainerState.RUNNING)
        started.container.remove(force=True)
        assert (await board.shows("marcus", ContainerState.MISSING)).is_managed


async def test_that_nothing_is_there_is_published_too(engine: DockerEngine) -> None:
    """Once, at the first look: what an earlier process saw there may still be shown."""
    async with watching(engine, list_interval_s=0.05) as board:
        await eventually(lambda: board.published)
        looks = itertools.count()
        await eventually(lambda: board.watcher.has_listed and next(looks) > 5)
        assert board.published == [()]


async def test_nothing_is_published_while_nothing_changes(
    engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """Full lists that see the same are no news."""
    bot_container("elena")
    async with watching(engine, list_interval_s=0.05) as board:
        seen_at = (await board.shows("elena", ContainerState.RUNNING)).last_seen_at
        published = len(board.published)
        await eventually(lambda: board.watcher.views[0].last_seen_at > seen_at)
        assert len(board.published) == published


async def test_a_lost_engine_makes_all_unknown_and_its_return_current(
    proxy: FaultProxy, engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """While the engine is away the last sight is kept with its time; what happened meanwhile is seen afterwards."""
    started = bot_container("elena")
    async with watching(engine, list_interval_s=2) as board:
        seen_at = (await board.shows("elena", ContainerState.RUNNING)).last_seen_at
        await proxy.cut()
        unknown = await board.shows("elena", ContainerState.UNKNOWN)
        assert unknown.last_seen_at >= seen_at
        assert unknown.is_managed
        started.container.kill()
        await proxy.heal()
        await board.shows("elena", ContainerState.EXITED)


async def test_a_hung_engine_makes_all_unknown(
    proxy: FaultProxy, engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """An engine that accepts and does not answer is as good as none."""
    bot_container("elena")
    async with watching(engine, list_interval_s=0.5) as board:
        await board.shows("elena", ContainerState.RUNNING)
        proxy.freeze()
        await board.shows("elena", ContainerState.UNKNOWN)
        await proxy.heal()
        await board.shows("elena", ContainerState.RUNNING)
