"""Requests from other sites."""

from collections.abc import Mapping
from typing import Any

import pytest
from starlette.types import Message, Scope

from chat_api.http.middleware.addresses import ForwardedAddresses
from chat_api.http.middleware.origins import OriginGuard
from tests.chat_api.http.middleware.echo import client_of, echo

GUARDED = OriginGuard(echo, allowed_origins=["https://app.example.com/"])
OURS = [
    {},
    {"Origin": "http://chat.example.org"},
    {"Origin": "HTTP://CHAT.example.org"},
    {"Origin": "https://app.example.com"},
    {"Origin": "http://chat.example.org:80"},
    {"Origin": "http://chat.example.org."},
    {"Origin": "http://chat.example.org", "Host": "chat.example.org:80"},
    {"Origin": "http://chat.example.org", "Host": "CHAT.example.org.:80"},
    {"Origin": "http://[2001:db8::1]", "Host": "[2001:DB8:0::1]:80"},
    {"Origin": "http://[2001:db8::1]:8080", "Host": "[2001:db8::1]:8080"},
    {"Origin": "https://app.example.com:443"},
    {"Origin": "https://APP.example.com."},
    {"Sec-Fetch-Site": "none"},
    {"Sec-Fetch-Site": "same-origin"},
]
FOREIGN = [
    {"Origin": "https://evil.example"},
    {"Origin": "https://chat.example.org"},
    {"Origin": "http://chat.example.org:8443"},
    {"Origin": "http://chat.example.org.evil.example"},
    {"Origin": "http://sub.chat.example.org"},
    {"Origin": "http://chat.example.org:443"},
    {"Origin": "https://chat.example.org:80"},
    {"Origin": "http://chat.example.org", "Host": "chat.example.org:443"},
    {"Origin": "http://user@chat.example.org"},
    {"Origin": "http://chat.example.org/"},
    {"Origin": "http://chat.example.org?"},
    {"Origin": "http://chat.example.org", "Host": ""},
    {"Origin": "http://", "Host": ""},
    {"Origin": "//chat.example.org"},
    {"Origin": "https://app.example.com:444"},
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
    + [(headers["Origin"], False) for headers in FOREIGN if headers.keys() == {"Origin"}],
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


async def test_traefiks_upgrade_comes_from_its_page() -> None:
    """As Traefik sends it: a scheme of its own for the upgrade, and the page's origin."""
    reached: list[Scope] = []

    async def inner(scope: Scope, _: Any, __: Any) -> None:
        reached.append(scope)

    guarded = ForwardedAddresses(OriginGuard(inner, allowed_origins=[]), trusted_proxies=["10.0.0.1"])
    headers = {
        "host": "ops.example.org",
        "origin": "https://ops.example.org",
        "x-forwarded-for": "203.0.113.7",
        "x-forwarded-host": "ops.example.org",
        "x-forwarded-port": "443",
        "x-forwarded-proto": "wss",
        "x-forwarded-server": "traefik",
        "x-real-ip": "203.0.113.7",
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "websocket", "scheme": "ws", "path": "/ws/x", "client": ("10.0.0.1", 1), "headers": raw}
    await guarded(scope, None, None)  # type: ignore[arg-type]
    assert [(one["scheme"], one["client"]) for one in reached] == [("wss", ("203.0.113.7", 0))]
