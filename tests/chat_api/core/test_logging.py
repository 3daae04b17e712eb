"""What is in the log, and what never is."""

import contextlib
import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest
import structlog
from websockets.asyncio.client import connect

from chat_api.core.logging import configure_logging, get_logger, redact
from tests.support.api import ADMIN_PASSWORD, RunningApi
from tests.support.sample_bots import RunningBot

PASSWORD = "my-very-own-password"
TEXT = "a message for the bot's eyes only"
CLIENT_ID = "client-id-of-one-tab"


@pytest.fixture
def log() -> Iterator[StringIO]:
    """What the service logs when it is most talkative; the test runner's own logging is back afterwards."""
    names = [None, *logging.root.manager.loggerDict]
    before = {name: (logging.getLogger(name).level, logging.getLogger(name).handlers[:]) for name in names}
    is_disabled = logging.getLogger("uvicorn.access").disabled
    output = StringIO()
    configure_logging(level="DEBUG", log_format="json")
    structlog.configure(cache_logger_on_first_use=False)
    (handler,) = logging.getLogger().handlers
    assert isinstance(handler, logging.StreamHandler)
    handler.setStream(output)
    yield output
    structlog.reset_defaults()
    for name, (level, handlers) in before.items():
        logging.getLogger(name).setLevel(level)
        logging.getLogger(name).handlers[:] = handlers
    logging.getLogger("uvicorn.access").disabled = is_disabled


async def everything(api: RunningApi, elena: RunningBot) -> list[str]:
    """Sign in, talk over both doors, fail in every way; gives the secrets that went along."""
    secrets = [PASSWORD, TEXT, CLIENT_ID, ADMIN_PASSWORD, "wrong-password", "not-a-token-at-all"]
    async with api.client() as browser:
        login = {"username": "alice", "password": PASSWORD}
        token = (await browser.post("/api/login", json=login)).json()["session_token"]
        secrets += [token, token.rpartition(".")[2], *browser.cookies.values()]
        await browser.post("/api/login", json=login | {"password": "wrong-password"})
        chat = {"content": TEXT, "bot_name": "elena", "client_msg_id": CLIENT_ID}
        assert (await browser.post(f"/api/chat?client_id={CLIENT_ID}", json=chat)).status_code == 200
        await browser.post("/api/chat", json=chat | {"content": TEXT + "!"})
        await browser.post("/api/chat", json=chat | {"bot_name": TEXT})
        await browser.post("/api/chat", content=TEXT.encode())
        await browser.get(f"/api/{TEXT}/{token}")
        await elena.set_faults(mode="exception")
        assert (await browser.post("/api/chat", json={"content": TEXT, "bot_name": "elena"})).status_code == 502
        await elena.set_faults(mode="ok")
    async with connect(api.ws_url + token, proxy=None, additional_headers={"Cookie": f"we_session={token}"}) as tab:
        await tab.send(json.dumps({"type": "message", "data": {"content": TEXT, "bot_name": "elena"}}))
        while json.loads(await tab.recv())["type"] != "message":
            pass
        await tab.send(TEXT)
        await tab.recv()
    with contextlib.suppress(Exception):
        async with connect(api.ws_url + "not-a-token-at-all", proxy=None) as tab:
            await tab.recv()
    secrets.append(await api.admin_login())
    async with api.client("not-a-token-at-all") as client:
        await client.get("/api/me")
        await client.post("/api/admin/login", json={"username": "test-admin", "password": ADMIN_PASSWORD})
        await client.post("/api/admin/login", json={"username": "wrong-password", "password": "wrong-password"})
    return secrets


async def test_no_secret_and_no_message_is_in_any_line(log: StringIO, api: RunningApi, elena: RunningBot) -> None:
    """At DEBUG, ours and the libraries': not a token, claim, password, text or client id; every line is JSON."""
    secrets = await everything(api, elena)
    output = log.getvalue()
    lines = [json.loads(line) for line in output.splitlines()]
    assert {"signed_in", "request", "websocket_connected", "message_answered"} <= {line["event"] for line in lines}
    for secret in secrets:
        assert secret
        assert secret not in output
    assert "eyJ" not in output
    of_requests = [line for line in lines if line["event"] in {"request", "message_answered", "websocket_connected"}]
    assert all(len(line["request_id"]) == 16 for line in of_requests)


async def test_each_request_has_one_line_with_its_id(log: StringIO, api: RunningApi) -> None:
    """Method, route, status and duration, under the id that the caller was given; the path is not in it."""
    async with api.client() as client:
        request_ids = {(await client.get("/api/me")).headers["x-request-id"] for _ in range(3)}
        await client.get("/api/unheard-of")
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    mine = [line for line in lines if line["event"] == "request" and line["request_id"] in request_ids]
    assert len(mine) == len(request_ids) == 3
    for line in mine:
        assert (line["method"], line["route"], line["status"], line["level"]) == ("GET", "/api/me", 401, "info")
        assert line["duration_s"] >= 0
    assert "unheard-of" not in json.dumps(lines)


def test_what_libraries_log_is_redacted_too(log: StringIO) -> None:
    """What a library logs is redacted where every line passes, in messages, fields and tracebacks."""
    token = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJl"
    logging.getLogger("somebody.else").warning("opened %s", f"/ws/{token}?x=1")
    get_logger("ours").info("event", password="hunter2", url="redis://user:hunter2@bus/0", header=f"Bearer {token}")
    try:
        raise RuntimeError(f"postgresql://root:hunter2@db/x said {token}")
    except RuntimeError:
        get_logger("ours").exception("failed")
    output = log.getvalue()
    assert len(output.splitlines()) == 3
    assert "hunter2" not in output
    assert "eyJ" not in output
    assert "c2lnbmF0dXJl" not in output


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("GET /ws/opaque-ticket HTTP/1.1", "GET /ws/[redacted] HTTP/1.1"),
        ("authorization: bearer abc.def", "authorization: bearer [redacted]"),
        ("/_nicegui_ws/?client_id=0a1b-2c3d&x=1", "/_nicegui_ws/?client_id=[redacted]&x=1"),
        ("postgresql://u:p@db:5432/x", "postgresql://[redacted]@db:5432/x"),
        ("key wk_0123456789abcdef", "key [redacted]"),
        ("nothing to hide at http://db:5432/x", "nothing to hide at http://db:5432/x"),
    ],
)
def test_redaction(text: str, kept: str) -> None:
    """Credentials go, the rest stays readable."""
    assert redact(text) == kept
