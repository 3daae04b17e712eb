"""Requests from other sites."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import Message, Scope

from chat_api.middleware.origins import OriginGuard
from tests.chat_api.middleware.echo import client_of, echo

GUARDED = OriginGuard(echo, allowed_origins=["https://app.example.com/"])
OURS = [
    {},
    {"Origin": "http://chat.example.org"},
    {"Origin": "HTTP://CHAT.example.org"},
    {"Origin": "https://app.example.com"},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin"},
]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://chat.example.org"},
    {"Origin": "http://chat.example.org:8443"},
    {"Origin": "http://chat.example.org.evil.example"},
    {"Origin": "http://sub.chat.example.org"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "http://["},
    {"Origin": "http://[::1"},
    {"Origin": "\x7f"},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
]


@pytest.mark.parametrize("headers", OURS)
async def test_our_own_pages_and_programs_pass(headers: Mapping[str, str]) -> None:
    """The same origin, an allowed one, and callers that are no browser."""
    async with client_of(GUARDED) as client:
        assert (await client.post("/", headers=headers)).status_code == 200


@pytest.mark.parametrize("headers", FOREIGN)
@pytest.mark.parametrize("method", ["POST", "DELETE"])
async def test_other_sites_change_nothing(headers: Mapping[str, str], method: str) -> None:
    """Whatever could change something is refused before the application sees it."""
    async with client_of(GUARDED) as client:
        answer = await client.request(method, "/", headers=headers)
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "permission_denied"


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
async def test_links_from_other_sites_may_be_followed(method: str) -> None:
    """Safe methods pass: the browser keeps the answer from the other site's page."""
    async with client_of(GUARDED) as client:
        assert (await client.request(method, "/", headers={"Origin": "https://evil.example"})).status_code == 200


@pytest.mark.parametrize(
    ("origin", "is_let_in"),
    [(None, True), ("http://chat.example.org", True), ("https://app.example.com", True)]
    + [(headers["Origin"], False) for headers in FOREIGN if "Origin" in headers],
)
async def test_websockets_of_other_sites_are_refused(origin: str | None, is_let_in: bool) -> None:
    """Before they are accepted: the page learns nothing."""
    sent: list[Message] = []
    was_reached = False

    async def inner(_: Scope, __: Any, ___: Any) -> None:
        nonlocal was_reached
        was_reached = True

    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        sent.append(message)

    headers = [(b"host", b"chat.example.org")] + ([(b"origin", origin.encode())] if origin is not None else [])
    scope: Scope = {"type": "websocket", "scheme": "ws", "path": "/ws/x", "headers": headers}
    await OriginGuard(inner, allowed_origins=["https://app.example.com"])(scope, receive, send)
    assert was_reached is is_let_in
    assert sent == ([] if is_let_in else [{"type": "websocket.close", "code": 4403}])
