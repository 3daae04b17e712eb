"""Hostile and broken requests: a typed 4xx in the one shape, never a 500, never an echo."""

import asyncio
import gzip
import json
import re
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chat_api.http.middleware.body_limits import MAX_BODY_BYTES
from chat_api.http.middleware.headers import HEADERS
from tests.support.api import RunningApi
from tests.support.eventually import DEADLINE_S
from tests.support.shared_api import assert_error

GOOD = {"content": "Hello", "bot_name": "elena"}
SECRET = "do-not-repeat-me"
DEEP = 50_000
JSON_TYPE = {"Content-Type": "application/json"}

Call = Any


@pytest.fixture
async def client(door: RunningApi, tokens: dict[str, str]) -> Any:
    """A signed-in user."""
    async with door.client(tokens["user"]) as signed_in:
        yield signed_in


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[" * DEEP,
        b'{"a":' * DEEP,
        b"\xff\xfe\x00",
        b'{"content": "\xff\xfe", "bot_name": "elena"}',
        b"\x00" * 100,
        b'{"content": ' + b"9" * 5000 + b"}",
        b"not json at all " + SECRET.encode(),
    ],
    ids=lambda body: repr(body[:12]),
)
@pytest.mark.parametrize("path", ["/api/chat", "/api/login", "/api/admin/login", "/api/admin/setup"])
async def test_what_is_no_json_is_refused(client: httpx.AsyncClient, path: str, body: bytes) -> None:
    """Cut off, nested beyond reason, not UTF-8: 400, or 422 for nothing at all."""
    answer = await client.post(path, content=body, headers=JSON_TYPE)
    assert_error(answer, 400 if body else 422)
    assert SECRET not in answer.text


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        "text",
        42,
        {},
        {"content": "Hello"},
        {"bot_name": "elena"},
        GOOD | {"content": None},
        GOOD | {"content": 7},
        GOOD | {"content": True},
        GOOD | {"content": [SECRET]},
        GOOD | {"content": {"$ne": SECRET}},
        GOOD | {"content": ""},
        GOOD | {"content": " \n "},
        GOOD | {"content": "x" * 4001},
        GOOD | {"content": SECRET + "\x00"},
        GOOD | {"content": SECRET + "\ud800"},
        GOOD | {"content": float("nan")},
        GOOD | {"content": float("inf")},
        GOOD | {"bot_name": "x" * 51},
        GOOD | {"bot_name": ["elena"]},
        GOOD | {"message_type": SECRET},
        GOOD | {"message_type": 1},
        GOOD | {"client_msg_id": 12},
        GOOD | {"client_msg_id": ""},
        GOOD | {"client_msg_id": SECRET * 20},
        GOOD | {"client_msg_id": SECRET + "\x00"},
        GOOD | {"client_msg_id": SECRET + "\udfff"},
    ],
    ids=lambda body: repr(body)[:40],
)
async def test_wrong_fields_are_named_not_repeated(client: httpx.AsyncClient, body: Any) -> None:
    """422 that says which field and which rule."""
    answer = await client.post("/api/chat", content=json.dumps(body), headers=JSON_TYPE)
    error = assert_error(answer, 422, "invalid_input")
    assert error["field"] in {"body", "content", "bot_name", "message_type", "client_msg_id"}
    assert str(error["message"]).startswith(f"{error['field']}: ")
    assert SECRET not in answer.text


async def test_unknown_keys_are_ignored(client: httpx.AsyncClient) -> None:
    """A client that knows more than we do still gets its answer."""
    assert (await client.post("/api/chat", json=GOOD | {"future": {"a": [1]}})).status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        {"username": "al"},
        {"username": "a" * 31},
        {"username": "al\x00ice"},
        {"username": "al\ud800ice"},
        {"username": "\u3164\u3164\u3164"},
        {"username": "alice", "display_name": "x" * 51},
        {"username": "alice", "display_name": "a\x07b"},
        {"username": "alice", "password": SECRET[:7]},
        {"username": "alice", "password": SECRET * 20},
        {"username": "alice", "password": 12345678},
        {"username": {"$gt": ""}},
    ],
    ids=lambda body: repr(body)[:40],
)
async def test_bad_names_and_passwords_are_refused(door: RunningApi, body: dict[str, Any]) -> None:
    """422, without a cookie and without the password."""
    async with door.client() as stranger:
        answer = await stranger.post("/api/login", content=json.dumps(body), headers=JSON_TYPE)
    assert_error(answer, 422)
    assert SECRET[:7] not in answer.text
    assert "set-cookie" not in answer.headers


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_other_content_types_are_not_spoken(client: httpx.AsyncClient, content_type: str) -> None:
    """415: a form of another site is no JSON either."""
    answer = await client.post("/api/chat", content=json.dumps(GOOD), headers={"Content-Type": content_type})
    assert_error(answer, 415, "unsupported_media_type")


async def test_a_compressed_body_is_not_unpacked(client: httpx.AsyncClient) -> None:
    """There is no bomb to go off."""
    body = gzip.compress(b"x" * 10_000_000)
    assert_error(await client.post("/api/chat", content=body, headers=JSON_TYPE | {"Content-Encoding": "gzip"}), 400)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/api/chat", "POST"),
        ("GET", "/api/login", "POST"),
        ("PUT", "/api/login", "POST"),
        ("POST", "/api/bots", "GET"),
        ("DELETE", "/api/me", "GET"),
        ("TRACE", "/api/me", "GET"),
        ("POST", "/api/conversations/elena/messages", "GET"),
        ("GET", "/api/admin/bots/elena/restart", "POST"),
        ("POST", "/health", "GET"),
        ("POST", "/health/ready", "GET"),
        ("DELETE", "/metrics", "GET"),
    ],
)
async def test_wrong_methods_are_told_the_right_one(
    client: httpx.AsyncClient, method: str, path: str, allowed: str
) -> None:
    """405 with ``Allow``."""
    answer = await client.request(method, path)
    assert_error(answer, 405, "method_not_allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
@pytest.mark.parametrize(
    "path",
    [
        "/api",
        "/api/",
        "/api/nothing",
        "/api/chat/",
        "/api//chat",
        "/healthy",
        "/nothing",
        "/api/%00",
        "/api/" + "x" * 10_000,
        "/%F0%9F%8C%8A",
        "/%FF%FE",
        "/api/..%2f..%2fetc",
        "/ws/",
        "/api/\u2603",
    ],
    ids=lambda path: path[:20],
)
async def test_unknown_paths_are_not_found(client: httpx.AsyncClient, method: str, path: str) -> None:
    """404 in our shape, whatever the method and however odd the path."""
    assert_error(await client.request(method, path), 404, "not_found")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/conversations/%00/messages"),
        ("GET", "/api/conversations/%F0%9F%8C%8A/messages"),
        ("GET", "/api/conversations/%FF/messages"),
        ("GET", "/api/conversations/" + SECRET * 300 + "/messages"),
        ("GET", "/api/conversations/elena/messages?before=99999999999999999999999999"),
        ("GET", "/api/conversations/elena/messages?before=-1"),
        ("GET", f"/api/conversations/elena/messages?before={SECRET}"),
        ("GET", "/api/conversations/elena/messages?limit=0"),
        ("GET", "/api/conversations/elena/messages?limit=" + "9" * 5000),
        ("GET", "/api/conversations/elena/messages?limit=%00"),
        ("GET", "/api/conversations/elena/messages?limit=1.5"),
        ("GET", f"/api/conversations/{SECRET}/messages"),
        ("POST", f"/api/chat/{SECRET}/retry"),
        ("POST", "/api/chat/%00/retry"),
        ("POST", "/api/chat/99999999999999999999/retry"),
        ("POST", "/api/chat/" + "z" * 5000 + "/retry"),
    ],
    ids=lambda value: value[:60],
)
async def test_odd_parameters_are_refused(client: httpx.AsyncClient, method: str, path: str) -> None:
    """404 or 422, not a fault of the database, and not a character of what was sent."""
    answer = await client.request(method, path)
    assert_error(answer, answer.status_code)
    assert answer.status_code in {404, 422}
    assert SECRET not in answer.text
    assert "found `" not in answer.text


@pytest.mark.parametrize("bot", ["%00", "%F0%9F%8C%8A", "x" * 5000, "nobody", "ELENA%20"])
async def test_odd_bots_are_not_restarted(door: RunningApi, tokens: dict[str, str], bot: str) -> None:
    """The administrator's door takes no less care."""
    async with door.client(tokens["admin"]) as client:
        answer = await client.post(f"/api/admin/bots/{bot}/restart")
    assert answer.status_code in {404, 422}
    assert_error(answer, answer.status_code)


@pytest.mark.parametrize(
    "headers",
    [
        {"Idempotency-Key": "x" * 101},
        {"Idempotency-Key": b"\x80\x85"},
        {"Idempotency-Key": "one"},
    ],
    ids=repr,
)
async def test_odd_idempotency_keys_are_refused(client: httpx.AsyncClient, headers: dict[str, Any]) -> None:
    """Too long, unreadable, or another one than the body's."""
    body = GOOD | {"client_msg_id": "another"}
    answer = await client.post("/api/chat", json=body, headers=headers)
    assert_error(answer, 422, "invalid_input")


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "we_session=" + "x" * 5000},
        {"Cookie": b"we_session=\xff\x80; =;;;=="},
        {"Authorization": "Bearer " + "x" * 20_000},
        {"Origin": "http://["},
        {"Host": "x" * 2000},
        {"Accept-Encoding": ",;q=;q="},
        {"X-Forwarded-For": "," * 3000},
        {"Content-Type": "application/json; charset=utf-99"},
        {"User-Agent": b"\xff" * 3000},
    ],
    ids=lambda headers: next(iter(headers)),
)
async def test_odd_headers_do_no_harm(door: RunningApi, headers: dict[str, Any]) -> None:
    """Whatever they hold, the answer is one of ours."""
    async with door.client() as stranger:
        answers = [
            await stranger.get("/api/me", headers=headers),
            await stranger.post("/api/chat", headers=headers, content=b"{}"),
            await stranger.post("/api/login", headers=JSON_TYPE | headers, content=b'{"username": "odd headers"}'),
        ]
    for answer in answers:
        assert answer.status_code in {200, 401, 403, 415, 422}
        assert answer.headers["x-request-id"]


async def raw(door: RunningApi, head: str, body: bytes = b"", *, times: int = 1) -> tuple[bytes, int]:
    """Send bytes as they are; gives the answer, and how much of the body was taken until the server hung up."""
    parts = urlsplit(door.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    answering = asyncio.create_task(reader.read())
    sent = 0
    try:
        writer.write(head.encode())
        for _ in range(times):
            if answering.done():
                break
            writer.write(body)
            await writer.drain()
            sent += len(body)
    except ConnectionError:
        pass
    try:
        async with asyncio.timeout(DEADLINE_S):
            return await answering, sent
    except ConnectionError:
        return b"", sent
    finally:
        writer.close()


async def test_a_giant_is_refused_by_its_announcement(door: RunningApi, tokens: dict[str, str]) -> None:
    """A hundred megabytes cost one header, and the connection ends."""
    head = (
        f"POST /api/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tokens['user']}\r\n"
        "Content-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
    )
    answer, _ = await raw(door, head)
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert b"payload_too_large" in answer


async def test_an_endless_body_is_cut_off(door: RunningApi, tokens: dict[str, str]) -> None:
    """Chunked and without an announced length: 413 soon after the limit, and the rest is not read."""
    head = (
        f"POST /api/chat HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {tokens['user']}\r\n"
        "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    chunk = b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    _, sent = await raw(door, head, chunk, times=100 * MAX_BODY_BYTES // len(chunk))
    # What is above the limit lies in the buffers of two kernels.
    assert sent < 60 * MAX_BODY_BYTES

    async def endless() -> Any:
        for _ in range(MAX_BODY_BYTES // 1024 + 2):
            yield b"x" * 1024

    async with door.client(tokens["user"]) as client:
        answer = await client.post("/api/chat", content=endless(), headers=JSON_TYPE)
    assert_error(answer, 413, "payload_too_large")
    assert answer.headers["connection"] == "close"


@pytest.mark.parametrize(
    "request_text",
    [
        "GET / HTTP/9.9\r\n\r\n",
        "\x00\x01\x02\x03\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: x\r\nContent-Length: abc\r\n\r\n",
        "GET /api/me HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "POST /api/chat HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /api/me HTTP/1.1\r\nHost: x\r\nX: " + "y" * 100_000 + "\r\n\r\n",
    ],
    ids=lambda text: text[:20],
)
async def test_what_is_no_http_hurts_nobody(door: RunningApi, request_text: str) -> None:
    """The server refuses it, and the next visitor is served."""
    answer, _ = await raw(door, request_text + "Connection: close\r\n\r\n")
    assert b"Traceback" not in answer
    assert not answer.startswith(b"HTTP/1.1 5")
    async with door.client() as stranger:
        assert (await stranger.get("/api/bots")).status_code == 200


async def test_answers_carry_security_headers_and_are_compressed(door: RunningApi, tokens: dict[str, str]) -> None:
    """Good ones and bad ones; from one kilobyte on with gzip, where the client takes it."""
    async with door.client(tokens["user"]) as client:
        small, missing = await client.get("/api/bots"), await client.get("/api/nothing")
        large = await client.get("/openapi.json")
        plain = await client.get("/openapi.json", headers={"Accept-Encoding": "identity"})
    for answer in (small, missing, large, plain):
        assert HEADERS.items() <= {name: answer.headers.get(name) for name in HEADERS}.items()
    assert large.headers["content-encoding"] == "gzip"
    assert "content-encoding" not in small.headers
    assert "content-encoding" not in plain.headers


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=[])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)
SOME = st.sampled_from(["elena", "nobody", "text", "Hello", "alice"]) | JSON
FIELDS = (
    "content",
    "bot_name",
    "message_type",
    "client_msg_id",
    "username",
    "display_name",
    "password",
    "code",
    "totp",
)
BODIES = JSON | st.fixed_dictionaries({}, optional=dict.fromkeys(FIELDS, SOME))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=BODIES, path=st.sampled_from(["/api/chat", "/api/login", "/api/admin/login", "/api/admin/setup"]))
async def test_no_body_is_a_fault_of_ours(knock: Any, tokens: dict[str, str], body: Any, path: str) -> None:
    """Whatever JSON comes, the answer is below 500 and in our shape."""
    headers = JSON_TYPE | {"Authorization": f"Bearer {tokens['user']}"}
    async with knock(headers=headers) as client:
        answer = await client.post(path, content=json.dumps(body))
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400 and answer.status_code != 429:
        assert_error(answer, answer.status_code)


async def test_every_door_with_a_body_speaks_json_only(door: RunningApi, tokens: dict[str, str]) -> None:
    """415 whatever the method, and before anything is done."""
    paths = door.app.openapi()["paths"]
    doors = [(method, path) for path, kinds in paths.items() for method in kinds if "requestBody" in kinds[method]]
    assert {method for method, _ in doors} >= {"post", "put", "patch", "delete"}
    answers = []
    for method, path in doors:
        given = {"bot_name": "elena", "name": "guests", "user_id": "weu_x", "admin_id": "adm_x"}
        ids = {name: str(UUID(int=1)) for name in re.findall(r"{(\w+)}", path)}
        who = "key" if path.startswith("/v1/") else "admin" if "/admin/" in path else "user"
        async with door.client(tokens[who]) as client:
            for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonp", "text/json"):
                answer = await client.request(
                    method, path.format_map(ids | given), content=b'{"a": 1}', headers={"Content-Type": kind}
                )
                answers.append((answer.status_code, method, path, kind))
    assert [answer for answer in answers if answer[0] != 415] == []
