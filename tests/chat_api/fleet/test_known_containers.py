"""A v2 bot whose container is killed: it stays in the fleet, offline, and can be started again."""

import asyncio
from collections.abc import Callable

import pytest

from chat_api.fleet.schemas import BotStatus, BotView
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually
from tests.support.ports import free_port


@pytest.mark.docker
async def test_a_killed_bot_stays_and_comes_back(
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    make_settings: MakeSettings,
) -> None:
    """Only its label and its environment describe it: ``docker kill``, a start, and in the end ``docker rm``."""
    port = free_port()
    started = bot_container(
        "elena",
        labels={"whisperengine.bot": "elena", "com.docker.compose.service": "elena"},
        environment={"API_PORT": str(port), "DISCORD_TOKEN": "x", "LLM_MODEL_NAME": "llama3"},
        command=["python", "-m", "sample_bot", "--name", "elena", "--contract", "v2", "--port", str(port)],
    )
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:
        await eventually(lambda: _bot(api).status is BotStatus.ONLINE)
        await asyncio.to_thread(started.container.kill)
        await eventually(lambda: _bot(api).status is BotStatus.OFFLINE)
        assert api.services.registry.get("elena").url == f"http://localhost:{port}"
        async with api.client(await api.admin_login()) as console:
            answer = await console.post("/api/admin/bots/elena/start")
            assert answer.status_code == 200, answer.text
        await eventually(lambda: _bot(api).status is BotStatus.ONLINE)
        await asyncio.to_thread(started.container.remove, force=True)
        await eventually(lambda: _bot(api).status is BotStatus.OFFLINE)
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:
        await eventually(lambda: _bot(api).status is BotStatus.OFFLINE)
        assert _bot(api).declared_by is None
        await eventually(lambda: _bot(api).last_seen_at)


@pytest.mark.docker
async def test_a_fleet_s_own_containers_are_known_without_a_label(
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    make_settings: MakeSettings,
) -> None:
    """Both generations by name and environment: state and port are there; read and touched is only what is adopted."""
    port, worker = free_port(), "whisperengine-v2-worker-cognition-1"
    bot_container(
        "elena",
        name="whisperengine-v2-elena",
        labels={"com.docker.compose.project": "v2", "com.docker.compose.service": "elena"},
        environment={"DISCORD_BOT_NAME": "elena", "DISCORD_TOKEN": "x", "API_PORT": str(port)},
        command=["python", "-m", "sample_bot", "--name", "elena", "--contract", "v2", "--port", str(port)],
    )
    v1_port = free_port()
    bot_container(
        "gabriel",
        name="gabriel-bot",
        labels={"com.docker.compose.service": "gabriel-bot"},
        environment={"DISCORD_BOT_NAME": "Gabriel", "DISCORD_BOT_TOKEN": "x", "HEALTH_CHECK_PORT": str(v1_port)},
        command=["python", "-m", "sample_bot", "--name", "gabriel", "--port", str(v1_port)],
    )
    bot_container("worker", name=worker, labels={}, environment={"DISCORD_BOT_NAME": "worker-cognition"})
    async with running_api(make_settings(docker_host=docker_engine.host)) as api:

        def seen() -> dict[str, BotStatus]:
            return {bot.name: bot.status for bot in api.services.fleet.current().bots}

        await eventually(lambda: seen() == {"elena": BotStatus.ONLINE, "gabriel": BotStatus.ONLINE})
        assert _bot(api).contract == "v2"
        async with api.client(await api.admin_login()) as console:
            refused = await console.post("/api/admin/bots/elena/restart")
            assert refused.status_code in {404, 409}, refused.text
            unread = await console.get("/api/admin/logs", params={"bots": "elena"})
            assert "not adopted" in unread.text
            adopted = await console.post("/api/admin/adoption", json={"names": ["whisperengine-v2-elena"]})
            assert adopted.status_code == 200, adopted.text
            log = await console.get("/api/admin/logs", params={"bots": "elena"})
            assert "listening" in log.text


def _bot(api: RunningApi) -> BotView:
    return next(bot for bot in api.services.fleet.current().bots if bot.name == "elena")
