"""The container engine as a contract, on a real Docker Engine, over plain containers and Swarm services alike."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from chat_api.core.errors import Conflict, EngineFailed, EngineUnavailable, NotFound
from chat_api.engine.docker import ContainerEngine, DockerEngine, NoEngine
from chat_api.engine.schemas import ContainerEvent, ContainerKind, ContainerState, ContainerView
from tests.support import fake_engine
from tests.support.docker_engine import BotContainer, BotService, DockerEngineHandle
from tests.support.eventually import DEADLINE_S, eventually

pytestmark = pytest.mark.docker


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningBot:
    """A bot as either kind."""

    name: str
    port: int
    url: str
    kind: ContainerKind
    kill: Callable[[], None]


@pytest.fixture
async def engine(docker_engine: DockerEngineHandle) -> AsyncIterator[DockerEngine]:
    """The client under test."""
    engine = DockerEngine(docker_engine.host)
    yield engine
    await engine.close()


@pytest.fixture(params=[ContainerKind.CONTAINER, ContainerKind.SERVICE])
async def bot(
    request: pytest.FixtureRequest,
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    bot_service: Callable[[str], BotService],
) -> RunningBot:
    """A healthy labelled bot, once as a container and once as a Swarm service."""
    kind: ContainerKind = request.param
    started = bot_container("elena") if kind is ContainerKind.CONTAINER else bot_service("elena")

    def kill() -> None:
        if isinstance(started, BotContainer):
            started.container.kill()
            return
        label = f"com.docker.swarm.service.id={started.service.id}"
        for container in docker_engine.client.containers.list(filters={"label": label}):
            container.kill()

    await eventually(lambda: is_healthy(started.url))
    return RunningBot(name="elena", port=started.port, url=started.url, kind=kind, kill=kill)


async def is_healthy(url: str) -> bool:
    """Whether the bot answers."""
    async with httpx.AsyncClient() as client:
        return (await client.get(f"{url}/health")).is_success


async def running(engine: ContainerEngine, name: str = "elena") -> ContainerView:
    """The view of the bot once it is seen running."""

    async def look() -> ContainerView | None:
        view = await engine.inspect(name)
        return view if view and view.state is ContainerState.RUNNING else None

    view = await eventually(look)
    assert view is not None
    return view


async def test_ping_measures_the_round_trip(engine: DockerEngine) -> None:
    """The engine answers, in some positive time."""
    assert await engine.ping() > 0


async def test_bots_are_listed_once_each(engine: DockerEngine, bot: RunningBot) -> None:
    """A bot is one view with what an operator wants to know, and the tasks of a service are not listed beside it."""
    view = await running(engine)
    assert [listed.bot_name for listed in await engine.list_bots()] == ["elena"]
    assert (view.kind, view.port, view.is_managed) == (bot.kind, bot.port, True)
    assert view.image.startswith("whisperengine-test-bot")
    assert view.started_at is not None
    assert view.started_at <= datetime.now(UTC)
    assert (view.exit_code, view.oom_killed) == (None, False)


async def test_a_killed_bot_is_an_event_with_its_exit_code(engine: DockerEngine, bot: RunningBot) -> None:
    """The stream tells of the death, and who died."""
    await running(engine)
    async with following(engine) as seen:
        bot.kill()
        death = await eventually(lambda: next((event for event in seen if event.action == "die"), None))
    assert death is not None
    assert (death.bot_name, death.exit_code) == ("elena", 137)


async def test_a_killed_container_is_listed_with_its_end(
    engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """A dead container keeps its row, with the exit code."""
    bot_container("marcus").container.kill()

    async def ended() -> ContainerView | None:
        view = await engine.inspect("marcus")
        return view if view and view.state is ContainerState.EXITED else None

    view = await eventually(ended)
    assert view is not None
    assert view.exit_code == 137


async def test_restart_runs_a_new_process(engine: DockerEngine, bot: RunningBot) -> None:
    """After a restart the bot answers again, from a process that started later."""
    before = await running(engine)
    await engine.restart(before, timeout_s=5)
    after = await running(engine)
    assert before.started_at is not None
    assert after.started_at is not None
    assert after.started_at > before.started_at
    await eventually(lambda: is_healthy(bot.url))


async def test_stop_and_start(engine: DockerEngine, bot: RunningBot) -> None:
    """A stopped bot stays down until it is started."""
    view = await running(engine)
    await engine.stop(view, timeout_s=5)
    stopped = await engine.inspect("elena")
    assert stopped is not None
    assert stopped.state is ContainerState.EXITED
    await engine.start(stopped)
    await running(engine)
    await eventually(lambda: is_healthy(bot.url))


async def test_logs_end_with_the_newest_lines(engine: DockerEngine, bot: RunningBot) -> None:
    """The tail of the output is lines of text, no more than asked for."""
    view = await running(engine)
    lines = await eventually(lambda: engine.logs_tail(view, 50))
    assert any(str(bot.port) in line for line in lines)
    assert len(await engine.logs_tail(view, 1)) == 1


async def test_an_unlabelled_container_is_only_watched(
    engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """A container that is merely named like a bot is shown, and refuses every action."""
    started = bot_container("gabriel", labels={}, name="gabriel-bot")
    view = await running(engine, "gabriel")
    assert not view.is_managed
    actions: list[Callable[[ContainerView], Any]] = [engine.restart, engine.stop, engine.start]
    for act in actions:
        with pytest.raises(Conflict):
            await act(view)
    started.container.reload()
    assert started.container.attrs["State"]["Running"]
    assert started.container.attrs["RestartCount"] == 0


async def test_a_forged_view_does_not_get_past_the_label(
    engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """What counts is the container's label now, not what the caller holds."""
    started = bot_container("dream", labels={"whisperengine.bot": "ryan"})
    view = await running(engine, "ryan")
    forged = ContainerView(
        bot_name="dream",
        kind=view.kind,
        id=view.id,
        name=view.name,
        state=view.state,
        is_managed=True,
        last_seen_at=view.last_seen_at,
    )
    with pytest.raises(Conflict):
        await engine.restart(forged)
    started.container.remove(force=True)
    with pytest.raises(NotFound):
        await engine.restart(view)
    assert await engine.inspect("ryan") is None


async def test_other_containers_are_not_bots(engine: DockerEngine, bot_container: Callable[..., BotContainer]) -> None:
    """A plain container is not listed; one with an impossible name in its label is, so that it can be said."""
    bot_container("one", labels={}, name="postgres")
    bot_container("two", labels={"whisperengine.bot": "../../etc"}, name="elena-bot")
    assert [view.bot_name for view in await engine.list_bots()] == ["../../etc"]


async def test_missed_events_are_sent_after_reconnecting(
    engine: DockerEngine, bot_container: Callable[..., BotContainer]
) -> None:
    """``since`` brings what happened while nobody listened."""
    bot_container("elena")
    before = (await running(engine)).last_seen_at
    async with following(engine, since=before.replace(year=before.year - 1)) as seen:
        await eventually(lambda: [event for event in seen if (event.bot_name, event.action) == ("elena", "start")])


MISBEHAVIOURS = [fake_engine.hang, fake_engine.babble, fake_engine.wrong_types, fake_engine.endless]


@pytest.mark.parametrize("behave", [*MISBEHAVIOURS, fake_engine.dripping])
async def test_an_engine_gone_wrong_is_a_typed_error(behave: fake_engine.Misbehaviour) -> None:
    """Hanging, flooding and nonsense end in our errors, in bounded time and memory."""
    async with fake_engine.misbehaving_engine(behave) as host:
        engine = DockerEngine(host, call_timeout_s=1)
        with pytest.raises((EngineUnavailable, EngineFailed)):
            await engine.list_bots()
        await engine.close()


async def test_a_hung_engine_holds_neither_the_loop_nor_more_than_a_few_threads() -> None:
    """Many calls on a hung engine all fail, while the loop goes on and threads stay few."""
    async with fake_engine.misbehaving_engine(fake_engine.hang) as host:
        engine = DockerEngine(host, call_timeout_s=1)
        calls = [asyncio.create_task(engine.ping()) for _ in range(50)]
        turns = 0
        while not all(call.done() for call in calls):
            await asyncio.sleep(0.01)
            turns += 1
            assert sum(thread.name == "docker" for thread in threading.enumerate()) <= 4
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, EngineUnavailable) for outcome in outcomes)
        assert turns > 10
        await eventually(lambda: not [thread for thread in threading.enumerate() if thread.name == "docker"])
        await engine.close()


@pytest.mark.parametrize("behave", MISBEHAVIOURS[1:])
async def test_a_nonsense_event_stream_ends(behave: fake_engine.Misbehaviour) -> None:
    """A stream that is no stream of events ends, with or without an error, and is not followed for ever."""
    async with fake_engine.misbehaving_engine(behave) as host:
        engine = DockerEngine(host, call_timeout_s=1)
        with contextlib.suppress(EngineUnavailable, EngineFailed):
            async with asyncio.timeout(DEADLINE_S):
                assert [event async for event in engine.events()] == []
        await engine.close()


async def test_an_absent_engine_is_unavailable() -> None:
    """No socket, no engine: the error says so, and events cannot be had either."""
    engine = DockerEngine("unix:///nonexistent/docker.sock")
    with pytest.raises(EngineUnavailable):
        await engine.ping()
    with pytest.raises(EngineUnavailable):
        await anext(aiter(engine.events()))


async def test_no_engine_says_what_to_configure() -> None:
    """Without DOCKER_HOST every call says that, and what it is called."""
    engine: ContainerEngine = NoEngine()
    view = ContainerView(
        bot_name="elena",
        kind=ContainerKind.CONTAINER,
        id="1",
        name="elena-bot",
        state=ContainerState.UNKNOWN,
        is_managed=True,
        last_seen_at=datetime.now(UTC),
    )
    calls: list[Callable[[], Any]] = [
        *(engine.ping, engine.list_bots, lambda: engine.inspect("elena"), lambda: engine.restart(view)),
        *(lambda: engine.start(view), lambda: engine.stop(view), lambda: engine.logs_tail(view)),
    ]
    for call in calls:
        with pytest.raises(EngineUnavailable, match="DOCKER_HOST"):
            await call()
    with pytest.raises(EngineUnavailable, match="DOCKER_HOST"):
        engine.events()
    await engine.close()


@contextlib.asynccontextmanager
async def following(engine: ContainerEngine, *, since: datetime | None = None) -> AsyncIterator[list[ContainerEvent]]:
    """Collect events meanwhile, from the moment that the stream is open."""
    seen: list[ContainerEvent] = []
    start = since or datetime.now(UTC)  # so that nothing is missed while the stream is being opened

    async def follow() -> None:
        async for event in engine.events(start):
            seen.append(event)

    task = asyncio.create_task(follow())
    try:
        yield seen
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
