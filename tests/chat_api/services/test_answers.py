"""Answers at the edges: runs that come too late, wishes nobody heard, processes that were away or are about to end."""

import asyncio
import itertools
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chat_api.core.errors import BotFailed, Interrupted, Stopped
from chat_api.repositories import journal, runs
from chat_api.services.runs import failure
from models import MessageStatus
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


async def test_an_exchange_is_finished_once_and_by_the_run_it_waits_for(api: RunningApi, elena: RunningBot) -> None:
    """A late outcome of a run before the retry changes nothing, nor does a second one of the same run."""
    alice = await api.principal()
    messages = api.services.messages
    await elena.set_faults(mode="exception")
    submission = await messages.submit(alice, bot_name="elena", content="Hello")
    with pytest.raises(BotFailed):
        await messages.result(submission.exchange)
    await elena.set_faults(mode="hang")
    again = await messages.retry(alice, submission.exchange.message_id)
    earlier, present = (failure(run, Interrupted()) for run in (submission.exchange, again))
    assert await journal.finish(messages._database, [earlier]) == [None]
    before = (await messages.position(alice)).seq
    assert [place is None for place in await journal.finish(messages._database, [present])] == [False]
    assert await journal.finish(messages._database, [present]) == [None]
    assert (await messages.position(alice)).seq == before + 1
    await elena.restart()
    await eventually(lambda: api.services.answers.running_count == 0)


async def test_a_wish_to_stop_needs_no_signal(
    api: RunningApi, make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is stored: the process that runs the answer finds it with its next heartbeat."""
    alice = await api.principal()
    await elena.set_faults(mode="hang")
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Hello?")
    async with running_api(make_settings(bots=(elena,))) as other:
        monkeypatch.setattr(other.services.answers, "_signals", _Mute())
        await other.services.messages.stop(alice, submission.exchange.message_id)
    await api.services.answers.beat()
    async with asyncio.timeout(20):
        with pytest.raises(Stopped):
            await api.services.messages.result(submission.exchange)


async def test_a_signal_to_stop_is_heard_before_the_heartbeat(
    api: RunningApi, make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses Stop at one process does not wait for the next look of the other one: here there is none."""

    async def nothing(*_: object) -> set[UUID]:
        return set()

    monkeypatch.setattr(runs, "beat", nothing)
    alice = await api.principal()
    await elena.set_faults(mode="hang")
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Hello?")
    async with running_api(make_settings(bots=(elena,))) as other:
        await eventually(lambda: api.services.signals.is_live and other.services.signals.is_live)
        await other.services.messages.stop(alice, submission.exchange.message_id)
        async with asyncio.timeout(20):
            with pytest.raises(Stopped):
                await api.services.messages.result(submission.exchange)


async def test_who_was_away_gives_the_others_time(
    make_settings: MakeSettings, elena: RunningBot, database_url: str
) -> None:
    """The first heartbeat after an absence marks nothing: the others could not say that they live either."""
    async with running_api(make_settings(bots=(elena,))) as api:
        alice = await api.principal()
        exchange = await api.services.messages.send(alice, bot_name="elena", content="Hello")
    sql = await asyncpg.connect(database_url)
    await sql.execute("UPDATE web_conversations SET status = 'pending', instance_id = $1", uuid4())
    await sql.close()
    async with running_api(make_settings(bots=(elena,))) as api:  # its start is a first heartbeat
        database = api.services.messages._database
        statement = "SELECT status FROM web_conversations WHERE id = $1"
        assert (await database.fetch(statement, exchange.message_id))[0]["status"] == MessageStatus.PENDING
        await api.services.answers.beat()
        assert (await database.fetch(statement, exchange.message_id))[0]["status"] == MessageStatus.INTERRUPTED


async def test_draining_waits_for_what_is_being_stored(api: RunningApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is with PostgreSQL when the process is to end is answered by it all the same."""
    alice = await api.principal()
    gate, accept = asyncio.Event(), journal.accept

    async def slowly(*args: Any, **options: Any) -> Any:
        await gate.wait()
        return await accept(*args, **options)

    monkeypatch.setattr(journal, "accept", slowly)
    sending = asyncio.create_task(api.services.messages.send(alice, bot_name="elena", content="Just in time"))
    await eventually(lambda: api.services.answers._places)
    draining = asyncio.create_task(api.services.answers.drain(timeout_s=20))
    looks = itertools.count()
    await eventually(lambda: next(looks) > 5)
    assert not draining.done()
    gate.set()
    await draining
    assert len((await api.services.messages.history(alice, "elena")).messages) == 2
    assert (await sending).status is MessageStatus.ANSWERED


class _Mute:
    """Signals that reach nobody."""

    def publish(self, topic: str, payload: object) -> None:
        """Say it to nobody."""
