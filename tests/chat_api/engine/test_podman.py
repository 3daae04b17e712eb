"""Our client of an engine on a real Podman, by the service that speaks Docker's API."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from chat_api.engine.docker import DockerEngine
from chat_api.engine.log_schemas import RawLine
from chat_api.engine.schemas import ContainerState, ContainerView
from tests.support.contained import DockerEngineHandle
from tests.support.eventually import eventually
from tests.support.podman_engine import IMAGE, running_podman
from tests.support.ports import free_port

pytestmark = pytest.mark.docker
SCRIPT = 'trap "exit 0" TERM; echo "elena is awake"; sleep 86400 & wait'


@pytest.fixture(scope="module")
def podman() -> Iterator[DockerEngineHandle]:
    """Podman with a bot of the second generation."""
    with running_podman() as podman:
        podman.client.containers.run(
            IMAGE,
            ["sh", "-c", SCRIPT],
            detach=True,
            name="whisperengine-v2-elena",
            labels={"whisperengine.bot": "elena"},
            environment={"DISCORD_BOT_NAME": "elena", "API_PORT": str(free_port())},
            network_mode="host",
            cgroup_parent=f"/{Path(podman.host.removeprefix('unix://')).parent.name}",
        )
        yield podman


@pytest.fixture
async def engine(podman: DockerEngineHandle) -> AsyncIterator[DockerEngine]:
    """The client under test."""
    engine = DockerEngine(podman.host)
    yield engine
    await engine.close()


async def view_of(engine: DockerEngine) -> ContainerView:
    """The bot's container."""
    (view,) = await engine.list_bots()
    return view


def text_of(line: RawLine) -> str:
    """What a line says."""
    return line.text


async def test_a_bot_is_listed_and_read(engine: DockerEngine) -> None:
    """Its state, port, facts and figures, as of a container of Docker."""
    view = await view_of(engine)
    assert (view.bot_name, view.state, view.is_managed, view.is_bot) == ("elena", ContainerState.RUNNING, True, True)
    facts = await engine.facts(view)
    assert (view.port, facts.command) == (view.inner_port, f"sh -c '{SCRIPT}'")
    assert view.port
    assert (await engine.stats(view)).memory_bytes > 0


async def test_a_restart_is_an_event_and_a_line(engine: DockerEngine) -> None:
    """Podman filters by nanoseconds and tells whole seconds: what was written in the first second is not lost."""
    view = await view_of(engine)
    actions: list[tuple[str, int | None]] = []

    async def follow() -> None:
        async for event in engine.events():
            actions.append((event.action, event.exit_code))

    following = asyncio.create_task(follow())
    since_ns = time.time_ns()
    await engine.restart(view, timeout_s=5)
    again = await view_of(engine)
    assert again.started_at
    assert view.started_at
    assert again.started_at > view.started_at
    await eventually(lambda: {("die", 0), ("start", None)} <= set(actions))
    following.cancel()

    async def lines() -> list[str]:
        found, _ = await engine.log_history(view, text_of, since_ns=since_ns, until_ns=time.time_ns(), limit=100)
        return found

    assert await eventually(lines) == ["elena is awake"]
    followed = engine.follow_logs(view, text_of, since_ns=None, tail=1)
    assert await anext(followed) == ("elena is awake",)
    await followed.aclose()


async def test_a_death_and_a_stop_are_told_apart(podman: DockerEngineHandle, engine: DockerEngine) -> None:
    """By the code of the end; and what is down can be started."""
    view = await view_of(engine)
    await engine.stop(view, timeout_s=5)
    stopped = await view_of(engine)
    assert (stopped.state, stopped.exit_code, stopped.is_stopped) == (ContainerState.EXITED, 0, True)
    await engine.start(view)
    await asyncio.to_thread(podman.client.containers.get(view.name).kill)

    async def dead() -> bool:
        now = await view_of(engine)
        return (now.state, now.exit_code, now.is_stopped) == (ContainerState.EXITED, 137, False)

    await eventually(dead)
    await engine.start(view)
    assert (await view_of(engine)).state is ContainerState.RUNNING


async def test_a_rootless_podman_is_one_like_any_other() -> None:
    """Run by an account without rights, on a socket of its own: seen, read and restarted."""
    with running_podman(is_rootless=True) as podman:
        labels = {"whisperengine.bot": "elena"}
        podman.client.containers.run(
            IMAGE, ["sh", "-c", SCRIPT], detach=True, name="elena-bot", labels=labels, network_mode="host"
        )
        engine = DockerEngine(podman.host)
        before = await view_of(engine)
        assert before.state is ContainerState.RUNNING
        assert await eventually(lambda: engine.logs_tail(before)) == ("elena is awake",)
        await engine.restart(before, timeout_s=5)
        after = await view_of(engine)
        assert after.started_at
        assert before.started_at
        assert after.started_at > before.started_at
        await engine.close()
