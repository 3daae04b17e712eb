"""PostgreSQL is killed under a running service: refused meanwhile, and nothing acknowledged is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest

from models import MessageStatus
from tests.support.api import MakeSettings, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, sample_bot


@pytest.fixture
async def slow_elena() -> AsyncIterator[RunningBot]:
    """A bot that takes a moment, so that something is always in flight."""
    async with sample_bot("elena", delay_ms=50) as bot:
        yield bot


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
            await eventually(lambda: len(answered) > before + 3)
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
