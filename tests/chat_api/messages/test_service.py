"""The messages service: stored first, answered once, in order, never stuck."""

import asyncio
from collections.abc import AsyncIterator
from uuid import uuid4

import asyncpg
import pytest

from chat_api.core.errors import (
    BotFailed,
    Conflict,
    InvalidInput,
    NotFound,
    PermissionDenied,
    RateLimited,
    ShuttingDown,
)
from chat_api.core.principals import Principal
from chat_api.messages import answers as answers_module
from chat_api.messages.schemas import EventKind, StreamEvent
from models import MessageStatus
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot


@pytest.fixture
async def alice(api: RunningApi) -> Principal:
    """A signed-in user."""
    return await api.principal("alice")


@pytest.fixture
async def sql(database_url: str, api: RunningApi) -> AsyncIterator[asyncpg.Connection]:
    """A look at the database behind the service's back."""
    connection = await asyncpg.connect(database_url)
    yield connection
    await connection.close()


async def test_a_message_is_committed_before_the_bot_is_called(
    api: RunningApi, alice: Principal, elena: RunningBot, sql: asyncpg.Connection
) -> None:
    """While the bot still thinks, another connection sees the message, pending."""
    await elena.set_faults(mode="hang")
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Are you there?")
    row = await sql.fetchrow("SELECT * FROM web_conversations")
    assert row is not None
    assert (row["user_message"], row["status"], row["bot_response"]) == ("Are you there?", "pending", "")
    assert row["id"] == submission.exchange.message_id
    await elena.restart()
    await eventually(lambda: api.services.answers.running_count == 0)


async def test_what_comes_first_is_stored_first(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Also when the first has to ask Redis for its share of the limit, and those after it find one."""
    async with running_api(make_settings(bots=(elena,), rate_limit_requests_per_minute=100)) as api:  # shares of five
        alice = await api.principal("alice")
        messages, texts = api.services.messages, [f"message {number}" for number in range(18)]
        sending = []
        for text in texts:
            sending.append(asyncio.create_task(messages.submit(alice, bot_name="elena", content=text)))
            for _ in range(3):
                await asyncio.sleep(0)
        stored = await asyncio.gather(*sending)
        assert [one.exchange.seq for one in stored] == sorted(one.exchange.seq for one in stored)


async def test_events_have_gapless_seqs_in_commit_order(api: RunningApi, alice: Principal) -> None:
    """Messages to two bots at once, and every event of the stream exactly once and in order."""
    seen: list[StreamEvent] = []
    await api.services.feeds.follow(alice.user_id, seen.append, lambda _: None)
    await asyncio.gather(
        *(
            api.services.messages.send(alice, bot_name=bot, content=f"{bot} {number}")
            for number in range(5)
            for bot in ("elena", "marcus")
        )
    )
    assert [event.seq for event in seen] == list(range(1, 21))
    assert sum(event.kind is EventKind.ANSWER for event in seen) == 10


async def test_one_call_at_a_time_per_user_and_bot_in_order(
    api: RunningApi, alice: Principal, elena: RunningBot
) -> None:
    """While the first answer takes its time, nine quick ones wait for it, and all come in the order of the messages."""
    before = len(await elena.calls())
    await elena.set_faults(is_held=True)
    first = await api.services.messages.submit(alice, bot_name="elena", content="m0")

    async def is_with_the_bot() -> bool:
        return len(await elena.calls()) > before

    await eventually(is_with_the_bot)
    rest = [await api.services.messages.submit(alice, bot_name="elena", content=f"m{n}") for n in range(1, 10)]
    await elena.set_faults(is_held=False)
    answered = [await api.services.messages.result(submission.exchange) for submission in (first, *rest)]
    assert [call.message for call in (await elena.calls())[before:]] == [f"m{number}" for number in range(10)]
    positions = [exchange.response_seq or 0 for exchange in answered]
    assert positions == sorted(positions)


async def test_fifty_parallel_duplicates_are_one_row_and_one_call(
    api: RunningApi, alice: Principal, elena: RunningBot, sql: asyncpg.Connection
) -> None:
    """Everybody gets the same exchange."""
    before = len(await elena.calls())
    answers = await asyncio.gather(
        *(api.services.messages.send(alice, bot_name="elena", content="Once", client_msg_id="same") for _ in range(50))
    )
    assert len({(answer.message_id, answer.response_id) for answer in answers}) == 1
    assert await sql.fetchval("SELECT count(*) FROM web_conversations") == 1
    assert len(await elena.calls()) == before + 1


async def test_twins_in_two_processes_are_one_row(
    api: RunningApi, alice: Principal, make_settings: MakeSettings, elena: RunningBot, sql: asyncpg.Connection
) -> None:
    """Both look before either has stored: the database lets one in, and the other process finds it."""
    await api.services.messages.send(alice, bot_name="elena", content="First")
    before = len(await elena.calls())
    async with running_api(make_settings(bots=(elena,))) as other:
        transaction = sql.transaction()
        await transaction.start()
        await sql.execute("SELECT * FROM web_streams WHERE user_id = $1 FOR UPDATE", alice.user_id)
        sending = [
            asyncio.create_task(
                one.services.messages.submit(alice, bot_name="elena", content="Once", client_msg_id="same")
            )
            for one in (api, other)
        ]

        async def are_both_there() -> bool:
            return bool(await sql.fetchval("SELECT count(*) >= 2 FROM pg_locks WHERE NOT granted"))

        await eventually(are_both_there)
        await transaction.commit()
        submissions = await asyncio.gather(*sending)
        assert len({submission.exchange.message_id for submission in submissions}) == 1
        assert sorted(submission.is_duplicate for submission in submissions) == [False, True]
        await eventually(lambda: api.services.answers.running_count + other.services.answers.running_count == 0)
    assert await sql.fetchval("SELECT count(*) FROM web_conversations") == 2
    assert len(await elena.calls()) == before + 1


async def test_a_key_means_one_message_for_ever(api: RunningApi, alice: Principal) -> None:
    """The same key with another text is refused; another user's same key is their own."""
    send = api.services.messages.send
    await send(alice, bot_name="elena", content="One", client_msg_id="k")
    with pytest.raises(InvalidInput):
        await send(alice, bot_name="elena", content="Two", client_msg_id="k")
    bob = await api.principal("bob")
    assert (await send(bob, bot_name="elena", content="Two", client_msg_id="k")).content == "Two"


async def test_a_duplicate_is_answered_even_when_the_limit_is_spent(
    make_settings: MakeSettings, elena: RunningBot
) -> None:
    """Idempotency comes before the rate limit: a client that repeats a request must get its answer."""
    async with running_api(make_settings(bots=(elena,), rate_limit_requests_per_minute=2)) as api:
        alice = await api.principal("alice")
        send = api.services.messages.send
        first = await send(alice, bot_name="elena", content="One", client_msg_id="k")
        await send(alice, bot_name="elena", content="Two")
        with pytest.raises(RateLimited):
            await send(alice, bot_name="elena", content="Three")
        assert await send(alice, bot_name="elena", content="One", client_msg_id="k") == first


async def test_a_duplicate_costs_no_limit(make_settings: MakeSettings, elena: RunningBot) -> None:
    """However often a client repeats itself, the next message is as welcome as before."""
    async with running_api(make_settings(bots=(elena,), rate_limit_requests_per_minute=3)) as api:
        alice = await api.principal("alice")
        send = api.services.messages.send
        first = await send(alice, bot_name="elena", content="One", client_msg_id="k")
        for _ in range(10):
            assert await send(alice, bot_name="elena", content="One", client_msg_id="k") == first
        assert (await send(alice, bot_name="elena", content="Two")).status is MessageStatus.ANSWERED


async def test_a_waiting_caller_that_leaves_cancels_nothing(
    api: RunningApi, alice: Principal, elena: RunningBot, sql: asyncpg.Connection
) -> None:
    """The answer is stored although nobody waits for it."""
    await elena.set_faults(is_held=True)
    waiting = asyncio.create_task(api.services.messages.send(alice, bot_name="elena", content="I leave"))
    await eventually(lambda: sql.fetchval("SELECT count(*) FROM web_conversations"))
    waiting.cancel()
    await elena.set_faults(is_held=False)
    await eventually(lambda: sql.fetchval("SELECT count(*) FROM web_conversations WHERE status = 'answered'"))


@pytest.mark.parametrize(
    ("mode", "code"),
    [("http500", None), ("exception", "bot_failed"), ("badjson", "bot_failed"), ("reset", "bot_unavailable")],
)
async def test_every_failure_ends_typed_and_offers_retry(
    api: RunningApi, alice: Principal, elena: RunningBot, mode: str, code: str | None
) -> None:
    """What the bot gets wrong is a stored failure; an apology in character is an answer."""
    await elena.set_faults(mode=mode)
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Hello")
    message_id = submission.exchange.message_id
    await eventually(lambda: api.services.answers.running_count == 0)
    line = (await api.services.messages.history(alice, "elena")).messages[-1]
    if code is None:
        assert line.status is MessageStatus.ANSWERED
        return
    assert line.status is MessageStatus.FAILED
    assert line.error_code in {code, "bot_failed", "bot_unavailable"}
    await elena.set_faults(mode="ok")
    reopened = await api.services.messages.retry(alice, message_id)
    assert (await api.services.messages.result(reopened)).status is MessageStatus.ANSWERED


async def test_retrying_twice_calls_the_bot_once(api: RunningApi, alice: Principal, elena: RunningBot) -> None:
    """Two tabs press Retry at the same moment."""
    await elena.set_faults(mode="exception")
    with pytest.raises(BotFailed) as failure:
        await api.services.messages.send(alice, bot_name="elena", content="Hello")
    await elena.set_faults(mode="ok", is_held=True)
    before = len(await elena.calls())
    submission = await api.services.messages.history(alice, "elena")
    message_id = submission.messages[0].message_id
    assert str(message_id) == failure.value.extra["message_id"]
    retried = await asyncio.gather(*(api.services.messages.retry(alice, message_id) for _ in range(5)))
    await elena.set_faults(is_held=False)
    await asyncio.gather(*(api.services.messages.result(exchange) for exchange in retried))
    assert len(await elena.calls()) == before + 1


async def test_what_a_dead_process_left_is_interrupted(
    api: RunningApi, alice: Principal, elena: RunningBot, sql: asyncpg.Connection
) -> None:
    """A pending exchange of a process whose heartbeat is old is marked, published and can be retried."""
    exchange = await api.services.messages.send(alice, bot_name="elena", content="Hello")
    dead = uuid4()
    await sql.execute("INSERT INTO web_instances VALUES ($1, now(), now() - interval '31 seconds')", dead)
    await sql.execute("UPDATE web_conversations SET status = 'pending', instance_id = $1", dead)
    await api.services.answers.heartbeat()
    line = (await api.services.messages.history(alice, "elena")).messages[-1]
    assert (line.status, line.error_code) == (MessageStatus.INTERRUPTED, "interrupted")
    reopened = await api.services.messages.retry(alice, exchange.message_id)
    assert (await api.services.messages.result(reopened)).status is MessageStatus.ANSWERED


async def test_the_sweep_leaves_what_lives_alone(api: RunningApi, alice: Principal, elena: RunningBot) -> None:
    """Neither our own running calls nor those of another living process are interrupted."""
    await elena.set_faults(is_held=True)
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Slow")
    await api.services.answers.heartbeat()
    await elena.set_faults(is_held=False)
    assert (await api.services.messages.result(submission.exchange)).status is MessageStatus.ANSWERED


async def test_draining_finishes_what_runs_and_accepts_nothing_more(
    api: RunningApi, alice: Principal, elena: RunningBot
) -> None:
    """Running answers arrive; a new message is refused before it is stored; what is too slow is interrupted."""
    await elena.set_faults(is_held=True)
    submission = await api.services.messages.submit(alice, bot_name="elena", content="Wait for me")
    draining = asyncio.create_task(api.services.answers.drain(timeout_s=DEADLINE_S))
    await elena.set_faults(is_held=False)
    await draining
    page = await api.services.messages.history(alice, "elena")
    assert page.messages[0].reply_to == submission.exchange.message_id
    with pytest.raises(ShuttingDown):
        await api.services.messages.submit(alice, bot_name="elena", content="Too late")


async def test_draining_marks_what_does_not_finish(api: RunningApi, alice: Principal, elena: RunningBot) -> None:
    """A hanging bot does not hold the process: its message ends as interrupted."""
    await elena.set_faults(mode="hang")
    await api.services.messages.submit(alice, bot_name="elena", content="Hello?")
    await api.services.answers.drain(timeout_s=0.2)
    line = (await api.services.messages.history(alice, "elena")).messages[0]
    assert line.status is MessageStatus.INTERRUPTED
    await elena.restart()


async def test_a_lane_is_bounded(
    api: RunningApi, alice: Principal, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who floods one bot is told to wait, before anything is stored."""
    monkeypatch.setattr(answers_module, "MAX_WAITING_PER_QUEUE", 3)
    await elena.set_faults(mode="hang")
    burst = (api.services.messages.submit(alice, bot_name="elena", content=f"m{number}") for number in range(10))
    outcomes = await asyncio.gather(*burst, return_exceptions=True)
    assert sum(isinstance(outcome, RateLimited) for outcome in outcomes) == 7
    assert (await api.services.messages.conversations(alice))[0].exchange_count == 3
    await elena.restart()
    await eventually(lambda: api.services.answers.running_count == 0)


@pytest.mark.parametrize("content", ["", "   ", "x" * 4001, "nul \0", "lone \ud800"])
async def test_what_cannot_be_stored_is_refused(api: RunningApi, alice: Principal, content: str) -> None:
    """A typed refusal that never echoes the text."""
    with pytest.raises(InvalidInput) as refusal:
        await api.services.messages.submit(alice, bot_name="elena", content=content)
    assert refusal.value.message.startswith("content:")


async def test_only_owners_and_only_users(api: RunningApi, alice: Principal) -> None:
    """Another user's message is not found; an administrator's session does not chat."""
    exchange = await api.services.messages.send(alice, bot_name="elena", content="Mine")
    with pytest.raises(NotFound):
        await api.services.messages.retry(await api.principal("bob"), exchange.message_id)
    operator = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
    with pytest.raises(PermissionDenied):
        await api.services.messages.submit(operator, bot_name="elena", content="Hello")


async def test_another_processs_pending_answer_is_a_conflict(
    api: RunningApi, alice: Principal, sql: asyncpg.Connection
) -> None:
    """The same key while another process is at it: told about the first, no second bot call."""
    exchange = await api.services.messages.send(alice, bot_name="elena", content="Hello", client_msg_id="k")
    await sql.execute("UPDATE web_conversations SET status = 'pending' WHERE id = $1", exchange.message_id)
    with pytest.raises(Conflict):
        await api.services.messages.send(alice, bot_name="elena", content="Hello", client_msg_id="k")
