"""REST calls over a server that fails: repeated where that is safe, and only there; every failure typed."""

import asyncio
from typing import Any

import httpx
import pytest

from tests.whisperengine_client.conftest import QUICK
from tests.whisperengine_client.scripted import NOW, ScriptedServer
from whisperengine_client import (
    Answer,
    BotFailed,
    BotUnavailable,
    ChatClient,
    ChatError,
    Conflict,
    Interrupted,
    InvalidInput,
    NotAuthenticated,
    NotFound,
    RateLimited,
    RetryPolicy,
    ServerFailed,
    Unavailable,
    Unreachable,
)

ANSWER = {
    "message_id": "m",
    "response": "I see.",
    "timestamp": NOW,
    "bot_name": "elena",
    "processing_time": 0.1,
    "response_id": "r",
    "seq": 2,
}
LINE: dict[str, Any] = {"message_id": "m", "bot_name": "elena", "role": "user", "content": "new", "timestamp": NOW}
LINE |= {"status": "answered", "seq": 1, "version": 2}

Reply = tuple[int, dict[str, Any], dict[str, str]]
LOST: Reply = (0, {}, {})


def refusal(status: int, code: str = "", *, retry_after: str = "", **extra: object) -> Reply:
    """An error as the API has it; without a code, as a proxy has it."""
    body = {"error": {"code": code, "message": "no", "request_id": "1", **extra}} if code else {"detail": "proxy"}
    return status, body, {"Retry-After": retry_after} if retry_after else {}


class SharedTransport(httpx.AsyncHTTPTransport):
    """Notes which cookies go over it, and whether it was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.is_closed = False
        self.cookies: list[str | None] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Note the cookies."""
        self.cookies.append(request.headers.get("Cookie"))
        return await super().handle_async_request(request)

    async def __aexit__(self, *error: Any) -> None:
        """What the owner's ``async with`` calls."""
        await self.aclose()

    async def aclose(self) -> None:
        """Note the end."""
        self.is_closed = True
        await super().aclose()


OK: Reply = (200, ANSWER, {})
PENDING = refusal(409, "conflict", message_id="m")
GONE = refusal(503, "database_unavailable", retry_after="0")
LIMITED = refusal(429, "rate_limited", retry_after="0")
PROXY = refusal(502)


@pytest.mark.parametrize("replies", [[LIMITED], [GONE, GONE], [PENDING, PENDING], [PROXY], [refusal(504)], [LOST]])
async def test_asking_is_repeated_under_one_key(server: ScriptedServer, replies: list[Reply]) -> None:
    """Whatever can be waited out is, and the server sees one key: it is one message."""
    server.answers = [*replies, OK]
    async with ChatClient(server.url, retry_policy=QUICK, trust_env=False) as client:
        answer = await client.ask("elena", "Hi")
    assert isinstance(answer, Answer)
    assert (answer.content, answer.message_id, answer.response_id, answer.seq) == ("I see.", "m", "r", 2)
    keys = {key for _, _, key, _ in server.calls}
    assert len(keys) == 1
    assert None not in keys
    assert len(server.calls) == len(replies) + 1


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(502, "bot_failed", message_id="m"), BotFailed),
        (refusal(503, "bot_unavailable", message_id="m"), BotUnavailable),
        (refusal(502, "interrupted", message_id="m"), Interrupted),
    ],
)
async def test_a_failed_bot_is_the_callers_decision(
    server: ScriptedServer, client: ChatClient, reply: Reply, kind: type[ChatError]
) -> None:
    """Raised at once with the stored message, never asked again unasked."""
    server.answers = [reply]
    with pytest.raises(kind) as caught:
        await client.ask("elena", "Hi")
    assert (caught.value.message_id, len(server.calls)) == ("m", 1)


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (refusal(401, "not_authenticated"), NotAuthenticated),
        (refusal(404, "not_found"), NotFound),
        (refusal(422, "invalid_input"), InvalidInput),
        (refusal(413, "payload_too_large"), InvalidInput),
        (refusal(500, "internal_error"), ServerFailed),
    ],
)
async def test_a_refusal_is_not_repeated(
    server: ScriptedServer, client: ChatClient, reply: Reply, kind: type[ChatError]
) -> None:
    """It would be the same again."""
    server.answers = [reply]
    with pytest.raises(kind) as caught:
        await client.ask("elena", "Hi")
    assert (caught.value.status, caught.value.request_id, len(server.calls)) == (reply[0], "1", 1)


async def test_patience_ends(server: ScriptedServer) -> None:
    """A wait that would go beyond it is not begun."""
    server.answers = [refusal(429, "rate_limited", retry_after="60")]
    async with ChatClient(server.url, retry_policy=RetryPolicy(total_s=30), trust_env=False) as client:
        with pytest.raises(RateLimited) as caught:
            await client.bots()
    assert caught.value.retry_after_s == 60


@pytest.mark.parametrize("reply", [LOST, PROXY])
async def test_a_login_is_not_repeated_after_a_lost_reply(server: ScriptedServer, reply: Reply) -> None:
    """The second claim of the name would make the caller a guest."""
    server.answers = [reply]
    async with ChatClient(server.url, retry_policy=QUICK, trust_env=False) as client:
        with pytest.raises((Unreachable, Unavailable)):
            await client.login("alice")
    assert len(server.calls) == 1


async def test_a_retry_is_not_repeated_after_a_lost_reply(server: ScriptedServer) -> None:
    """The bot might be asked twice; but a server that has certainly done nothing is asked again."""
    server.answers = [GONE, LOST]
    async with ChatClient(server.url, retry_policy=QUICK, trust_env=False) as client:
        with pytest.raises(Unreachable):
            await client.retry("m")
    assert [path for _, path, _, _ in server.calls] == ["/api/chat/m/retry"] * 2


async def test_an_edit_whose_reply_was_lost(server: ScriptedServer) -> None:
    """The conflict is with our own earlier attempt: it is done."""
    stale = refusal(409, "conflict", current_version=2)
    server.events = [{"type": "message", "seq": 1, "data": LINE}]
    server.answers = [LOST, stale]
    async with ChatClient(server.url, retry_policy=QUICK, trust_env=False) as client:
        assert (await client.edit("m", "new", version=1)).version == 2
        server.answers = [LOST, stale]
        with pytest.raises(Conflict):
            await client.edit("m", "other", version=1)
        server.answers = [stale]
        with pytest.raises(Conflict) as caught:
            await client.edit("m", "new", version=1)
    assert caught.value.current_version == 2


async def test_a_deletion_whose_reply_was_lost(server: ScriptedServer) -> None:
    """It is gone, as was asked; but what was never there is not found."""
    server.answers = [LOST, refusal(404, "not_found")]
    async with ChatClient(server.url, retry_policy=QUICK, trust_env=False) as client:
        await client.delete("m")
        server.answers = [refusal(404, "not_found")]
        with pytest.raises(NotFound):
            await client.delete("m")


async def test_names_in_paths_are_quoted(server: ScriptedServer, client: ChatClient) -> None:
    """Whatever an emoji or an id is made of."""
    await client.react("a/../b", "👍🏽")
    assert server.calls[0][1] == "/api/messages/a/../b/reactions/👍🏽"


async def test_what_is_not_json_cannot_be_asked(client: ChatClient) -> None:
    """Half of a surrogate pair is no text."""
    with pytest.raises(InvalidInput):
        await client.ask("elena", "\ud83c")


async def test_clients_share_a_transport_and_no_cookies(server: ScriptedServer) -> None:
    """Closing one client leaves the transport to the others, and a server's cookie leaves no trace."""
    async with SharedTransport() as transport:
        async with ChatClient(server.url, transport=transport, retry_policy=QUICK) as client:
            server.answers = [(200, {"bots": []}, {"Set-Cookie": "session=somebody"})] * 2
            assert await client.bots() == await client.bots() == []
        was_closed = transport.is_closed
    assert (was_closed, transport.is_closed) == (False, True)
    assert transport.cookies == [None, None]


async def test_a_cancelled_call_is_cancelled(server: ScriptedServer, client: ChatClient) -> None:
    """It does not turn into an error of ours."""
    server.answers = [LOST]
    asking = asyncio.create_task(client.ask("elena", "Hi"))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
