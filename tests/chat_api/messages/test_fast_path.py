"""The chat door is served before the framework: every guard holds there as everywhere else."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

import pytest

from chat_api.http.middleware.headers import HEADERS, HSTS
from tests.chat_api.bots.rogue_bot import RogueBot, rogue_bot
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import DEADLINE_S
from tests.support.sample_bots import RunningBot
from tests.support.shared_api import FRIEND, PROXY, Knock, assert_error

BODY = {"bot_name": "elena", "content": "Hello"}


async def test_the_answer_is_the_one_that_is_described(door: RunningApi) -> None:
    """The fields of the description, and the headers of every other answer."""
    async with door.client(await door.login("hot")) as client:
        answer = await client.post("/api/chat", json=BODY)
        other = await client.get("/api/conversations")
        described = door.app.openapi()["components"]["schemas"]["ChatAnswer"]["properties"]
    assert answer.json().keys() == described.keys()
    ignored = {"date", "content-length", "x-request-id", "content-encoding", "vary"}
    assert set(answer.headers) - ignored == set(other.headers) - ignored
    for name, value in HEADERS.items():
        assert answer.headers[name] == value
    assert answer.headers["cache-control"] == "no-store"
    assert len(answer.headers["x-request-id"]) == 16


async def test_over_https_browsers_are_told_to_stay(knock: Knock) -> None:
    """As a trusted proxy says that it is."""
    async with knock(PROXY) as client:
        answer = await client.post("/api/chat", json=BODY, headers={"x-forwarded-proto": "https"})
    assert_error(answer, 401)
    assert answer.headers["strict-transport-security"] == HSTS
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"origin": "https://evil.example.com"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"origin": FRIEND}, 401),
        ({"origin": "http://chat.example.org"}, 401),
        ({"sec-fetch-site": "same-origin"}, 401),
    ],
)
async def test_other_sites_are_refused_first(knock: Knock, headers: dict[str, str], status: int) -> None:
    """Before anybody asks who it is."""
    async with knock() as client:
        assert_error(await client.post("/api/chat", json=BODY, headers=headers), status)


async def test_a_body_is_bounded_however_it_comes(knock: Knock, door: RunningApi) -> None:
    """Announced or not; the rest of it is not read."""
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(10_000):
            sent += 1024
            yield b" " * 1024

    headers = {"content-type": "application/json", "authorization": f"Bearer {await door.login('hot body')}"}
    async with knock() as client:
        assert_error(await client.post("/api/chat", content=b" " * 300_000, headers=headers), 413, "payload_too_large")
        answer = await client.post("/api/chat", content=endless(), headers=headers)
    assert_error(answer, 413, "payload_too_large")
    assert answer.headers["connection"] == "close"
    assert sent < 400_000


async def test_a_body_that_is_announced_as_too_large_is_not_waited_for(door: RunningApi) -> None:
    """Refused at its announcement, before any of it has come."""
    token = await door.login("hot announced")
    address = urlsplit(door.url)
    reader, writer = await asyncio.open_connection(address.hostname, address.port)
    writer.write(
        f"POST /api/chat HTTP/1.1\r\nHost: {address.netloc}\r\nAuthorization: Bearer {token}\r\n"
        "Content-Type: application/json\r\nContent-Length: 99999999\r\n\r\n".encode()
    )
    async with asyncio.timeout(DEADLINE_S):
        assert b" 413 " in await reader.readline()
    writer.close()
    await writer.wait_closed()


async def test_a_browser_needs_its_cookie_only(door: RunningApi) -> None:
    """The cookie that the login set, in place of a token."""
    async with door.client() as browser:
        await browser.post("/api/login", json={"username": "hot cookie"})
        assert (await browser.post("/api/chat", json=BODY)).status_code == 200


async def test_a_session_that_ended_is_refused_at_once(door: RunningApi) -> None:
    """Though it was recognised a moment ago."""
    async with door.client(await door.login("hot logout")) as client:
        assert (await client.post("/api/chat", json=BODY)).status_code == 200
        await client.post("/api/logout")
        assert_error(await client.post("/api/chat", json=BODY), 401)


async def test_a_fault_of_ours_has_a_reference(
    make_settings: MakeSettings, elena: RunningBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no more than that."""
    async with running_api(make_settings(bots=(elena,))) as api, api.client(await api.login()) as client:

        async def broken(*_: object, **__: object) -> None:
            raise ZeroDivisionError("a secret of ours")

        monkeypatch.setattr(api.services.messages, "send", broken)
        answer = await client.post("/api/chat", json=BODY)
        assert_error(answer, 500, "internal_error")
        assert "secret" not in answer.text


async def test_long_answers_are_compressed(make_settings: MakeSettings) -> None:
    """For those who take it; the text is the same."""
    text = "The sea is wide. " * 400

    async def talk(_: RogueBot, writer: object) -> None:
        body = json.dumps({"success": True, "response": text}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        writer.write(head.encode() + body)  # type: ignore[attr-defined]

    async with rogue_bot(talk) as bot:
        settings = make_settings()
        assert settings.bots_config is not None
        settings.bots_config.write_text(json.dumps([{"name": "rogue", "url": bot.spec.url}]))
        async with running_api(settings) as api, api.client(await api.login()) as client:
            body = BODY | {"bot_name": "rogue"}
            packed = await client.post("/api/chat", json=body, headers={"accept-encoding": "gzip"})
            plain = await client.post("/api/chat", json=body, headers={"accept-encoding": "identity"})
            refused = await client.post("/api/chat", json=body, headers={"accept-encoding": "gzip;q=0, br"})
    assert packed.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in refused.headers
    assert int(packed.headers["content-length"]) < len(text) / 5 < int(plain.headers["content-length"])
    assert packed.json()["response"] == plain.json()["response"] == text


async def test_it_is_measured_and_counted(door: RunningApi) -> None:
    """By its route, as every other."""
    async with door.client(await door.login("hot metrics")) as client:
        await client.post("/api/chat", json=BODY)
        text = (await client.get("/metrics")).text
    assert 'whisperengine_web_http_requests_total{method="POST",route="/api/chat",status="200"}' in text
