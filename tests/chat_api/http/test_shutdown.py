"""What callers hear when the process that answers them ends, and how long it takes to."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import httpx
import pytest
from fastapi import FastAPI, WebSocket
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidMessage, InvalidStatus

from chat_api import lifespan
from chat_api.core.settings import Settings
from chat_api.messages.socket_connection import CloseCode
from console import server
from tests.support.api import MakeSettings, RunningApi, running, running_api
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import assert_error
from tests.support.stalled_socket import stalled

PEOPLE = 4
MESSAGES = 5
MORE_THAN_IS_BUFFERED = 16 * 1024 * 1024  # by the kernel, on the way to a peer that reads nothing


@pytest.mark.parametrize("is_late", [False, True])
async def test_callers_get_their_answer_or_word_where_it_will_be(
    make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch, is_late: bool
) -> None:
    """Twenty messages are being answered: each caller gets the answer, or which stored message to ask for again.

    Also those whose answers take longer than the server gives to requests that nothing waits for.
    """
    monkeypatch.setattr(server, "REQUEST_DRAIN_S", 1)
    if is_late:
        monkeypatch.setattr(lifespan, "DRAIN_S", 2.0)
    await elena.set_faults(mode="hang" if is_late else "ok", delay_ms=0 if is_late else 300)
    settings = make_settings(bots=(elena,))
    async with AsyncExitStack() as serving, AsyncExitStack() as clients:
        api = await serving.enter_async_context(running_api(settings))
        asking: list[asyncio.Task[httpx.Response]] = []
        tokens = [await api.login(f"user{number}") for number in range(PEOPLE)]
        socket = await clients.enter_async_context(connect(api.ws_url + tokens[0], proxy=None))
        for token in tokens:
            client = await clients.enter_async_context(api.client(token))
            for number in range(MESSAGES):
                body = {"content": f"message {number}", "bot_name": "elena"}
                asking.append(asyncio.create_task(client.post("/api/chat", json=body)))
        await eventually(lambda: api.services.answers.running_count == PEOPLE * MESSAGES)
        await serving.aclose()
        answers = await asyncio.gather(*asking)
        await socket.wait_closed()
        assert socket.close_code == CloseCode.SHUTTING_DOWN
    await elena.set_faults(mode="ok", delay_ms=0)
    if not is_late:
        assert Counter(answer.status_code for answer in answers) == {200: PEOPLE * MESSAGES}
        return
    for answer in answers:
        error = assert_error(answer, 503, "shutting_down")
        assert error["message_id"]
        assert int(answer.headers["Retry-After"]) > 0
    async with running_api(settings) as api, api.client(tokens[0]) as client:
        message_id = answers[0].json()["error"]["message_id"]  # each is stored, and can be answered again
        again = await client.post(f"/api/chat/{message_id}/retry")
        assert again.status_code == 200, again.text


async def test_what_is_cut_off_at_the_very_end_is_told_so(make_settings: MakeSettings, elena: RunningBot) -> None:
    """A request that nothing waits for, and that takes longer than the server does, ends as an error of ours."""
    async with AsyncExitStack() as serving:
        api = await serving.enter_async_context(running_api(make_settings(bots=(elena,))))

        is_asked = asyncio.Event()

        async def never() -> None:
            is_asked.set()
            await asyncio.Event().wait()

        api.app.add_api_route("/api/never", never)
        api.app.router.routes.insert(0, api.app.router.routes.pop())
        async with api.client() as client:
            asking = asyncio.create_task(client.get("/api/never"))
            await eventually(is_asked.is_set)
            await serving.aclose()
            assert_error(await asking, 503, "shutting_down")


async def test_a_handshake_that_is_under_way_does_not_spoil_the_end() -> None:
    """A WebSocket that is neither accepted nor refused yet is refused, and the process ends as it should."""
    app, begun, never = FastAPI(), asyncio.Event(), asyncio.Event()
    app.state.settings = Settings()

    async def hesitate(_: WebSocket) -> None:
        begun.set()
        await never.wait()

    app.add_api_websocket_route("/hesitates", hesitate)
    async with running(app) as url:
        opening = asyncio.create_task(connect(f"{url.replace('http', 'ws', 1)}/hesitates", proxy=None).__aenter__())
        await begun.wait()
    with pytest.raises((InvalidStatus, InvalidMessage)):
        await opening


async def test_a_peer_that_reads_nothing_does_not_hold_up_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was said to it can never be written: its connection is cut, and nobody waits until the drain is over."""
    monkeypatch.setattr(server, "REQUEST_DRAIN_S", 3600)
    app, is_full = FastAPI(), asyncio.Event()
    app.state.settings = Settings()

    async def talk(socket: WebSocket, token: str) -> None:
        await socket.accept()
        await socket.send_bytes(bytes(MORE_THAN_IS_BUFFERED))
        is_full.set()
        await socket.send_text(token)

    app.add_api_websocket_route("/ws/{token}", talk)
    async with asyncio.timeout(DEADLINE_S), AsyncExitStack() as serving:
        url = await serving.enter_async_context(running(app))
        async with stalled(RunningApi(url=url, app=app, settings=app.state.settings), "reads-nothing"):
            await is_full.wait()
            await serving.aclose()
