"""Messages of one user to one bot that several processes store: one after the other, whatever happens."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from uuid import UUID

import pytest

from chat_api.core.errors import Stopped
from chat_api.people.bot_users import BotUser
from models import MessageStatus
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot
from tests.support.sql_proxy import SqlProxy, sql_proxy


@pytest.fixture
async def sql(database_url: str) -> AsyncIterator[SqlProxy]:
    """What stands between the second process and PostgreSQL."""
    async with sql_proxy(database_url) as one:
        yield one


@pytest.fixture
async def other(
    make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot, sql: SqlProxy
) -> AsyncIterator[RunningApi]:
    """A second process on the same database and Redis."""
    async with running_api(make_settings(bots=(elena, marcus), database_url=sql.url)) as running_one:
        yield running_one


async def test_a_quick_process_waits_for_a_slow_ones_turn(
    api: RunningApi, other: RunningApi, elena: RunningBot
) -> None:
    """The bot takes its time for the first message: the second, stored elsewhere, is not asked before that is over."""
    alice = await api.principal()
    before = len(await elena.calls())
    await elena.set_faults(is_held=True)
    first = await api.services.messages.submit(alice, bot_name="elena", content="first")
    await eventually(lambda: _has_calls(elena, before + 1))
    second = await other.services.messages.submit(alice, bot_name="elena", content="second")
    await elena.set_faults(is_held=False)
    ends = await asyncio.gather(
        api.services.messages.result(first.exchange), other.services.messages.result(second.exchange)
    )
    assert [exchange.response_seq for exchange in ends] == [3, 4]


async def test_who_waits_for_its_turn_outlasts_an_outage(
    api: RunningApi, other: RunningApi, sql: SqlProxy, elena: RunningBot
) -> None:
    """While PostgreSQL is away nobody can tell whose turn it is; afterwards the bot is asked after all."""
    alice = await api.principal()
    await elena.set_faults(mode="hang")
    first = await api.services.messages.submit(alice, bot_name="elena", content="first")
    second = await other.services.messages.submit(alice, bot_name="elena", content="second")
    await sql.cut()
    looks = itertools.count()
    await eventually(lambda: next(looks) > 12)  # longer than it waits between two of its own
    await sql.heal()
    await elena.set_faults(mode="ok")
    await api.services.messages.stop(alice, first.exchange.message_id)
    async with asyncio.timeout(DEADLINE_S):
        assert (await other.services.messages.result(second.exchange)).status is MessageStatus.ANSWERED


async def test_a_late_answer_of_an_earlier_call_changes_nothing(
    api: RunningApi, other: RunningApi, sql: SqlProxy, elena: RunningBot
) -> None:
    """A process that was given up for dead comes back with its answer, when the message is being answered again."""
    alice = await api.principal()
    await elena.set_faults(is_held=True)
    submission = await other.services.messages.submit(alice, bot_name="elena", content="Take your time")
    (run,) = other.services.answers._running.values()
    await sql.cut()
    await elena.set_faults(is_held=False)
    await eventually(lambda: run.outcome is not None)
    await _let_die(api, other.services.answers.instance_id)
    await elena.set_faults(mode="hang")
    again = await api.services.messages.retry(alice, submission.exchange.message_id)
    assert again.status is MessageStatus.PENDING
    await sql.heal()
    await eventually(lambda: other.services.answers.running_count == 0)
    assert [line.status for line in (await api.services.messages.history(alice, "elena")).messages] == [
        MessageStatus.PENDING
    ]
    await api.services.messages.stop(alice, again.message_id)
    assert (await api.services.messages.position(alice)).seq == 4  # said, interrupted, retried, stopped


async def test_a_message_that_is_stopped_at_once_ends_so(api: RunningApi) -> None:
    """The wish to stop comes before the call has begun: it ends as stopped, and nobody waits for ever."""
    alice = await api.principal()
    answers = api.services.answers
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Never mind")
    await api.services.messages.result(submission.exchange)
    again = submission.exchange
    await _make_pending(api, again.message_id)
    answers.start(again, answers.admit(alice.user_id, "elena", again.message_id), bot_user=BotUser(alice.user_id, ""))
    answers._on_stop(str(again.message_id))
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(Stopped):
            await api.services.messages.result(again)


async def _make_pending(api: RunningApi, message_id: object) -> None:
    database = api.services.messages._database
    await database.fetch(
        "UPDATE web_conversations SET status = 'pending', response_id = NULL WHERE id = $1", message_id
    )


async def _let_die(survivor: RunningApi, instance_id: UUID) -> None:
    """Have a process taken for dead, and marked what it left."""
    database = survivor.services.messages._database
    await database.fetch(
        "UPDATE web_instances SET heartbeat_at = now() - interval '1 minute' WHERE id = $1", instance_id
    )
    await survivor.services.answers.heartbeat()


async def _has_calls(bot: RunningBot, count: int) -> bool:
    return len(await bot.calls()) == count
