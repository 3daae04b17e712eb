"""The console is killed, PostgreSQL is killed: every acknowledged message is there once, and none stays pending."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import asyncpg
import httpx
import psutil
import pytest

from models import MessageStatus
from tests.support.api import MakeSettings, bots_config, running_api
from tests.support.docker_engine import free_port
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, sample_bot

CLIENTS = 8


class Console:
    """``serve`` as a process of its own, to be killed."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._environment = environment
        self._log = log
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    async def start(self) -> None:
        """Start, and wait until it is ready."""
        environment = os.environ | self._environment | {"WEB_UI_PORT": str(self.port), "WEB_UI_HOST": "127.0.0.1"}
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "console.cli", "serve"]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)  # noqa: ASYNC220

        async def is_ready() -> bool:
            async with httpx.AsyncClient(trust_env=False) as client:
                return (await client.get(f"{self.url}/health/ready")).status_code == 200

        await eventually(is_ready, deadline_s=60)

    def kill(self) -> None:
        """SIGKILL: at whatever instruction it is."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()


@pytest.fixture
async def slow_elena() -> AsyncIterator[RunningBot]:
    """A bot that takes a moment, so that something is always in flight."""
    async with sample_bot("elena", delay_ms=50) as bot:
        yield bot


async def test_a_killed_console_loses_and_doubles_nothing(
    request: pytest.FixtureRequest, slow_elena: RunningBot, database_url: str, redis_url: str, tmp_path: Path
) -> None:
    """Clients write without pause while the process is killed three times; then stored = acknowledged, once each."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    console = Console(
        {
            "DATABASE_URL": database_url,
            "REDIS_URL": redis_url,
            "WEB_UI_STATE_DIR": str(tmp_path / "state"),
            "BOTS_CONFIG": str(bots_config(tmp_path, slow_elena)),
            "RATE_LIMIT_REQUESTS_PER_MINUTE": "100000",
        },
        tmp_path / "console.log",
    )
    answered: set[str] = set()
    tried: set[str] = set()
    request.addfinalizer(console.kill)
    await console.start()
    async with asyncio.timeout(240), httpx.AsyncClient(base_url=console.url, trust_env=False, timeout=30) as client:
        tokens = [await _token(console.url, f"client{number}") for number in range(CLIENTS)]
        stop = asyncio.Event()
        writers = [
            asyncio.create_task(_write(client, token, number, stop, tried, answered))
            for number, token in enumerate(tokens)
        ]
        for _ in range(3):
            await asyncio.sleep(chance.uniform(0.3, 1.0))
            console.kill()
            await console.start()
        await asyncio.sleep(0.5)
        stop.set()
        await asyncio.gather(*writers)
    connection = await asyncpg.connect(database_url)
    try:
        await eventually(
            lambda: connection.fetchval("SELECT count(*) = 0 FROM web_conversations WHERE status = 'pending'"),
            deadline_s=90,
        )
        rows = await connection.fetch("SELECT client_msg_id, status FROM web_conversations")
        gaps = await connection.fetchval(
            "SELECT count(*) FROM (SELECT user_id, seq - row_number() OVER (PARTITION BY user_id ORDER BY seq) AS d"
            " FROM web_events) e WHERE d <> 0"
        )
    finally:
        await connection.close()
    stored = [row["client_msg_id"] for row in rows]
    by_status = {status: sum(row["status"] == status for row in rows) for status in {row["status"] for row in rows}}
    print(f"seed={seed} tried={len(tried)} acknowledged={len(answered)} stored={len(stored)} {by_status}")  # noqa: T201
    assert len(stored) == len(set(stored))
    assert answered <= {row["client_msg_id"] for row in rows if row["status"] == "answered"}
    assert set(stored) <= tried
    assert gaps == 0
    assert len(answered) > CLIENTS


async def test_a_killed_postgres_costs_503s_and_nothing_else(
    make_settings: MakeSettings, slow_elena: RunningBot, tmp_path: Path
) -> None:
    """The embedded server dies under the running service: refused meanwhile, served again when it is back."""
    settings = make_settings(bots=(slow_elena,), database_url=None, web_ui_state_dir=tmp_path / "own")
    async with running_api(settings) as api:
        token = await api.login()
        answered: set[str] = set()
        tried: set[str] = set()
        stop = asyncio.Event()
        async with api.client() as client:
            writer = asyncio.create_task(_write(client, token, 0, stop, tried, answered))
            await eventually(lambda: len(answered) > 3)
            with _postgres_of(tmp_path / "own") as postmaster:
                postmaster.kill()
            before = len(answered)
            await eventually(lambda: len(answered) > before + 3, deadline_s=60)
            stop.set()
            await writer
        alice = await api.services.auth.authenticate(token)
        page = await api.services.messages.history(alice, "elena", limit=200)
    stored = [line.client_msg_id for line in page.messages if line.client_msg_id]
    assert answered <= set(stored)
    assert len(stored) == len(set(stored))


async def test_an_answer_waits_for_postgres(
    make_settings: MakeSettings, slow_elena: RunningBot, tmp_path: Path
) -> None:
    """The bot answers while the database is down: it cannot be asked again, so the answer is kept till stored."""
    await slow_elena.set_faults(delay_ms=400)
    settings = make_settings(bots=(slow_elena,), database_url=None, web_ui_state_dir=tmp_path / "own")
    async with running_api(settings) as api:
        alice = await api.principal("alice")
        submission = await api.services.messages.submit(alice, bot_name="elena", content="Keep your answer")
        with _postgres_of(tmp_path / "own") as postmaster:
            postmaster.kill()
        exchange = await api.services.messages.result(submission.exchange)
        assert exchange.status is MessageStatus.ANSWERED
        assert len(await slow_elena.calls()) == 1


@contextmanager
def _postgres_of(state_dir: Path) -> Iterator[psutil.Process]:
    """The postmaster of a state directory."""
    (pid_file,) = state_dir.rglob("postmaster.pid")
    yield psutil.Process(int(pid_file.read_text().split()[0]))


async def _token(url: str, name: str) -> str:
    # A client of its own: a browser that signs in again ends the session its cookie held.
    async with httpx.AsyncClient(base_url=url, trust_env=False) as client:
        return str((await client.post("/api/login", json={"username": name})).json()["session_token"])


async def _write(
    client: httpx.AsyncClient, token: str, number: int, stop: asyncio.Event, tried: set[str], answered: set[str]
) -> None:
    """Send one message after the other; what was not acknowledged is asked for again under the same id."""
    count = 0
    while not stop.is_set():
        count += 1
        key = f"{number}-{count}"
        tried.add(key)
        body = {"content": f"message {key}", "bot_name": "elena", "client_msg_id": key}
        for _ in range(400):
            try:
                answer = await client.post("/api/chat", json=body, headers={"Authorization": f"Bearer {token}"})
            except httpx.HTTPError:
                await asyncio.sleep(0.05)
                continue
            if answer.status_code == 200:
                answered.add(key)
            if answer.status_code in {200, 409, 502}:  # Answered, still running elsewhere, or interrupted for good.
                break
            assert answer.status_code in {503, 504}, answer.text
            await asyncio.sleep(0.05)
