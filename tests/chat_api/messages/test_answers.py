"""Answers at the edges: runs that come too late, wishes nobody heard, processes that were away or are about to end."""

import asyncio
import itertools
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest

from chat_api.core.errors import BotFailed, Interrupted, Stopped
from chat_api.core.principals import Principal
from chat_api.messages import runs_repository as runs
from chat_api.messages import writes_repository as writes
from chat_api.messages.frames import event_frame
from chat_api.messages.runs import failure
from chat_api.messages.schemas import DeltaEvent, Exchange, Message
from models import FinishReason, MessageStatus
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
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
    assert await writes.finish(messages._database, [earlier]) == [None]
    before = (await messages.position(alice)).seq
    assert [slot is None for slot in await writes.finish(messages._database, [present])] == [False]
    assert await writes.finish(messages._database, [present]) == [None]
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
        monkeypatch.setattr(other.services.answers, "_pubsub", _Mute())
        await other.services.messages.stop(alice, submission.exchange.message_id)
    await api.services.answers.heartbeat()
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(Stopped):
            await api.services.messages.result(submission.exchange)


async def test_a_signal_to_stop_is_heard_before_the_heartbeat(
    api: RunningApi, make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses Stop at one process does not wait for the next look of the other one: here there is none."""

    async def nothing(*_: object) -> set[UUID]:
        return set()

    monkeypatch.setattr(runs, "heartbeat", nothing)
    alice = await api.principal()
    await elena.set_faults(mode="hang")
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Hello?")
    async with running_api(make_settings(bots=(elena,))) as other:
        await eventually(lambda: api.services.pubsub.is_live and other.services.pubsub.is_live)
        await other.services.messages.stop(alice, submission.exchange.message_id)
        async with asyncio.timeout(DEADLINE_S):
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
        await api.services.answers.heartbeat()
        assert (await database.fetch(statement, exchange.message_id))[0]["status"] == MessageStatus.INTERRUPTED


async def test_draining_waits_for_what_is_being_stored(api: RunningApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """A message that is with PostgreSQL when the process is to end is answered by it all the same."""
    alice = await api.principal()
    gate, accept = asyncio.Event(), writes.accept

    async def slowly(*args: Any, **options: Any) -> Any:
        await gate.wait()
        return await accept(*args, **options)

    monkeypatch.setattr(writes, "accept", slowly)
    sending = asyncio.create_task(api.services.messages.send(alice, bot_name="elena", content="Just in time"))
    await eventually(lambda: api.services.answers._slots)
    draining = asyncio.create_task(api.services.answers.drain(timeout_s=20))
    looks = itertools.count()
    await eventually(lambda: next(looks) > 5)
    assert not draining.done()
    gate.set()
    await draining
    assert len((await api.services.messages.history(alice, "elena")).messages) == 2
    assert (await sending).status is MessageStatus.ANSWERED


async def _begun(api: RunningApi, bot: RunningBot) -> tuple[Principal, Exchange]:
    """A question whose answer is being said, and of which some words have come."""
    alice = await api.principal()
    heard: list[DeltaEvent] = []
    await api.services.feeds.follow(
        alice.user_id, lambda _: None, lambda event: heard.append(event) if isinstance(event, DeltaEvent) else None
    )
    await bot.set_faults(hold_after=3)
    submission = await api.services.messages.submit(alice, bot_name=bot.name, content="I need " + "coral " * 40)
    await eventually(lambda: heard)
    return alice, submission.exchange


async def _lines(api: RunningApi, person: Principal, bot: RunningBot) -> list[Message]:
    return list(reversed((await api.services.messages.history(person, bot.name)).messages))


async def test_the_end_of_the_process_keeps_what_was_said(make_settings: MakeSettings, jake: RunningBot) -> None:
    """An answer that is cut off by a restart is there as far as it came, as one; Retry has the bot asked again."""
    async with running_api(make_settings(bots=(jake,))) as api:
        alice, exchange = await _begun(api, jake)
        await api.services.answers.drain(timeout_s=0)
    async with running_api(make_settings(bots=(jake,))) as api:
        question, answer = await _lines(api, alice, jake)
        assert (answer.status, answer.finish_reason) == (MessageStatus.ANSWERED, FinishReason.TRUNCATED)
        assert answer.content.strip()
        await api.services.changes.react(alice, answer.message_id, "👍")
        before = await api.services.messages.position(alice)
        await jake.set_faults(hold_after=0)
        again = await api.services.messages.retry(alice, exchange.message_id)
        assert (again.status, again.response, again.answer()) == (MessageStatus.PENDING, "", None)
        await api.services.messages.result(again)
        question, whole = await _lines(api, alice, jake)
        assert (question.message_id, whole.reply_to) == (exchange.message_id, exchange.message_id)
        assert whole.finish_reason is FinishReason.STOP
        assert len(whole.content) > len(answer.content)
        assert whole.reactions == ()
        # Whoever was away when it was cut off is told of the answer in its place, once, and not of the one before.
        missed = await api.services.feeds.replay(alice.user_id, after=0, up_to=before.seq + 2)
        assert missed is not None
        frames = [event_frame(event) for event in missed]
        assert [frame["type"] for frame in frames] == ["message", "retried", "reaction", "retried", "message"]
        assert [frame["seq"] for frame in frames] == [1, 2, 3, 4, 5]
        # A whole answer is not asked for again.
        assert (await api.services.messages.retry(alice, exchange.message_id)).status is MessageStatus.ANSWERED


async def test_a_process_that_is_killed_leaves_what_its_heartbeat_kept(
    make_settings: MakeSettings, jake: RunningBot, database_url: str
) -> None:
    """It is no answer while it runs; the process that finds it makes it one, and the dead one changes nothing more."""
    settings = make_settings(bots=(jake,))
    async with running_api(settings) as api, running_api(settings) as dying:
        alice, _ = await _begun(dying, jake)
        await dying.services.answers.heartbeat()
        assert len(await _lines(dying, alice, jake)) == 1
        sql = await asyncpg.connect(database_url)
        await sql.execute(
            "UPDATE web_instances SET heartbeat_at = now() - interval '1 hour' WHERE id = $1",
            dying.services.answers.instance_id,
        )
        await sql.close()
        await api.services.answers.heartbeat()
        await api.services.answers.heartbeat()
        kept = await _lines(api, alice, jake)
        assert [line.role for line in kept] == ["user", "bot"]
        assert kept[1].finish_reason is FinishReason.TRUNCATED
        assert kept[1].content.strip()
        await dying.services.answers.drain(timeout_s=0)
        assert await _lines(api, alice, jake) == kept


class _Mute:
    """Signals that reach nobody."""

    def publish(self, topic: str, payload: object) -> None:
        """Say it to nobody."""
