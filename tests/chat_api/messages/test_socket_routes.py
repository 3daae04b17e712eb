"""The chat WebSocket: what a base client sees, and what a hostile one cannot do."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chat_api.messages.socket_connection import MAX_QUEUED_BYTES
from chat_api.messages.socket_manager import WebSocketManager
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import FRIEND
from tests.support.stalled_socket import stalled

BASE_TYPES = {"message", "bot_typing", "error"}

Frame = dict[str, Any]


@asynccontextmanager
async def chat(api: RunningApi, token: str, **options: Any) -> AsyncIterator[ClientConnection]:
    """One tab."""
    async with connect(api.ws_url + token, proxy=None, max_size=None, **options) as socket_:
        yield socket_


async def receive(tab: ClientConnection) -> Frame:
    """The next frame, which is always one that a base client knows."""
    async with asyncio.timeout(DEADLINE_S):
        frame: Frame = json.loads(await tab.recv())
    assert frame["type"] in BASE_TYPES
    return frame


async def receive_until(tab: ClientConnection, kind: str) -> list[Frame]:
    """Every frame up to and including the first of a type."""
    frames = [await receive(tab)]
    while frames[-1]["type"] != kind:
        frames.append(await receive(tab))
    return frames


async def close_code(tab: ClientConnection) -> int:
    """Read to the end, and say how it ended."""
    try:
        async with asyncio.timeout(DEADLINE_S):
            while True:
                await tab.recv()
    except ConnectionClosed:
        return tab.close_code or 0


def message(content: str = "Hello", bot_name: str = "elena", **data: object) -> str:
    """A message frame as the specification has it."""
    return json.dumps({"type": "message", "data": {"content": content, "bot_name": bot_name} | data})


def manager_of(api: RunningApi) -> WebSocketManager:
    """The application's own view of its sockets."""
    manager: WebSocketManager = api.app.state.websockets
    return manager


async def test_a_message_is_answered_as_specified(door: RunningApi) -> None:
    """Typing begins, the answer comes with the specification's keys, typing has ended."""
    async with chat(door, await door.login("ws base")) as tab:
        await tab.send(json.dumps({"type": "typing_start", "bot_name": "elena"}))
        await tab.send(message())
        frames = [await receive(tab) for _ in range(3)]
    typing = [frame for frame in frames if frame["type"] == "bot_typing"]
    assert frames[0] == {"type": "bot_typing", "bot_name": "elena", "is_typing": True}
    assert [frame["is_typing"] for frame in typing] == [True, False]
    (answer,) = (frame for frame in frames if frame["type"] == "message")
    data = answer["data"]
    assert {"content", "bot_name", "timestamp", "message_id"} <= data.keys()
    assert (data["bot_name"], bool(data["content"])) == ("elena", True)


async def test_every_tab_of_a_user_gets_the_answer_and_nobody_else(door: RunningApi) -> None:
    """Two tabs converge; a stranger's socket stays silent."""
    token, foreign = await asyncio.gather(door.login("ws tabs"), door.login("ws foreign"))
    async with chat(door, token) as first, chat(door, token) as second, chat(door, foreign) as stranger:
        await first.send(message(client_msg_id="m-1"))
        answers = [(await receive_until(tab, "message"))[-1] for tab in (first, second)]
        assert answers[0] == answers[1]
        assert answers[0]["data"]["client_msg_id"] == "m-1"
        await stranger.send("{}")
        assert (await receive(stranger))["type"] == "error"


async def test_rest_and_websocket_are_one_conversation(door: RunningApi) -> None:
    """What is sent by REST is delivered to the open tab too."""
    token = await door.login("ws rest")
    async with chat(door, token) as tab, door.client(token) as client:
        sent = (await client.post("/api/chat", json={"content": "Hello", "bot_name": "marcus"})).json()
        frame = (await receive_until(tab, "message"))[-1]
    assert frame["data"]["message_id"] == sent["response_id"]
    assert frame["data"]["content"] == sent["response"]


BAD_FRAMES = [
    ("", "malformed_request"),
    ("not json", "malformed_request"),
    ("[]", "malformed_request"),
    ("42", "malformed_request"),
    ("null", "malformed_request"),
    ("[" * 60_000, "malformed_request"),
    ('{"type": "message", "data": {"content": NaN, "bot_name": "elena"}}', "malformed_request"),
    ('{"type": "message", "data": {"content": "\\ud800", "bot_name": "elena"}}', "malformed_request"),
    ("x" * 70_000, "payload_too_large"),
    ("{}", "invalid_input"),
    ('{"type": null}', "invalid_input"),
    ('{"type": []}', "invalid_input"),
    ('{"type": {"a": 1}}', "invalid_input"),
    ('{"type": "hello_there"}', "invalid_input"),
    ('{"type": "message"}', "invalid_input"),
    ('{"type": "message", "data": []}', "invalid_input"),
    ('{"type": "message", "data": {}}', "invalid_input"),
    ('{"type": "typing_start"}', "invalid_input"),
    ('{"type": "typing_start", "bot_name": {}}', "invalid_input"),
    ('{"type": "typing_start", "bot_name": "nobody"}', "not_found"),
    (message(bot_name="nobody"), "not_found"),
    (message(bot_name="\x00"), "not_found"),
    (message(""), "invalid_input"),
    (message("x" * 4001), "invalid_input"),
    (message("nul \x00"), "invalid_input"),
    (message(content=7), "invalid_input"),  # type: ignore[arg-type]
    (message(message_type="smell"), "invalid_input"),
    (message(message_type=7), "invalid_input"),
    (message(client_msg_id=7), "invalid_input"),
    (message(client_msg_id=""), "invalid_input"),
    (message(client_msg_id="x" * 101), "invalid_input"),
]


async def test_bad_frames_get_typed_errors(door: RunningApi) -> None:
    """Each one is answered with its error, and the socket lives on to carry a good one."""
    async with chat(door, await door.login("ws bad")) as tab:
        for text, code in BAD_FRAMES:
            await tab.send(text)
            frame = await receive(tab)
            assert (frame["type"], frame["code"]) == ("error", code), text[:80]
            assert isinstance(frame["message"], str)
            assert frame["retryable"] is False
        await tab.send(message())
        assert (await receive_until(tab, "message"))[-1]["data"]["content"]


async def test_an_error_names_the_message_it_is_about(door: RunningApi) -> None:
    """By the client's own id; a failed bot's error also by ours, so that it can be retried."""
    async with chat(door, await door.login("ws ids")) as tab:
        await tab.send(message(bot_name="nobody", client_msg_id="m-7"))
        assert (await receive(tab))["client_msg_id"] == "m-7"


async def test_a_failed_bot_is_told(api: RunningApi, elena: RunningBot) -> None:
    """An error frame with the code, the stored message and no word of the bot's exception."""
    await elena.set_faults(mode="exception")
    async with chat(api, await api.login()) as tab:
        await tab.send(message(client_msg_id="m-1"))
        frames = await receive_until(tab, "error")
    error = frames[-1]
    assert (error["code"], error["retryable"], error["client_msg_id"]) == ("bot_failed", True, "m-1")
    assert {"message_id", "bot_name", "seq"} <= error.keys()
    assert "Traceback" not in error["message"]


async def test_a_binary_frame_is_final(door: RunningApi) -> None:
    """4400."""
    async with chat(door, await door.login("ws binary")) as tab:
        await tab.send(b"\x00\x01")
        assert await close_code(tab) == 4400


@pytest.mark.parametrize("token", ["x", "a.b.c", "%00", "%F0%9F%8C%8A", "eyJ" * 1000])
async def test_a_bad_token_is_final(door: RunningApi, token: str) -> None:
    """4401, which a browser's page can read."""
    async with chat(door, token) as tab:
        assert await close_code(tab) == 4401


async def test_an_administrators_token_is_no_users(door: RunningApi, tokens: dict[str, str]) -> None:
    """4401 too."""
    async with chat(door, tokens["admin"]) as tab:
        assert await close_code(tab) == 4401


async def test_origins(door: RunningApi) -> None:
    """Another site's page gets no handshake; ours, a friend's and a program's do."""
    token = await door.login("ws origin")
    for origin in ("https://evil.example", "null", "http://["):
        with pytest.raises(InvalidStatus) as refusal:
            async with chat(door, token, origin=origin):
                pass
        assert refusal.value.response.status_code == 403
    for let_in in (door.url, FRIEND, None):
        async with chat(door, token, origin=let_in) as tab:
            await tab.send("{}")
            assert (await receive(tab))["code"] == "invalid_input"


async def test_connections_are_capped(make_settings: MakeSettings, elena: RunningBot) -> None:
    """So many a user, so many a process: 4409 above, and room again when one leaves."""
    limits = {"max_connections_per_user": 2, "max_concurrent_connections": 3}
    async with running_api(make_settings(bots=(elena,), **limits)) as api, contextlib.AsyncExitStack() as stack:
        alice, bobby = await api.login("alice"), await api.login("bobby")
        first = await stack.enter_async_context(chat(api, alice))
        for token in (alice, bobby):
            await stack.enter_async_context(chat(api, token))
        await eventually(lambda: manager_of(api).connection_count == 3)
        for token in (alice, bobby):
            async with chat(api, token) as refused:
                assert await close_code(refused) == 4409
        await first.close()
        await eventually(lambda: manager_of(api).connection_count == 2)
        async with chat(api, bobby) as tab:
            await tab.send(message())
            await receive_until(tab, "message")


async def test_logout_closes_the_sockets_of_its_session_only(door: RunningApi) -> None:
    """4401 soon after; the same person's other session stays connected."""
    first = await door.login("ws logout")
    async with door.client(first) as client:
        second = (await client.post("/api/login", json={"username": "ws logout"})).json()["session_token"]
        client.cookies.clear()
        async with chat(door, first) as ended, chat(door, second) as other:
            await client.post("/api/logout")
            assert await close_code(ended) == 4401
            await other.send("{}")
            assert (await receive(other))["type"] == "error"


async def test_an_answer_outlives_its_socket(api: RunningApi, elena: RunningBot) -> None:
    """The client vanishes without a goodbye while the bot thinks; the answer is in the history."""
    await elena.set_faults(is_held=True)
    token = await api.login()
    async with chat(api, token) as tab:
        await tab.send(message("Are you there?"))
        await receive_until(tab, "bot_typing")
        tab.transport.abort()
    await eventually(lambda: manager_of(api).connection_count == 0)
    await elena.set_faults(is_held=False)

    async with api.client(token) as client:

        async def answered() -> bool:
            lines = (await client.get("/api/conversations/elena/messages")).json()["messages"]
            return [line["role"] for line in lines] == ["bot", "user"]

        await eventually(answered)


async def test_a_stalled_reader_is_the_only_one_closed(api: RunningApi) -> None:
    """A peer that reads nothing fills its own queue and is let go, whatever it does; the others miss nothing."""
    token, other = await asyncio.gather(api.login("alice"), api.login("bobby"))
    user_id = (await api.services.auth.authenticate(token)).user_id
    manager = manager_of(api)
    async with chat(api, other) as well, stalled(api, token):
        await eventually(lambda: manager.connection_count == 2)
        frame = {"type": "error", "message": "x" * 10_000}
        for _ in range(40 * MAX_QUEUED_BYTES // 10_000):
            if not await manager.send_to_user(user_id, frame):
                break
            # The writer goes on until the kernel takes no more: only then not even our close gets through.
            await asyncio.sleep(0.001)
        else:
            pytest.fail("a queue without bounds")
        await eventually(lambda: manager.connection_count == 1)
        await well.send(message())
        assert (await receive_until(well, "message"))[-1]["data"]["content"]
    assert b'websocket_closed_total{code="4008"} 1.0' in api.app.state.metrics.render()


async def test_a_peer_that_ignores_our_close_is_not_heard(door: RunningApi) -> None:
    """After logout its frames count for nothing, though it keeps the connection open and goes on sending."""
    token = await door.login("ws deaf")
    before = manager_of(door).connection_count
    async with stalled(door, token):
        await eventually(lambda: manager_of(door).connection_count == before + 1)
        async with door.client(token) as client:
            await client.post("/api/logout")
        await eventually(lambda: manager_of(door).connection_count == before)


async def test_shutdown_invites_to_come_back(make_settings: MakeSettings, elena: RunningBot) -> None:
    """4001 to every socket."""
    async with contextlib.AsyncExitStack() as stack, running_api(make_settings(bots=(elena,))) as api:
        tabs = [await stack.enter_async_context(chat(api, await api.login(name))) for name in ("alice", "bobby")]
        await eventually(lambda: manager_of(api).connection_count == 2)
        await manager_of(api).drain()
        assert [await close_code(tab) for tab in tabs] == [4001, 4001]
        async with chat(api, await api.login("carol")) as late:
            assert await close_code(late) == 4001


ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.sampled_from(["elena", "text", "message"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=8,
)
FRAMES = st.one_of(
    ANY_TEXT,
    VALUE.map(json.dumps),
    st.fixed_dictionaries(
        {"type": st.sampled_from(["message", "typing_start", "hello"]) | VALUE},
        optional={
            "bot_name": VALUE,
            "data": VALUE
            | st.fixed_dictionaries(
                {}, optional=dict.fromkeys(["content", "bot_name", "client_msg_id", "message_type"], VALUE)
            ),
        },
    ).map(json.dumps),
)


@settings(
    max_examples=25,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(frames=st.lists(FRAMES, min_size=1, max_size=12))
async def test_no_frame_is_a_fault_of_ours(door: RunningApi, frames: list[str]) -> None:
    """Whatever text comes: no internal error, no close; the socket still answers afterwards."""
    async with chat(door, await door.login("ws fuzz")) as tab:
        for text in frames:
            await tab.send(text)
        await tab.send(message(bot_name="the end", client_msg_id="the end"))
        while True:
            frame = await receive(tab)
            assert frame.get("code") != "internal_error"
            if frame.get("client_msg_id") == "the end":
                break


async def test_a_broadcast_reaches_everybody(make_settings: MakeSettings, elena: RunningBot) -> None:
    """The manager's own surface: one frame to every connection, and how many there were; nobody is no error."""
    async with running_api(make_settings(bots=(elena,))) as api:
        assert await manager_of(api).broadcast({"type": "error", "message": "Nobody"}) == 0
        async with chat(api, await api.login("alice")) as first, chat(api, await api.login("bob")) as second:
            await eventually(lambda: manager_of(api).connection_count == 2)
            assert await manager_of(api).broadcast({"type": "error", "message": "Soon down"}) == 2
            for tab in (first, second):
                assert (await receive(tab))["message"] == "Soon down"
