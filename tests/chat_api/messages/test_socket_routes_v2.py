"""The chat WebSocket for clients that say hello: every event once and in order, on every tab, after every absence."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from uuid import uuid4

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chat_api.messages import socket_manager as manager_module
from chat_api.messages.socket_manager import WebSocketManager
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot, sample_bot

LIVE = {"bot_typing", "bot_status", "answer_delta", "ping"}

Frame = dict[str, Any]


class Tab:
    """One tab that speaks version 2."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.epoch = ""
        self.live: list[Frame] = []

    async def say(self, kind: str, **values: Any) -> None:
        """Send a frame."""
        await self.socket.send(json.dumps({"type": kind} | values))

    async def hello(self, client_id: str = "tab", *, since: Frame | None = None) -> Frame:
        """Say hello; returns the welcome."""
        await self.say("hello", v=2, client_id=client_id, **({"since": since} if since else {}))
        welcome = await self.next()
        assert welcome["type"] == "welcome"
        self.epoch = welcome["epoch"]
        return welcome

    async def send(self, content: str, *, key: str | None = None, bot_name: str = "elena") -> None:
        """Send a message."""
        data = {"content": content, "bot_name": bot_name} | ({"client_msg_id": key} if key else {})
        await self.say("message", data=data)

    async def next(self) -> Frame:
        """The next frame that is not of the moment only; those are kept in ``live``."""
        while True:
            async with asyncio.timeout(DEADLINE_S):
                frame: Frame = json.loads(await self.socket.recv())
            if frame["type"] not in LIVE:
                return frame
            self.live.append(frame)

    async def take(self, count: int) -> list[Frame]:
        """The next so many."""
        return [await self.next() for _ in range(count)]

    async def close_code(self) -> int:
        """Read to the end, and say how it ended."""
        try:
            while True:
                await self.next()
        except ConnectionClosed:
            return self.socket.close_code or 0


@asynccontextmanager
async def tab(api: RunningApi, token: str) -> AsyncIterator[Tab]:
    """An open socket."""
    async with connect(api.ws_url + token, proxy=None, max_size=None) as socket:
        yield Tab(socket)


def manager_of(api: RunningApi) -> WebSocketManager:
    """The manager behind the doors."""
    manager: WebSocketManager = api.app.state.websockets
    return manager


async def test_a_message_is_acknowledged_in_its_place(door: RunningApi) -> None:
    """Welcome, then the acknowledgement as event 1 and the answer as event 2."""
    async with tab(door, await door.login("v2 ack")) as mine:
        welcome = await mine.hello()
        assert welcome["seq"] == 0
        assert welcome["ping_s"] == 25
        assert welcome["limits"]["message_chars"] == 4000
        await mine.send("Hello", key="k1")
        ack, answer = await mine.take(2)
    assert ack == {
        "type": "ack",
        "client_msg_id": "k1",
        "message_id": ack["message_id"],
        "seq": 1,
        "timestamp": ack["timestamp"],
        "status": "stored",
    }
    assert (answer["type"], answer["seq"], answer["data"]["role"]) == ("message", 2, "bot")
    assert answer["data"]["reply_to"] == ack["message_id"]
    assert answer["data"]["finish_reason"] == "stop"


async def test_the_same_message_again_is_a_duplicate(door: RunningApi) -> None:
    """Told of the stored one, and nothing new in the stream."""
    async with tab(door, await door.login("v2 twin")) as mine:
        await mine.hello()
        await mine.send("Hello", key="k1")
        ack, answer = await mine.take(2)
        await mine.send("Hello", key="k1")
        again = await mine.next()
        assert again == ack | {"status": "duplicate", "message_status": "answered"}
        await mine.send("Another", key="k1")
        refusal = await mine.next()
        assert (refusal["code"], refusal["client_msg_id"]) == ("invalid_input", "k1")
        await mine.send("And on", key="k2")
        assert [frame["seq"] for frame in await mine.take(2)] == [answer["seq"] + 1, answer["seq"] + 2]


async def test_other_tabs_get_the_message_itself(door: RunningApi) -> None:
    """The sender an acknowledgement, the others what was written; a base client neither."""
    token = await door.login("v2 tabs")
    async with tab(door, token) as mine, tab(door, token) as other, tab(door, token) as base:
        await mine.hello("one")
        await other.hello("two")
        await mine.send("Hello", key="k1")
        ack, _ = await mine.take(2)
        echo, answer = await other.take(2)
        assert echo["data"] == echo["data"] | {
            "role": "user",
            "content": "Hello",
            "message_id": ack["message_id"],
            "client_msg_id": "k1",
        }
        assert (echo["seq"], answer["seq"]) == (1, 2)
        assert (await base.next())["data"]["role"] == "bot"


async def test_what_was_missed_is_replayed(door: RunningApi) -> None:
    """While the tab was away: everything in order, then the live stream, without a gap and without a repetition."""
    token = await door.login("v2 resume")
    async with tab(door, token) as mine:
        welcome = await mine.hello()
        await mine.send("One", key="k1")
        seen = [frame["seq"] for frame in await mine.take(2)]
    async with door.client(token) as client:
        for number in range(3):
            await client.post("/api/chat", json={"bot_name": "elena", "content": f"away {number}"})
    async with tab(door, token) as mine:
        await mine.hello(since={"epoch": welcome["epoch"], "seq": seen[-1]})
        missed = await mine.take(6)
        assert [frame["seq"] for frame in missed] == [3, 4, 5, 6, 7, 8]
        assert [frame["data"]["role"] for frame in missed] == ["user", "bot"] * 3
        assert await mine.next() == {"type": "resumed", "seq": 8}
        await mine.send("Back", key="k2")
        assert [frame["seq"] for frame in await mine.take(2)] == [9, 10]


async def test_a_client_that_was_away_too_long_must_ask(door: RunningApi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another epoch, a place that is not in the stream, or too much missed: never a part of it."""
    monkeypatch.setattr("chat_api.messages.feeds.MAX_REPLAY", 3)
    token = await door.login("v2 resync")
    async with door.client(token) as client:
        for number in range(2):
            await client.post("/api/chat", json={"bot_name": "elena", "content": f"away {number}"})
        position = (await client.get("/api/stream")).json()
    assert position["seq"] == 4
    for since in (
        {"epoch": str(uuid4()), "seq": 4},
        {"epoch": position["epoch"], "seq": 0},
        {"epoch": position["epoch"], "seq": 99},
    ):
        async with tab(door, token) as mine:
            await mine.hello(since=since)
            assert await mine.next() == {"type": "resync"} | position


async def test_a_returning_tab_replaces_only_itself(door: RunningApi) -> None:
    """Its predecessor is told so, for good; the other tab stays."""
    token = await door.login("v2 replace")
    async with tab(door, token) as old, tab(door, token) as other, tab(door, token) as new:
        await old.hello("same")
        await other.hello("other")
        await new.hello("same")
        assert await old.close_code() == 4000
        await new.send("Hello", key="k1")
        assert (await other.next())["seq"] == 1
        assert (await new.next())["type"] == "ack"


async def test_a_tab_is_replaced_in_another_process(
    make_settings: MakeSettings, api: RunningApi, elena: RunningBot
) -> None:
    """A reconnect that a balancer sends elsewhere."""
    async with running_api(make_settings(bots=(elena,))) as second:
        await eventually(lambda: api.services.feeds.is_live and second.services.feeds.is_live)
        token = await api.login()
        async with tab(api, token) as old, tab(second, token) as new:
            await old.hello("same")
            await new.hello("same")
            assert await old.close_code() == 4000
            await new.send("Hello", key="k1")
            assert [frame["seq"] for frame in await new.take(2)] == [1, 2]


@pytest.mark.parametrize(
    "frame",
    [
        {"v": 1, "client_id": "tab"},
        {"v": 2},
        {"v": 2, "client_id": ""},
        {"v": 2, "client_id": "x" * 101},
        {"v": 2, "client_id": "tab", "since": []},
        {"v": 2, "client_id": "tab", "since": {"epoch": "x", "seq": 1}},
        {"v": 2, "client_id": "tab", "since": {"epoch": str(uuid4()), "seq": -1}},
        {"v": 2, "client_id": "tab", "since": {"epoch": str(uuid4()), "seq": True}},
    ],
)
async def test_a_bad_hello_changes_nothing(door: RunningApi, frame: Frame) -> None:
    """A typed refusal; the connection stays what it was."""
    async with tab(door, await door.login("v2 bad hello")) as mine:
        await mine.say("hello", **frame)
        assert (await mine.next())["code"] == "invalid_input"
        assert (await mine.hello())["type"] == "welcome"
        await mine.say("hello", v=2, client_id="again")
        assert (await mine.next())["code"] == "invalid_input"


async def test_pings_are_answered_and_asked_for(
    make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who says hello is asked whether it is there; one that says nothing is closed, a base client never is."""
    monkeypatch.setattr(manager_module, "PING_S", 0.5)
    monkeypatch.setattr(manager_module, "ROUND_S", 0.1)
    monkeypatch.setattr(manager_module, "PONG_ROUNDS", 5)
    async with running_api(make_settings(bots=(elena,))) as api:
        token = await api.login()
        async with tab(api, token) as base, tab(api, token) as silent, tab(api, token) as lively:
            await lively.hello("lively")
            await silent.hello("silent")
            await lively.say("ping")
            assert (await lively.next())["type"] == "pong"
            closing = asyncio.create_task(silent.close_code())
            while not closing.done():
                frame = json.loads(await lively.socket.recv())
                if frame["type"] == "ping":
                    await lively.say("pong")
            assert await closing == 4012
            assert silent.live[-1] == {"type": "ping"}
            await lively.say("ping")
            assert (await lively.next())["type"] == "pong"
            await base.say("message", data={"content": "Hello", "bot_name": "elena"})
            assert (await base.next())["data"]["role"] == "bot"


async def test_nobody_is_late_while_we_stand_still(
    make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that was paused for longer than a pong may take has not read what came meanwhile."""
    monkeypatch.setattr(manager_module, "PING_S", 0.1)
    monkeypatch.setattr(manager_module, "ROUND_S", 0.1)
    async with running_api(make_settings(bots=(elena,))) as api, tab(api, await api.login()) as mine:
        await mine.hello("mine")
        while json.loads(await mine.socket.recv())["type"] != "ping":
            pass
        await mine.say("pong")
        time.sleep(2 * manager_module.ROUND_S * manager_module.PONG_ROUNDS)  # noqa: ASYNC251  all of us
        await mine.say("ping")
        while json.loads(await mine.socket.recv())["type"] != "pong":
            pass


async def test_a_flood_of_frames_is_cut_off(make_settings: MakeSettings, elena: RunningBot) -> None:
    """More frames a second than any person makes."""
    async with (
        running_api(make_settings(bots=(elena,), websocket_frames_per_second=10)) as api,
        tab(api, await api.login()) as mine,
    ):
        await mine.hello()
        for _ in range(40):
            await mine.say("ping")
        assert await mine.close_code() == 4029


async def test_a_ticket_opens_one_socket(door: RunningApi) -> None:
    """In place of the token, once; one that was spent, or made up, opens nothing."""
    token = await door.login("v2 ticket")
    async with door.client(token) as client:
        given = (await client.post("/api/ws-ticket")).json()
    assert given["expires_in"] == 60
    async with tab(door, given["ticket"]) as mine:
        await mine.hello()
        await mine.send("Hello", key="k1")
        assert (await mine.next())["type"] == "ack"
    for ticket in (given["ticket"], "wst_" + "x" * 43):
        async with tab(door, ticket) as late:
            assert await late.close_code() == 4401


async def test_a_ticket_dies_with_its_session(door: RunningApi) -> None:
    """Logout between the two."""
    token = await door.login("v2 ticket logout")
    async with door.client(token) as client:
        ticket = (await client.post("/api/ws-ticket")).json()["ticket"]
        await client.post("/api/logout")
    async with tab(door, ticket) as late:
        assert await late.close_code() == 4401


async def test_changes_are_events_in_every_tab(door: RunningApi) -> None:
    """Edit, react, read, delete: in order, with what a client needs to follow."""
    token = await door.login("v2 changes")
    async with tab(door, token) as mine, door.client(token) as client:
        await mine.hello()
        await mine.send("Helo", key="k1")
        ack, answer = await mine.take(2)
        own, bots = ack["message_id"], answer["data"]["message_id"]
        assert (await client.patch(f"/api/messages/{own}", json={"content": "Hello", "version": 1})).status_code == 200
        assert (await client.put(f"/api/messages/{bots}/reactions/👍")).status_code == 200
        assert (await client.put("/api/conversations/elena/read", json={"seq": answer["seq"]})).status_code == 200
        assert (await client.delete(f"/api/messages/{bots}/reactions/👍")).status_code == 200
        assert (await client.delete(f"/api/messages/{own}")).status_code == 200
        edited, added, read, removed, deleted = await mine.take(5)
    about = {"message_id": own, "bot_name": "elena"}
    assert edited == {"type": "edited", "seq": 3, "content": "Hello", "version": 2} | about
    reaction = {"type": "reaction", "message_id": bots, "bot_name": "elena", "emoji": "👍"}
    assert added == reaction | {"seq": 4, "action": "added"}
    assert read == {"type": "read", "seq": 5, "bot_name": "elena", "up_to": answer["seq"]}
    assert removed == reaction | {"seq": 6, "action": "removed"}
    assert deleted == {"type": "deleted", "seq": 7} | about


async def test_failures_and_retries_are_events(api: RunningApi, elena: RunningBot) -> None:
    """What failed says why; the retry and its answer follow."""
    token = await api.login()
    await elena.set_faults(mode="exception")
    async with tab(api, token) as mine, api.client(token) as client:
        await mine.hello()
        await mine.send("Hello", key="k1")
        ack, failed = await mine.take(2)
        assert failed == {
            "type": "failed",
            "seq": 2,
            "message_id": ack["message_id"],
            "bot_name": "elena",
            "client_msg_id": "k1",
            "code": "bot_failed",
            "message": failed["message"],
            "retryable": True,
        }
        await elena.set_faults(mode="ok")
        await client.post(f"/api/chat/{ack['message_id']}/retry")
        retried, answer = await mine.take(2)
        assert retried == {"type": "retried", "seq": 3, "message_id": ack["message_id"], "bot_name": "elena"}
        assert (answer["seq"], answer["data"]["reply_to"]) == (4, ack["message_id"])
        # A client that comes later is told the same story, though the message has been answered meanwhile.
        async with tab(api, token) as late:
            await late.hello("late", since={"epoch": mine.epoch, "seq": 0})
            assert [frame["type"] for frame in await late.take(5)] == [
                "message",
                "failed",
                "retried",
                "message",
                "resumed",
            ]


@pytest.fixture
async def streaming(make_settings: MakeSettings) -> AsyncIterator[tuple[RunningApi, RunningBot]]:
    """The API before a bot that streams slowly."""
    async with (
        sample_bot("elena", stream=True, piece_delay_ms=150) as bot,
        running_api(make_settings(bots=(bot,))) as api,
    ):
        yield api, bot


async def test_an_answer_comes_in_pieces(streaming: tuple[RunningApi, RunningBot]) -> None:
    """The pieces put together are the answer, under the answer's own id; a base client sees none of them."""
    api, _ = streaming
    token = await api.login()
    async with tab(api, token) as mine, tab(api, token) as base:
        await mine.hello()
        await mine.send("Tell me about the sea", key="k1")
        ack, answer = await mine.take(2)
        pieces = [frame for frame in mine.live if frame["type"] == "answer_delta"]
        assert pieces
        text = ""
        for piece in pieces:
            assert piece["offset"] == len(text)
            assert (piece["message_id"], piece["reply_to"]) == (answer["data"]["message_id"], ack["message_id"])
            text += piece["text"]
        assert answer["data"]["content"].startswith(text)
        assert (await base.next())["data"]["content"] == answer["data"]["content"]
        assert {frame["type"] for frame in base.live} == {"bot_typing"}


async def test_a_stopped_answer_keeps_what_was_said(streaming: tuple[RunningApi, RunningBot]) -> None:
    """Stopped after the first pieces, over the socket: that much is the answer, and marked."""
    api, bot = streaming
    await bot.set_faults(hold_after=2)
    token = await api.login()
    async with tab(api, token) as mine:
        await mine.hello()
        await mine.send("Tell me about the sea", key="k1")
        ack = await mine.next()
        while not any(frame["type"] == "answer_delta" for frame in mine.live):
            mine.live.append(json.loads(await mine.socket.recv()))
        await mine.say("stop", message_id=ack["message_id"])
        answer = await mine.next()
        assert answer["data"]["finish_reason"] == "stopped"
        assert answer["data"]["content"]
        async with api.client(token) as client:
            history = (await client.get("/api/conversations/elena/messages")).json()["messages"]
    assert (history[0]["content"], history[0]["finish_reason"]) == (answer["data"]["content"], "stopped")


async def test_an_answer_is_stopped_from_another_process(
    streaming: tuple[RunningApi, RunningBot], make_settings: MakeSettings
) -> None:
    """The wish goes where the call runs."""
    api, bot = streaming
    await bot.set_faults(is_held=True)
    async with running_api(make_settings(bots=(bot,))) as other:
        token = await api.login()
        async with tab(api, token) as mine, other.client(token) as client:
            await mine.hello()
            await mine.send("Are you there?", key="k1")
            ack = await mine.next()
            await client.post(f"/api/chat/{ack['message_id']}/stop")
            failed = await mine.next()
        assert (failed["type"], failed["code"], failed["retryable"]) == ("failed", "stopped", True)


async def test_a_stream_that_breaks_off_is_kept_and_marked(streaming: tuple[RunningApi, RunningBot]) -> None:
    """What came is the answer, and said to be cut."""
    api, bot = streaming
    await bot.set_faults(mode="truncate_stream")
    async with tab(api, await api.login()) as mine:
        await mine.hello()
        await mine.send("Tell me about the sea", key="k1")
        _, answer = await mine.take(2)
    assert answer["data"]["finish_reason"] == "truncated"
    assert answer["data"]["content"]


async def test_the_end_of_a_session_elsewhere_closes_at_once(
    make_settings: MakeSettings, api: RunningApi, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Signed out at one process, closed at the other, which does not look by itself meanwhile."""
    monkeypatch.setattr(manager_module, "SESSION_CHECK_S", 3600.0)
    async with running_api(make_settings(bots=(elena,))) as second:
        await eventually(lambda: api.services.feeds.is_live and second.services.feeds.is_live)
        token = await api.login()
        async with tab(second, token) as mine, api.client(token) as client:
            await mine.hello()
            await client.post("/api/logout")
            assert await mine.close_code() == 4401


async def test_a_bots_status_is_told(make_settings: MakeSettings) -> None:
    """To clients that said hello, when it changes."""
    async with (
        sample_bot("elena") as bot,
        running_api(make_settings(bots=(bot,), bot_health_check_interval=0.2)) as api,
        tab(api, await api.login()) as mine,
    ):
        await eventually(lambda: api.services.fleet.public_bots()[0].status == "online")
        await mine.hello()
        await bot.kill()
        while True:
            async with asyncio.timeout(DEADLINE_S):
                frame = json.loads(await mine.socket.recv())
            if frame["type"] == "bot_status" and frame["status"] == "offline":
                break
        assert frame == {"type": "bot_status", "bot_name": "elena", "status": "offline"}
