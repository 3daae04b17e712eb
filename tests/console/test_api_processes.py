"""``api``: several real processes on one port, kept running by their parent."""

import asyncio
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from websockets.asyncio.client import ClientConnection, connect

from tests.support.api import bots_config
from tests.support.commands import ROOT, RunningCommand, environment, finished, running
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.ports import free_port
from tests.support.sample_bots import RunningBot

PROCESSES = 3
READY = "setup code"


@pytest.fixture
def env(database_url: str, redis_url: str, elena: RunningBot) -> Iterator[dict[str, str]]:
    """A configured service with one bot."""
    with tempfile.TemporaryDirectory(prefix="we-") as folder:
        yield environment(
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            WEB_UI_STATE_DIR=folder,
            WEB_UI_HOST="127.0.0.1",
            WEB_UI_PORT=free_port(),
            BOTS_ENV_DIR=folder,
            BOTS_CONFIG=bots_config(Path(folder), elena),
            BOT_HEALTH_CHECK_INTERVAL="0.5",
            BOT_CANARY_INTERVAL="0",
            RATE_LIMIT_REQUESTS_PER_MINUTE=100_000,
        )


@asynccontextmanager
async def api(env: dict[str, str], *, processes: int = PROCESSES) -> AsyncIterator[RunningCommand]:
    """``./web-ui.sh api`` that serves."""
    async with running("api", env, mark=READY, arguments=("--processes", str(processes))) as command:
        yield command


async def answered(command: RunningCommand, path: str) -> httpx.Response:
    """One request over a connection of its own."""
    async with httpx.AsyncClient(base_url=command.url, trust_env=False, timeout=DEADLINE_S) as client:
        return await client.get(path)


async def leads_by_pid(command: RunningCommand) -> dict[int, bool]:
    """What each process says of itself: its pid, and whether it leads."""
    found = {}
    for answer in await asyncio.gather(*(answered(command, "/metrics") for _ in range(24))):
        lines = answer.text.splitlines()
        (info,) = (line for line in lines if line.startswith("whisperengine_web_process_info{"))
        found[int(info.split('"')[1])] = "whisperengine_web_leader 1.0" in lines
    return found


def workers(command: RunningCommand) -> set[int]:
    """The processes that the parent keeps."""
    return {
        child.pid
        for child in psutil.Process(command.process.pid).children(recursive=True)
        if "console.api_process" in child.cmdline()
    }


async def test_several_processes_share_a_port_and_end_together(env: dict[str, str]) -> None:
    """Each answers, exactly one leads, all show the bot; SIGTERM ends all of them with exit code 0."""
    async with api(env) as command:
        pids = workers(command)
        assert len(pids) == PROCESSES

        async def one_leads() -> bool:
            leads = await leads_by_pid(command)
            return leads.keys() == pids and sum(leads.values()) == 1

        async def all_see_the_bot() -> bool:
            answers = await asyncio.gather(*(answered(command, "/api/bots") for _ in range(24)))
            return {answer.json()["bots"][0]["status"] for answer in answers} == {"online"}

        await eventually(one_leads)
        await eventually(all_see_the_bot)
        code = command.output.split("setup code ")[1].split()[0]
        async with httpx.AsyncClient(base_url=command.url, trust_env=False) as client:
            body = {"code": code, "username": "alice", "password": "correct horse battery staple"}
            assert (await client.post("/api/admin/setup", json=body)).status_code == 200
        assert await command.end(signal.SIGTERM) == 0


async def test_what_one_stores_reaches_the_sockets_of_all(env: dict[str, str]) -> None:
    """A user with eight tabs, spread over the processes by the kernel: each is told question and answer, once."""
    async with api(env) as command, AsyncExitStack() as stack:
        client = await stack.enter_async_context(
            httpx.AsyncClient(base_url=command.url, trust_env=False, timeout=DEADLINE_S)
        )
        token = (await client.post("/api/login", json={"username": "alice"})).json()["session_token"]
        address = command.url.replace("http", "ws", 1) + f"/ws/{token}"
        tabs = [await stack.enter_async_context(connect(address, proxy=None)) for _ in range(8)]
        for number, tab in enumerate(tabs):
            await tab.send(json.dumps({"type": "hello", "v": 2, "client_id": f"tab{number}"}))
            assert json.loads(await tab.recv())["type"] == "welcome"
        body = {"content": "Hello", "bot_name": "elena", "client_msg_id": "one"}
        answer = await client.post("/api/chat", json=body, headers={"Authorization": f"Bearer {token}"})
        assert answer.status_code == 200, answer.text
        async with asyncio.timeout(DEADLINE_S):
            told = await asyncio.gather(*map(_exchange, tabs))
        assert told == [[(1, "user"), (2, "bot")]] * len(tabs)
        assert await command.end(signal.SIGTERM) == 0


async def _exchange(tab: ClientConnection) -> list[tuple[int, str]]:
    """The durable events of a tab up to the answer: their places, and who spoke."""
    told: list[tuple[int, str]] = []
    while not told or told[-1][1] != "bot":
        frame = json.loads(await tab.recv())
        if frame["type"] == "message":
            told.append((frame["seq"], frame["data"]["role"]))
    return told


async def test_one_that_dies_is_begun_again_and_nobody_is_refused(env: dict[str, str]) -> None:
    """Whoever connects meanwhile is served, by another process or a moment later by the new one."""
    async with api(env) as command:
        before = workers(command)
        await eventually(lambda: leads_by_pid(command))
        victim = next(iter(before))
        psutil.Process(victim).kill()
        await eventually(lambda: victim not in workers(command))
        answers = await asyncio.gather(*(answered(command, "/health/ready") for _ in range(24)))
        assert {answer.status_code for answer in answers} == {200}
        await eventually(lambda: len(workers(command)) == PROCESSES)
        assert len(workers(command) - before) == 1
        assert await command.end(signal.SIGINT) == 0
        assert '"event": "process_died"' in command.output


async def test_they_die_with_their_parent(env: dict[str, str]) -> None:
    """A parent that is killed leaves nothing that holds the port."""
    async with api(env, processes=2) as command:
        assert len(workers(command)) == 2
        await command.end(signal.SIGKILL)
    async with api(env, processes=1) as again:
        assert (await answered(again, "/health")).status_code == 200
        assert await again.end(signal.SIGTERM) == 0


async def test_without_addresses_the_parent_brings_the_servers(env: dict[str, str]) -> None:
    """The embedded PostgreSQL and Valkey are its own, and all processes use them."""
    own = {name: value for name, value in env.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    async with api(own, processes=2) as command:
        assert "embedded, under" in command.output

        async def is_live() -> bool:
            answers = await asyncio.gather(*(answered(command, "/health/ready") for _ in range(12)))
            return {answer.json()["realtime"] for answer in answers} == {"live"}

        await eventually(is_live)
        assert await command.end(signal.SIGTERM) == 0


async def test_what_cannot_start_says_why(env: dict[str, str]) -> None:
    """A port that is taken, also by another ``api``; a number that is none; a database that is not there."""
    async with api(env, processes=1) as command:
        code, output = await finished("api", "--processes", "1", env=env)
        assert (code, f"Port {command.port}" in output) == (1, True), output
    code, output = await finished("api", "--processes", "0", env=env)
    assert code == 2
    code, output = await finished("api", env=env | {"DATABASE_URL": "postgresql://me:hidden@127.0.0.1:1/none"})
    assert code == 1
    assert "Can't use PostgreSQL" in output
    assert "hidden" not in output


def test_no_user_interface_is_loaded() -> None:
    """The process has the API and not a byte of NiceGUI."""
    code = (
        "import sys, console.api_process, chat_api.app, chat_api.core.settings as s;"
        "chat_api.app.create_app(s.Settings());"
        "sys.exit('nicegui' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=environment(), check=False).returncode == 0
