"""The client and the API together: what was acknowledged is stored and delivered, once, in order, in every tab."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import pytest

from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot, sample_bot
from whisperengine_client import (
    AnswerDelta,
    AnswerEvent,
    BotFailed,
    ChatClient,
    Conflict,
    Deleted,
    DurableEvent,
    Edited,
    Event,
    Failed,
    InvalidInput,
    Line,
    MessageEvent,
    NotAuthenticated,
    NotFound,
    Position,
    Reaction,
    Read,
    Replaced,
    Resynced,
    Retried,
    RetryPolicy,
    Sent,
    Stopped,
    Stream,
    TooManyConnections,
)

QUICK = RetryPolicy(first_s=0.02, most_s=0.2, total_s=DEADLINE_S)


@asynccontextmanager
async def signed_in(api: RunningApi, username: str = "alice", *, token: str | None = None) -> AsyncIterator[ChatClient]:
    """A client of a user: a new one, or the one of a token."""
    async with ChatClient(api.url, token=token, retry_policy=QUICK, trust_env=False) as client:
        if token is None:
            await client.login(username)
        yield client


@pytest.fixture
async def client(api: RunningApi) -> AsyncIterator[ChatClient]:
    """Alice's."""
    async with signed_in(api) as one:
        yield one


async def read_to(stream: Stream, seq: int) -> list[Event]:
    """Every event up to a place of the stream."""
    events = []
    async with asyncio.timeout(DEADLINE_S):
        while stream.position.seq < seq:
            events.append(await anext(stream))
    return events


async def read_until(stream: Stream, kind: type[Event]) -> list[Event]:
    """Every event up to the first of a kind."""
    async with asyncio.timeout(DEADLINE_S):
        events = [await anext(stream)]
        while not isinstance(events[-1], kind):
            events.append(await anext(stream))
    return events


def durable(events: list[Event]) -> list[tuple[int, str, str]]:
    """What is stored of them: place, kind, message; whoever sent it."""
    return [
        (event.seq, type(event).__name__, getattr(event, "message_id", ""))
        for event in events
        if isinstance(event, DurableEvent | Failed) and event.seq is not None
    ]


async def whole_history(client: ChatClient, *bots: str) -> list[Line]:
    """All lines of some conversations, in order."""
    lines = [line for bot in bots for line in [line async for line in client.history(bot, page=7)]]
    return sorted(lines, key=lambda line: line.seq)


# REST


async def test_who_and_with_whom(api: RunningApi, client: ChatClient) -> None:
    """Login, identity, the fleet, and the way out."""
    me = await client.me()
    assert (me.username, me.is_guest, me.is_admin) == ("alice", False, False)
    assert {bot.name for bot in await client.bots()} == {"elena", "marcus"}
    async with signed_in(api) as stranger:
        assert (await stranger.me()).is_guest
    await client.logout()
    assert client.token is None
    with pytest.raises(NotAuthenticated):
        await client.me()


async def test_a_second_login_stays_the_same_user(client: ChatClient) -> None:
    """The token proves who asks, no cookie does."""
    before = await client.me()
    session = await client.login("alice")
    assert (session.user_id, session.is_guest) == (before.user_id, False)
    assert session.token not in repr(session)


async def test_asking_twice_is_asking_once(client: ChatClient, elena: RunningBot) -> None:
    """The same client_msg_id gives the stored answer; for another message it is refused."""
    first = await client.ask("elena", "Once only", client_msg_id="k")
    second = await client.ask("elena", "Once only", client_msg_id="k")
    assert first == second
    assert first.content
    with pytest.raises(InvalidInput):
        await client.ask("elena", "Another", client_msg_id="k")
    assert [call.message for call in await elena.calls()].count("Once only") == 1


async def test_histories_are_read_page_by_page(client: ChatClient) -> None:
    """All lines, newest first; and the conversations with what is unread."""
    for number in range(5):
        await client.ask("elena", f"number {number}")
    lines = [line async for line in client.history("elena", page=3)]
    assert [line.seq for line in lines] == list(range(10, 0, -1))
    assert [line.content for line in lines if line.role == "user"] == [
        f"number {number}" for number in range(4, -1, -1)
    ]
    (conversation,) = await client.conversations()
    assert (conversation.bot_name, conversation.last_message) == ("elena", lines[0])
    assert (conversation.exchange_count, conversation.unread_count) == (5, 5)
    assert (await client.position()).seq == 10
    with pytest.raises(NotFound):
        await anext(client.history("nobody"))


async def test_a_failed_bot_and_a_retry(client: ChatClient, elena: RunningBot) -> None:
    """The exception names the stored message, and the retry answers it; the stream tells all of it."""
    async with client.stream() as stream:
        await elena.set_faults(mode="exception")
        with pytest.raises(BotFailed) as caught:
            await client.ask("elena", "Fail")
        assert caught.value.message_id is not None
        await elena.set_faults(mode="ok")
        answer = await client.retry(caught.value.message_id)
        assert (await client.retry(caught.value.message_id)) == answer
        events = [event for event in await read_to(stream, answer.seq) if isinstance(event, DurableEvent | Failed)]
    assert [type(event) for event in events] == [MessageEvent, Failed, Retried, AnswerEvent]
    failed = events[1]
    assert isinstance(failed, Failed)
    assert (failed.message_id, failed.code, failed.is_retryable) == (caught.value.message_id, "bot_failed", True)


async def test_a_stopped_answer(client: ChatClient, elena: RunningBot) -> None:
    """Asking ends with Stopped at once, instead of waiting for an answer that will not come."""
    await elena.set_faults(delay_ms=20_000)
    async with client.stream() as stream:
        asking = asyncio.create_task(client.ask("elena", "Never mind"))
        message = (await read_until(stream, MessageEvent))[-1]
        assert isinstance(message, MessageEvent)
        await eventually(lambda: client.stop(message.message_id))
        with pytest.raises(Stopped) as caught:
            await asking
        failed = (await read_until(stream, Failed))[-1]
    assert isinstance(failed, Failed)
    assert (caught.value.message_id, failed.code) == (message.message_id, "stopped")


# The stream


async def test_sent_acknowledged_answered(client: ChatClient) -> None:
    """The acknowledgement, the own message and the answer fit together."""
    async with client.stream() as stream:
        sent = await stream.send("elena", "Hi", client_msg_id="a")
        message, answer = (event for event in await read_to(stream, 2) if isinstance(event, DurableEvent))
        again = await stream.send("elena", "Hi", client_msg_id="a")
    assert isinstance(message, MessageEvent)
    assert isinstance(answer, AnswerEvent)
    assert (message.message_id, message.seq, message.is_own) == (sent.message_id, sent.seq, True)
    assert (answer.reply_to, answer.client_msg_id, answer.finish_reason) == (sent.message_id, "a", "stop")
    assert again == Sent(message_id=sent.message_id, client_msg_id="a", seq=sent.seq, is_duplicate=True)
    assert [line.message_id async for line in client.history("elena")] == [answer.message_id, message.message_id]


async def test_a_refused_message(client: ChatClient) -> None:
    """It raises where it was sent."""
    async with client.stream() as stream:
        with pytest.raises(NotFound):
            await stream.send("nobody", "Hi")
        with pytest.raises(InvalidInput):
            await stream.send("elena", "x" * 4001)


async def test_an_answer_in_pieces(make_settings: MakeSettings) -> None:
    """The pieces that come while the bot speaks are the beginning of the answer; its end may come with the whole."""
    async with (
        sample_bot("elena", stream=True, piece_delay_ms=60) as bot,
        running_api(make_settings(bots=(bot,))) as api,
        signed_in(api) as client,
        client.stream() as stream,
    ):
        await stream.send("elena", "Tell me about the reefs")
        events = await read_until(stream, AnswerEvent)
    pieces = [event for event in events if isinstance(event, AnswerDelta)]
    answer = events[-1]
    assert isinstance(answer, AnswerEvent)
    assert pieces
    assert {piece.message_id for piece in pieces} == {answer.message_id}
    assert answer.content.startswith("".join(piece.text for piece in pieces))
    assert [piece.offset for piece in pieces] == [len("".join(p.text for p in pieces[:n])) for n in range(len(pieces))]


async def test_two_tabs_converge(api: RunningApi, client: ChatClient) -> None:
    """What one tab sends or changes, both see, at the same places."""
    async with signed_in(api, token=client.token) as other, client.stream() as here, other.stream() as there:
        await asyncio.gather(
            *(here.send("elena", f"here {number}") for number in range(5)),
            *(there.send("marcus", f"there {number}") for number in range(5)),
        )
        (seen_here, seen_there) = await asyncio.gather(read_to(here, 20), read_to(there, 20))
    assert durable(seen_here) == durable(seen_there)
    assert [position for position, _, _ in durable(seen_here)] == list(range(1, 21))
    own = [event.content for event in seen_here if isinstance(event, MessageEvent) and event.is_own]
    assert own == [f"here {number}" for number in range(5)]


async def test_what_was_said_is_changed(api: RunningApi, client: ChatClient) -> None:
    """Edits, reactions, read marks and deletions are events in the other tab, and are seen in the history."""
    async with signed_in(api, token=client.token) as other, client.stream() as stream:
        answer = await other.ask("elena", "Frist")
        edited = await other.edit(answer.message_id, "First", version=1)
        assert (edited.content, edited.version, [version.content for version in edited.versions]) == (
            "First",
            2,
            ["Frist"],
        )
        with pytest.raises(Conflict) as caught:
            await other.edit(answer.message_id, "Second", version=1)
        assert caught.value.current_version == 2
        await other.react(answer.response_id, "👍🏽")
        assert (await other.message(answer.response_id)).reactions == ("👍🏽",)
        await other.unreact(answer.response_id, "👍🏽")
        await other.mark_read("elena", answer.seq)
        await other.delete(answer.response_id)
        with pytest.raises(NotFound):
            await other.delete(answer.response_id)
        events = await read_until(stream, Deleted)
        assert [line.content async for line in client.history("elena")] == ["First"]
    common = {"bot_name": "elena", "message_id": answer.response_id}
    assert [event for event in events if isinstance(event, DurableEvent)][2:] == [
        Edited(seq=3, bot_name="elena", message_id=answer.message_id, content="First", version=2),
        Reaction(seq=4, emoji="👍🏽", is_added=True, **common),
        Reaction(seq=5, emoji="👍🏽", is_added=False, **common),
        Read(seq=6, bot_name="elena", up_to=answer.seq),
        Deleted(seq=7, **common),
    ]


# Lost connections


async def test_dropped_connections_lose_and_double_nothing(api: RunningApi, client: ChatClient) -> None:
    """Sockets are cut while messages fly: stored = acknowledged = delivered, in order, in both tabs."""
    dice = random.Random(7)

    async def cut(*streams: Stream) -> None:
        while True:
            await asyncio.sleep(dice.uniform(0.01, 0.05))
            dice.choice(streams).drop()

    async def talk(stream: Stream, bot: str) -> list[Sent]:
        return [await stream.send(bot, f"{bot} {number}") for number in range(25)]

    async with signed_in(api, token=client.token) as other, client.stream() as here, other.stream() as there:
        cutting = asyncio.create_task(cut(here, there))
        sent = [one for talk_ in await asyncio.gather(talk(here, "elena"), talk(there, "marcus")) for one in talk_]
        cutting.cancel()
        seen_here, seen_there = await asyncio.gather(read_to(here, 100), read_to(there, 100))
        lines = await whole_history(client, "elena", "marcus")
        assert here.reconnect_count + there.reconnect_count > 2
    assert durable(seen_here) == durable(seen_there)
    assert [(line.seq, line.message_id) for line in lines] == [(seq, id_) for seq, _, id_ in durable(seen_here)]
    assert {one.message_id for one in sent} == {line.message_id for line in lines if line.role == "user"}
    said = [line.content for line in lines if line.role == "user" and line.bot_name == "elena"]
    assert said == [f"elena {number}" for number in range(25)]


async def test_a_stream_goes_on_from_a_position(client: ChatClient) -> None:
    """A program that ends and comes back is told what it missed."""
    async with client.stream() as stream:
        await stream.send("elena", "one")
        await read_to(stream, 2)
        position = stream.position
    await client.ask("elena", "two")
    async with client.stream(since=position) as stream:
        events = [event for event in await read_to(stream, 4) if isinstance(event, DurableEvent)]
    assert [event.seq for event in events] == [3, 4]


async def test_too_much_was_missed(client: ChatClient) -> None:
    """More than the server replays: the histories tell it, and the stream goes on behind them."""
    start = await client.position()
    for number in range(4):
        await asyncio.gather(*(client.ask(bot, f"{number} {n}") for n in range(20) for bot in ("elena", "marcus")))
    async with client.stream(since=start) as stream:
        events = await read_to(stream, 320)
        live = await stream.send("elena", "live")
        await read_to(stream, live.seq + 1)
    assert isinstance(events[0], Resynced)
    lines = await whole_history(client, "elena", "marcus")
    assert [(seq, id_) for seq, _, id_ in durable(events)] == [(line.seq, line.message_id) for line in lines[:320]]


async def test_another_epoch(client: ChatClient) -> None:
    """A stream that is not the server's is told anew from its beginning."""
    answer = await client.ask("elena", "one")
    elsewhere = Position(epoch="0190d0f2-7c1e-7000-8000-000000000000", seq=1000)
    async with client.stream(since=elsewhere) as stream:
        async with asyncio.timeout(DEADLINE_S):
            events = [await anext(stream) for _ in range(3)]
        assert stream.position == await client.position()
    assert isinstance(events[0], Resynced)
    assert events[0].is_new_stream
    assert [id_ for _, _, id_ in durable(events)] == [answer.message_id, answer.response_id]


async def test_a_position_that_is_none(client: ChatClient) -> None:
    """The server's refusal of the hello is raised, instead of waiting for a welcome."""
    with pytest.raises(InvalidInput):
        async with client.stream(since=Position(epoch="not a stream", seq=1)):
            pass


async def test_a_slow_reader(client: ChatClient) -> None:
    """Room for three events, and sixty come: all are read in the end, and sending was never held up."""
    async with client.stream(max_events=3) as stream:
        for number in range(30):
            await stream.send("elena", str(number))
        events = await read_to(stream, 60)
    assert [seq for seq, _, _ in durable(events)] == list(range(1, 61))


async def test_a_restart_of_the_server(make_settings: MakeSettings, elena: RunningBot) -> None:
    """The stream comes back to the new process; what was sent while there was none is stored once."""
    settings = make_settings(bots=(elena,))
    async with running_api(settings) as api:
        port = urlsplit(api.url).port or 0
        client = ChatClient(api.url, retry_policy=QUICK, trust_env=False)
        await client.login("alice")
        stream = client.stream()
        await stream.__aenter__()
        await stream.send("elena", "before")
    sending = asyncio.create_task(stream.send("elena", "between"))
    asking = asyncio.create_task(client.ask("elena", "asked between"))
    async with running_api(settings, port=port):
        assert not (await sending).is_duplicate
        await asking
        events = await read_to(stream, 6)
        await stream.aclose()
        lines = await whole_history(client, "elena")
        await client.aclose()
    assert stream.reconnect_count == 1
    assert [(seq, id_) for seq, _, id_ in durable(events)] == [(line.seq, line.message_id) for line in lines]
    assert sorted(line.content for line in lines if line.role == "user") == ["asked between", "before", "between"]


# Ends


async def test_the_end_of_a_session(api: RunningApi, client: ChatClient) -> None:
    """Signing out elsewhere ends the stream, and everything that waits for it."""
    async with client.stream() as stream:
        async with signed_in(api, token=client.token) as other:
            await other.logout()
        with pytest.raises(NotAuthenticated):
            await read_until(stream, MessageEvent)
        with pytest.raises(NotAuthenticated):
            await stream.send("elena", "Hi")


async def test_a_stream_that_is_replaced(client: ChatClient) -> None:
    """The same client_id again: the first one ends, and does not fight for its place."""
    async with client.stream(client_id="tab") as first, client.stream(client_id="tab") as second:
        with pytest.raises(Replaced):
            await read_until(first, MessageEvent)
        await second.send("elena", "Hi")
        assert (first.reconnect_count, second.reconnect_count) == (0, 0)


async def test_too_many_connections(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Told at the door."""
    async with (
        running_api(make_settings(bots=(elena,), max_connections_per_user=1)) as api,
        signed_in(api) as client,
        client.stream(),
    ):
        with pytest.raises(TooManyConnections):
            async with client.stream():
                pass


async def test_a_limit_is_waited_out(client: ChatClient, elena: RunningBot) -> None:
    """Twenty messages may wait for a bot: the next ones are sent when there is room, in order."""
    await elena.set_faults(delay_ms=100)
    async with client.stream() as stream:
        sent = await asyncio.gather(*(stream.send("elena", str(number)) for number in range(24)))
        await read_to(stream, 48)
    assert [one.seq for one in sent] == sorted(one.seq for one in sent)
    lines = await whole_history(client, "elena")
    assert [line.content for line in lines if line.role == "user"] == [str(number) for number in range(24)]
