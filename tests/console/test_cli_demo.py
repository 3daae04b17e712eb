"""``./web-ui.sh demo``, as somebody meets it who has just cloned the project."""

import asyncio
import os
import re
import signal
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest

from console.demo import running_demo
from tests.support.commands import RunningCommand, environment, finished, running
from tests.support.eventually import eventually
from tests.support.ports import free_ports

READY = "Press Ctrl+C to stop."
BOTS = ("elena", "marcus", "ryan", "dream", "gabriel")


@pytest.fixture
def demo_env() -> Iterator[dict[str, str]]:
    """A demo of the test's own: state directory and ports."""
    with tempfile.TemporaryDirectory(prefix="we-", ignore_cleanup_errors=True) as folder:
        port, first_bot, *_ = free_ports(1 + len(BOTS))
        yield environment(
            WEB_UI_HOST="127.0.0.1", WEB_UI_PORT=port, SAMPLE_BOT_BASE_PORT=first_bot, WEB_UI_STATE_DIR=folder
        )


async def call(
    demo: RunningCommand, method: str, path: str, *, token: str = "", body: object = None
) -> tuple[int, dict[str, object]]:
    """One API call: its status and its JSON."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(demo.url, headers=headers) as session,
        session.request(method, path, json=body) as answer,
    ):
        return answer.status, await answer.json()


async def said(demo: RunningCommand, token: str) -> list[object]:
    """What was said with elena, oldest first."""
    status, page = await call(demo, "GET", "/api/conversations/elena/messages", token=token)
    assert status == 200
    messages = page["messages"]
    assert isinstance(messages, list)
    return [message["content"] for message in reversed(messages)]


async def test_a_demo_keeps_its_data_through_ctrl_c_and_kill_9(demo_env: dict[str, str]) -> None:
    """Chat, console and five bots; Ctrl-C leaves nothing running; what was said is there after it and after SIGKILL."""
    async with running("demo", demo_env, mark=READY) as demo:
        assert (await call(demo, "GET", "/health"))[0] == 200
        await asyncio.gather(*(bot_answers(demo_env, name) for name in BOTS))
        token = str((await call(demo, "POST", "/api/login", body={"username": "visitor"}))[1]["session_token"])
        greeting = {"content": "Hello there", "bot_name": "elena"}
        status, answer = await call(demo, "POST", "/api/chat", token=token, body=greeting)
        assert status == 200
        conversation = ["Hello there", answer["response"]]
        assert await said(demo, token) == conversation
        banner = demo.output
        assert await demo.end(signal.SIGINT) == 0
    assert "Traceback" not in demo.output

    async with running("demo", demo_env, mark=READY) as again:
        assert again.output == banner, "the administrator's password is made once"
        assert await said(again, token) == conversation
        assert (await finished("demo", env=demo_env | other_ports()))[1].startswith("The state directory")
        await again.end(signal.SIGKILL)

    async with running("demo", demo_env, mark=READY) as recovered:
        assert await said(recovered, token) == conversation
        assert await recovered.end(signal.SIGTERM) == 0


async def test_the_printed_administrator_can_sign_in_and_pages_are_served(demo_env: dict[str, str]) -> None:
    """The banner's URLs answer and its credentials are good; nothing else is needed."""
    async with running("demo", demo_env, mark=READY) as demo:
        password = (Path(demo_env["WEB_UI_STATE_DIR"]) / "demo-admin-password").read_text().strip()
        assert f"user admin, password {password}" in demo.output
        credentials = {"username": "admin", "password": password}
        assert (await call(demo, "POST", "/api/admin/login", body=credentials))[0] == 200
        await asyncio.gather(*(bot_answers(demo_env, name) for name in BOTS))
        code, output = await finished("check", env=demo_env)
        assert (code, re.findall(r"^ok   bot (\w+): ", output, re.MULTILINE)) == (0, sorted(BOTS)), output
        async with aiohttp.ClientSession(demo.url) as session:
            for page in ("/", "/admin"):
                async with session.get(page) as answer:
                    assert answer.status == 200
                    assert answer.content_type == "text/html"
        assert await demo.end(signal.SIGTERM) == 0
    assert running_demo(Path(demo_env["WEB_UI_STATE_DIR"])) is None, "its file stays, and says nothing any more"


@pytest.mark.parametrize("taken", ["WEB_UI_PORT", "SAMPLE_BOT_BASE_PORT"])
async def test_a_busy_port_is_named_before_anything_starts(demo_env: dict[str, str], taken: str) -> None:
    """The message names the port, and the state directory stays empty."""
    with socket.create_server(("127.0.0.1", int(demo_env[taken]))):
        code, output = await finished("demo", env=demo_env)
    assert code == 1
    assert f"Port {demo_env[taken]} on 127.0.0.1 is already in use." in output
    assert "Traceback" not in output
    assert os.listdir(demo_env["WEB_UI_STATE_DIR"]) == []


async def bot_answers(env: dict[str, str], name: str) -> None:
    """Wait until a bot is well and says its name."""
    port = int(env["SAMPLE_BOT_BASE_PORT"]) + BOTS.index(name)

    async def is_well() -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/api/bot-info") as answer:
            text = (await answer.text()).lower()
            return name in text and ('"streaming"' in text) is (name in {"elena", "dream"})

    assert await eventually(is_well)


def other_ports() -> dict[str, str]:
    """Ports for a second demo."""
    port, first_bot, *_ = free_ports(1 + len(BOTS))
    return {"WEB_UI_PORT": str(port), "SAMPLE_BOT_BASE_PORT": str(first_bot)}
