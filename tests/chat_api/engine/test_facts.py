"""Facts and figures of real containers and services."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from chat_api.core.errors import NotFound
from chat_api.engine.docker import DockerEngine
from chat_api.engine.schemas import ContainerView
from tests.support.docker_engine import BotContainer, BotService, DockerEngineHandle
from tests.support.eventually import eventually

pytestmark = pytest.mark.docker
BUSY = "while True: pass"
NANOSECONDS = 1_000_000_000


@pytest.fixture
async def engine(docker_engine: DockerEngineHandle) -> AsyncIterator[DockerEngine]:
    """The client under test."""
    engine = DockerEngine(docker_engine.host)
    yield engine
    await engine.close()


async def view_of(engine: DockerEngine, name: str = "elena") -> ContainerView:
    """The bot once it runs."""

    async def running() -> ContainerView | None:
        view = await engine.inspect(name)
        return view if view and view.state == "running" else None

    view = await eventually(running)
    assert view is not None
    return view


async def test_facts_of_a_container(engine: DockerEngine, bot_container: Callable[..., BotContainer]) -> None:
    """What an operator wants to know, and no value that may be a secret."""
    options: dict[str, Any] = {
        "command": ["python", "-c", "import time; time.sleep(600)", "--api-key", "hunter2"],
        "environment": {"LLM_CHAT_API_KEY": "hunter2", "DISCORD": "hunter2", "LOG_LEVEL": "DEBUG"},
        "volumes": {"elena-data": {"bind": "/data", "mode": "ro"}},
        "mem_limit": "128m",
        "nano_cpus": NANOSECONDS // 2,
        "restart_policy": {"Name": "on-failure", "MaximumRetryCount": 3},
        "healthcheck": {"test": ["CMD", "python", "-c", "print('token=hunter2 well')"], "interval": NANOSECONDS // 5},
    }
    bot_container("elena", **options)
    view = await view_of(engine)

    async def checked() -> bool:
        return bool((await engine.facts(view)).health_results)

    await eventually(checked)
    facts = await engine.facts(view)
    assert "hunter2" not in repr(facts)
    environment = {one.name: one.value for one in facts.environment}
    assert (environment["LOG_LEVEL"], environment["LLM_CHAT_API_KEY"], environment["DISCORD"]) == ("DEBUG", None, None)
    assert facts.command.startswith("python -c")
    assert [(mount.target, mount.is_writable) for mount in facts.mounts] == [("/data", False)]
    assert (facts.memory_limit_bytes, facts.cpu_limit) == (128 * 1024 * 1024, 0.5)
    assert facts.restart_policy == "on-failure, at most 3 times"
    assert facts.networks == ("host",)
    assert facts.health_results[0].exit_code == 0
    assert "well" in facts.health_results[0].output
    assert facts.created_at is not None


async def test_figures_of_a_busy_container(engine: DockerEngine, bot_container: Callable[..., BotContainer]) -> None:
    """The first look knows the memory, the second the processor too; what does not run has no figures."""
    started = bot_container("elena", command=["python", "-c", BUSY])
    view = await view_of(engine)
    first = await engine.stats(view)
    assert first.memory_bytes > 100_000
    assert first.cpu_percent == 0

    async def busy() -> bool:
        return (await engine.stats(view)).cpu_percent > 5

    await eventually(busy, interval_s=0.5)
    started.container.kill()
    with pytest.raises(NotFound):
        await engine.stats(view)


async def test_a_swarm_service(engine: DockerEngine, bot_service: Callable[[str], BotService]) -> None:
    """Facts from its specification, figures of its tasks on this node."""
    bot_service("elena")
    view = await view_of(engine)
    facts = await engine.facts(view)
    assert "sample_bot" in facts.command
    assert facts.restart_policy == "any"

    async def measured() -> bool:
        return (await engine.stats(view)).memory_bytes > 100_000

    await eventually(measured)
