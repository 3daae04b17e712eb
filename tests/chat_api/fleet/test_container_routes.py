"""Logs, facts and figures of a real container over the API."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from models import Role
from tests.chat_api.logs.test_service import counting
from tests.support.api import MakeSettings, running_api
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.shared_api import assert_error


@pytest.mark.docker
async def test_logs_facts_and_figures(
    make_settings: MakeSettings,
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    tmp_path: Path,
) -> None:
    """History in three forms, the stream with its counter until the session ends, what runs a bot and what it uses."""
    bot_container("elena", **counting(30), environment={"DISCORD_BOT_TOKEN": "hunter2"})
    (tmp_path / "fleet.yaml").write_text("[{name: elena, port: 1}]")
    settings = make_settings(docker_host=docker_engine.host, bots_config=tmp_path / "fleet.yaml")
    async with running_api(settings) as api, api.client(await api.admin_login(Role.VIEWER)) as client:

        async def whole() -> bool:
            lines = (await client.get("/api/admin/logs", params={"bots": "elena"})).json()["lines"]
            return [line["text"] for line in lines] == [f"line {number}" for number in range(30)]

        await eventually(whole)
        chosen = {"bots": "elena", "q": "[05]$"}
        csv = await client.get("/api/admin/logs", params=chosen | {"format": "csv"})
        assert csv.text.count("\r\n") == 7
        text = await client.get("/api/admin/logs", params=chosen | {"format": "text", "limit": "1"})
        assert text.text.endswith(" elena line 25\n")
        for bad in ({"q": "("}, {"level": "loud"}, {"bots": ","}, {"limit": "0"}, {"since": "yesterday"}):
            assert_error(await client.get("/api/admin/logs", params=chosen | bad), 422, "invalid_input")

        async with client.stream("GET", "/api/admin/logs/stream", params=chosen) as answer:
            assert answer.headers["content-type"].startswith("text/event-stream")
            seen: list[str] = []
            counts: dict[str, int] = {}
            event = ""
            async with asyncio.timeout(DEADLINE_S):
                async for line in answer.aiter_lines():
                    event = line.removeprefix("event: ") if line.startswith("event") else event
                    data = json.loads(line.removeprefix("data: ")) if line.startswith("data") else None
                    if data is not None and event == "lines":
                        seen += [entry["text"] for entry in data]
                    if data is not None and event == "counts":
                        counts = data
                        await client.post("/api/logout")  # and the stream ends
        assert seen == ["line 0", "line 5", "line 10", "line 15", "line 20", "line 25"]
        assert counts == {"emitted": 6, "shown": 6, "dropped": 0, "waiting": 0}

    async with running_api(settings) as api, api.client(await api.admin_login(Role.VIEWER)) as client:
        facts = (await client.get("/api/admin/bots/elena/container")).json()
        assert {"name": "DISCORD_BOT_TOKEN", "value": None} in facts["environment"]
        usage = (await client.get("/api/admin/bots/elena/usage")).json()
        assert usage["memory_bytes"] > 0
        assert_error(await client.get("/api/admin/bots/nobody/container"), 404)
        key = (await client.post("/api/keys", json={"name": "Follower", "scopes": ["status"]})).json()
        async with (
            asyncio.timeout(DEADLINE_S),
            api.client(key["secret"]) as program,
            program.stream("GET", "/api/admin/logs/stream", params=chosen) as answer,
        ):
            async for line in answer.aiter_lines():
                if line == "event: counts":
                    await client.delete(f"/api/keys/{key['key']['id']}")  # and the stream ends
