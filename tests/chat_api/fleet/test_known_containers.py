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


def _bot(api: RunningApi) -> BotView:
    return next(bot for bot in api.services.fleet.current().bots if bot.name == "elena")
