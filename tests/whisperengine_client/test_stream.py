"""The stream over a server that misbehaves: nothing is missed, nothing comes twice, nothing is said twice."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from tests.support.eventually import DEADLINE_S, eventually
from tests.whisperengine_client.conftest import QUICK
from tests.whisperengine_client.scripted import ScriptedServer
from whisperengine_client import (
    AnswerEvent,
    ChatClient,
    DurableEvent,
    Event,
    Failed,
    InvalidInput,
    MessageEvent,
    NotAuthenticated,
    NotFound,
    PermissionDenied,
    Position,
    RateLimited,
    Refused,
    Replaced,
    Resynced,
    Stream,
    StreamEnded,
    TooManyConnections,
    Typing,
    Unreachable,
)


async def read(stream: Stream, count: int) -> list[Event]:
    """So many events."""
    async with asyncio.timeout(DEADLINE_S):
        return [await anext(stream) for _ in range(count)]


def contents(events: list[Event]) -> list[str]:
    """What was said."""
    return [event.content for event in events if isinstance(event, MessageEvent | AnswerEvent)]


def there(server: ScriptedServer) -> Callable[[], bool]:
    """Whether a stream is connected, seen from the server."""
    return lambda: server.socket_count > 0


@asynccontextmanager
async def away(server: ScriptedServer, stream: Stream) -> AsyncIterator[None]:
    """Keep a stream from coming back while the block runs."""
    server.greetings = [4001] * 10_000
    stream.drop()
    await eventually(lambda: server.socket_count == 0)
    yield
    server.greetings = []


async def test_what_is_sent_is_an_event_as_well(server: ScriptedServer, client: ChatClient) -> None:
    """The stream's reader sees own messages at their place, although the server sends no echo."""
    async with client.stream() as stream:
        sent = await stream.send("elena", "one", client_msg_id="a")
        await server.say("two")
        own, other = await read(stream, 2)
    assert isinstance(own, MessageEvent)
    assert (own.seq, own.message_id, own.client_msg_id, own.is_own) == (sent.seq, sent.message_id, "a", True)
    assert isinstance(other, MessageEvent)
    assert (other.seq, other.is_own, sent.is_duplicate) == (2, False, False)


async def test_a_dropped_connection_resumes(server: ScriptedServer, client: ChatClient) -> None:
    """With the same client id, from the last event: the missed ones come once, in order."""
    async with client.stream() as stream:
        await server.say("one")
        assert contents(await read(stream, 1)) == ["one"]
        stream.drop()
        await server.say("two")
        await server.say("three")
        assert contents(await read(stream, 2)) == ["two", "three"]
        assert stream.position == Position(epoch=server.epoch, seq=3)
        assert stream.reconnect_count == 1
    assert server.hellos[1]["since"] == {"epoch": server.epoch, "seq": 1}
    assert {hello["client_id"] for hello in server.hellos} == {stream.client_id}


async def test_a_gap_is_noticed(server: ScriptedServer, client: ChatClient) -> None:
    """An event with a number too high is not taken: the stream comes back from the last good one."""
    async with client.stream() as stream:
        await server.say("one")
        await server.append("message", skipped=3, data={"role": "user", "content": "two", **_ids("elena")})
        events = await read(stream, 2)
        assert contents(events) == ["one", "two"]
        assert [event.seq for event in events if isinstance(event, DurableEvent)] == [1, 2]
        assert stream.reconnect_count == 1


async def test_an_event_that_comes_twice_is_told_once(server: ScriptedServer, client: ChatClient) -> None:
    """A number that was there is passed over."""
    async with client.stream() as stream:
        await eventually(there(server))
        first = await server.say("one")
        await server.tell(first)
        await server.say("two")
        assert contents(await read(stream, 2)) == ["one", "two"]
        assert stream.reconnect_count == 0


async def test_a_lost_acknowledgement(server: ScriptedServer, client: ChatClient) -> None:
    """The message was stored and the connection cut before the ack: the replay acknowledges it, nothing is resent."""
    server.is_ack_lost = True
    async with client.stream() as stream:
        sent = await stream.send("elena", "one", client_msg_id="a")
        assert (sent.seq, stream.reconnect_count) == (1, 1)
        (event,) = await read(stream, 1)
    assert isinstance(event, MessageEvent)
    assert (event.is_own, event.seq) == (True, 1)
    assert len([frame for frame in server.frames if frame["type"] == "message"]) == 1


async def test_sends_wait_for_a_connection_in_order(server: ScriptedServer, client: ChatClient) -> None:
    """What is sent while there is none is stored once, in the order of the calls."""
    async with client.stream() as stream:
        server.greetings = [4001, 4008, 1012]
        stream.drop()
        sends = [asyncio.create_task(stream.send("elena", str(number))) for number in range(20)]
        places = [(await send).seq for send in sends]
    assert places == sorted(places)
    assert [event["data"]["content"] for event in server.events] == [str(number) for number in range(20)]


async def test_a_rate_limit_is_waited_out_without_overtaking(server: ScriptedServer, client: ChatClient) -> None:
    """A message that is refused for now goes before those that came after it."""
    server.refusals = [{"code": "rate_limited", "retryable": True, "retry_after": 0.05}]
    async with client.stream() as stream:
        first, second = await asyncio.gather(stream.send("elena", "one"), stream.send("elena", "two"))
    assert (first.seq, second.seq) == (1, 2)
    assert [event["data"]["content"] for event in server.events] == ["one", "two"]


async def test_a_send_that_is_refused_too_long(server: ScriptedServer, client: ChatClient) -> None:
    """The last refusal is raised, and the message is not sent later behind the caller's back."""
    server.refusals = [{"code": "rate_limited", "retryable": True, "retry_after": 0.2}]
    async with client.stream() as stream:
        with pytest.raises(RateLimited):
            await stream.send("elena", "one", timeout_s=0.05)
        await stream.send("elena", "two")
    assert [event["data"]["content"] for event in server.events] == ["two"]


async def test_a_send_that_is_not_acknowledged(server: ScriptedServer, client: ChatClient) -> None:
    """It raises in time, holds up none that come after it, and can be sent again under its id."""
    server.is_deaf = True
    async with client.stream() as stream:
        with pytest.raises(Unreachable):
            await stream.send("elena", "one", client_msg_id="a", timeout_s=0.05)
        server.is_deaf = False
        assert (await stream.send("elena", "two", timeout_s=20)).seq == 1
        stream.drop()
        assert (await stream.send("elena", "one", client_msg_id="a")).seq == 2
    assert [event["data"]["content"] for event in server.events] == ["two", "one"]


async def test_a_refused_message_raises_and_the_next_goes(server: ScriptedServer, client: ChatClient) -> None:
    """A typed error for the message that it is about; the others are not held up."""
    server.refusals = [{"code": "not_found", "retryable": False}]
    async with client.stream() as stream:
        first = asyncio.create_task(stream.send("elena", "one"))
        second = asyncio.create_task(stream.send("elena", "two"))
        with pytest.raises(NotFound):
            await first
        assert (await second).seq == 1


@pytest.mark.parametrize("content", ["x" * 70_000, "\ud83c"])
async def test_what_cannot_be_a_frame_is_refused_here(client: ChatClient, content: str) -> None:
    """Too long, or not text: the server could not even say which message it was."""
    async with client.stream() as stream:
        with pytest.raises(InvalidInput):
            await stream.send("elena", content)


async def test_resync_reads_the_histories(server: ScriptedServer, client: ChatClient) -> None:
    """Too much was missed: every message and answer comes nonetheless, once, in order, over all conversations."""
    server.max_replay = 3
    async with client.stream() as stream:
        await server.say("early")
        await read(stream, 1)
        async with away(server, stream):
            for number in range(300):
                await server.say(str(number), bot_name="marcus" if number % 3 else "elena")
        events = await read(stream, 301)
        await eventually(lambda: stream.is_connected)
        await server.say("live")
        assert contents(await read(stream, 1)) == ["live"]
        assert stream.position.seq == 302
    assert events[0] == Resynced(epoch=server.epoch, seq=301, is_new_stream=False)
    assert contents(events) == [str(number) for number in range(300)]


async def test_a_new_stream_is_told_from_its_beginning(server: ScriptedServer, client: ChatClient) -> None:
    """Another epoch: numbers begin anew, so everything that is there is told."""
    await server.say("one")
    await server.say("two")
    async with client.stream(since=Position(epoch="another", seq=77)) as stream:
        events = await read(stream, 3)
        assert events[0] == Resynced(epoch=server.epoch, seq=2, is_new_stream=True)
        assert contents(events) == ["one", "two"]
        assert stream.position == Position(epoch=server.epoch, seq=2)


async def test_a_failure_that_was_missed_is_told(server: ScriptedServer, client: ChatClient) -> None:
    """A message known before the absence, and failed during it, does not stay unanswered for ever."""
    server.max_replay = 0
    async with client.stream() as stream:
        sent = await stream.send("elena", "one", client_msg_id="a")
        await read(stream, 1)
        async with away(server, stream):
            server.events[0]["data"] |= {"status": "interrupted", "error_code": "interrupted"}
            await server.append("failed", message_id=sent.message_id)
        resynced, failed = await read(stream, 2)
    assert isinstance(resynced, Resynced)
    assert isinstance(failed, Failed)
    assert (failed.seq, failed.message_id, failed.client_msg_id) == (None, sent.message_id, "a")


async def test_a_reader_that_is_too_slow_loses_nothing(server: ScriptedServer, client: ChatClient) -> None:
    """With room for four, forty come in the end, in order; what is sent meanwhile is acknowledged at once."""
    async with client.stream(max_events=4) as stream:
        for number in range(38):
            await server.say(str(number))
        assert (await stream.send("elena", "38")).seq == 39
        assert (await stream.send("elena", "39")).seq == 40
        assert contents(await read(stream, 40)) == [str(number) for number in range(40)]


async def test_live_frames_are_dropped_first(server: ScriptedServer, client: ChatClient) -> None:
    """Typing has no place in the stream: where there is no room it is left out, and nothing else is."""
    async with client.stream(max_events=2) as stream:
        await eventually(there(server))
        for _ in range(5):
            await server.tell({"type": "bot_typing", "bot_name": "elena", "is_typing": True})
        await stream.send("elena", "one", timeout_s=20)
        events = await read(stream, 3)
        assert [type(event) for event in events] == [Typing, Typing, MessageEvent]


async def test_a_dead_server_is_noticed(
    server: ScriptedServer, client: ChatClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says nothing, is asked, and says nothing: the stream looks for another connection."""
    monkeypatch.setattr("whisperengine_client.connection.PONG_TIMEOUT_S", 0.05)
    server.ping_s, server.is_silent = 0.05, True
    async with client.stream() as stream:
        await eventually(lambda: stream.reconnect_count >= 1)
    assert {"type": "ping"} in server.frames


async def test_a_quiet_server_that_answers_is_kept(server: ScriptedServer, client: ChatClient) -> None:
    """And the server's pings are answered."""
    server.ping_s = 0.02
    async with client.stream() as stream:
        await eventually(lambda: server.frames.count({"type": "ping"}) >= 3)
        await server.tell({"type": "ping"})
        await eventually(lambda: {"type": "pong"} in server.frames)
        assert stream.reconnect_count == 0


@pytest.mark.parametrize(
    ("code", "kind"),
    [(4000, Replaced), (4400, InvalidInput), (4403, PermissionDenied), (4409, TooManyConnections), (4499, Refused)],
)
async def test_final_codes_end_the_stream(
    server: ScriptedServer, client: ChatClient, code: int, kind: type[Refused]
) -> None:
    """The reader and those who send get the typed error, after what had come before."""
    async with client.stream() as stream:
        await server.say("one")
        await eventually(there(server))
        await server.close(code)
        assert contents(await read(stream, 1)) == ["one"]
        with pytest.raises(kind) as caught:
            await read(stream, 1)
        assert caught.value.close_code == code
        with pytest.raises(kind):
            await stream.send("elena", "two")
    assert len(server.hellos) == 1


async def test_a_final_code_at_the_door(server: ScriptedServer, client: ChatClient) -> None:
    """It is raised by entering."""
    server.greetings = [4409]
    with pytest.raises(TooManyConnections):
        async with client.stream():
            pass


async def test_a_ticket_that_was_forgotten(server: ScriptedServer, client: ChatClient) -> None:
    """4401 is believed only when the next ticket is refused as well."""
    async with client.stream() as stream:
        server.greetings = [4401]
        stream.drop()
        await eventually(lambda: stream.reconnect_count == 1)
        await stream.send("elena", "one")


async def test_a_session_that_has_ended(server: ScriptedServer, client: ChatClient) -> None:
    """4401, and no new ticket: the stream ends."""
    async with client.stream() as stream:
        await eventually(there(server))
        server.answers = [(401, {"error": {"code": "not_authenticated", "message": "Please sign in."}}, {})]
        await server.close(4401)
        with pytest.raises(NotAuthenticated):
            await read(stream, 1)


async def test_4401_again_and_again_is_final(server: ScriptedServer, client: ChatClient) -> None:
    """Even where tickets are given."""
    server.greetings = [4401] * 10
    with pytest.raises(NotAuthenticated):
        async with client.stream():
            pass
    assert len(server.greetings) == 6


async def test_nobody_listens() -> None:
    """Entering gives up once the retry policy is exhausted, with the cause."""
    async with ChatClient("http://127.0.0.1:9", retry_policy=QUICK.__class__(first_s=0.01, total_s=0.1)) as client:
        with pytest.raises(Unreachable):
            async with client.stream():
                pass


async def test_closing_tells_those_who_wait(server: ScriptedServer, client: ChatClient) -> None:
    """A reader's loop ends; a send that is not acknowledged raises."""
    async with client.stream() as stream, away(server, stream):
        sending = asyncio.create_task(stream.send("elena", "one"))
        reading = asyncio.create_task(_all(stream))
        await asyncio.sleep(0)
        await stream.aclose()
    with pytest.raises(StreamEnded):
        await sending
    assert await reading == []


async def _all(stream: Stream) -> list[Event]:
    return [event async for event in stream]


def _ids(bot_name: str) -> dict[str, str]:
    return {"bot_name": bot_name, "message_id": f"id-{bot_name}"}
