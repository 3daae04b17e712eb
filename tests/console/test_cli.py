"""The short commands, run as an operator runs them."""

import asyncio
import signal
import tempfile
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import httpx
import pyotp
import pytest
from websockets.asyncio.client import connect
from websockets.frames import CloseCode

from chat_api.core.cookies import SESSION_COOKIE
from console.settings_table import settings_table
from tests.console.test_page_socket import FIXED
from tests.support.commands import ROOT, environment, finished, running
from tests.support.console_page import client_id_in
from tests.support.eventually import DEADLINE_S
from tests.support.ports import free_port, free_ports
from tests.support.raw_client import raw_connection

PASSWORD = "correct horse battery staple"


@pytest.fixture
def env(database_url: str, redis_url: str) -> Iterator[dict[str, str]]:
    """A configured product: real PostgreSQL and Valkey, a state directory and a port of its own."""
    with tempfile.TemporaryDirectory(prefix="we-") as folder:
        yield environment(
            DATABASE_URL=database_url,
            REDIS_URL=redis_url,
            WEB_UI_STATE_DIR=folder,
            WEB_UI_HOST="127.0.0.1",
            WEB_UI_PORT=free_port(),
            BOTS_ENV_DIR=folder,
        )


async def test_serve_says_what_it_uses_and_ends_on_sigterm(env: dict[str, str]) -> None:
    """The servers are named without their credentials; the setup code makes the first administrator."""
    async with running("serve", env, mark="setup code") as serve:
        assert "(DATABASE_URL)" in serve.output
        assert "(REDIS_URL)" in serve.output
        code = serve.output.split("setup code ")[1].split()[0]
        body = {"code": code, "username": "alice", "password": PASSWORD}
        async with (
            aiohttp.ClientSession(serve.url) as session,
            session.post("/api/admin/setup", json=body) as answer,
        ):
            assert answer.status == 200, await answer.text()
        assert await serve.end(signal.SIGTERM) == 0


async def test_an_open_page_does_not_hold_up_the_end(env: dict[str, str]) -> None:
    """Ctrl-C: its socket is told so, that of a browser that does not answer too, and nothing had to be cut off."""
    async with running("serve", env, mark="setup code") as serve, AsyncExitStack() as stack:
        visitor = await stack.enter_async_context(
            httpx.AsyncClient(base_url=serve.url, trust_env=False, timeout=DEADLINE_S)
        )
        token = (await visitor.post("/api/login", json={"username": "alice"})).json()["session_token"]
        cookie = f"{SESSION_COOKIE}={token}"
        paths = [
            f"/_nicegui_ws/socket.io/?client_id={client_id_in((await visitor.get('/')).text)}&{FIXED}" for _ in range(2)
        ]
        page = await stack.enter_async_context(
            connect(serve.url.replace("http", "ws", 1) + paths[0], proxy=None, additional_headers={"Cookie": cookie})
        )
        await page.send("40")
        while not str(await page.recv()).startswith("40"):
            pass
        reader, writer = await stack.enter_async_context(raw_connection(serve.url))
        head = (
            f"GET {paths[1]} HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        writer.write(head.encode())
        assert b" 101 " in await reader.readuntil(b"\r\n\r\n")
        assert await serve.end(signal.SIGINT) == 0
        await page.wait_closed()
        assert page.close_code == CloseCode.SERVICE_RESTART
        assert (await reader.read()).endswith(b"\x88\x02" + CloseCode.SERVICE_RESTART.to_bytes(2))
        assert "running task(s)" not in serve.output  # what uvicorn says when it has waited in vain


async def test_serve_refuses_to_start_without_its_database(env: dict[str, str]) -> None:
    """A wrong address ends the start with a message that has no password in it."""
    code, output = await finished("serve", env=env | {"DATABASE_URL": "postgresql://me:hidden@127.0.0.1:1/none"})
    assert code == 1
    assert "Can't use PostgreSQL 127.0.0.1:1/none (DATABASE_URL)." in output
    assert "hidden" not in output
    assert "Traceback" not in output


async def test_create_admin_makes_an_account_that_signs_in(env: dict[str, str]) -> None:
    """The password comes through a pipe; the role is the one asked for; with ``--totp`` a login needs its code."""
    arguments = ("--username", "olga", "--role", "operator", "--totp")
    code, output = await finished("create-admin", *arguments, env=env, stdin=f"{PASSWORD}\n")
    assert code == 0, output
    assert output.startswith("Created olga (operator)")
    authenticator = pyotp.parse_uri(output[output.index("otpauth://") :].split()[0])
    assert isinstance(authenticator, pyotp.TOTP)
    async with running("serve", env, mark="Redis:") as serve, aiohttp.ClientSession(serve.url) as session:
        credentials = {"username": "olga", "password": PASSWORD}
        async with session.post("/api/admin/login", json=credentials) as answer:
            assert answer.status == 401
        async with session.post("/api/admin/login", json=credentials | {"totp": authenticator.now()}) as answer:
            assert answer.status == 200, await answer.text()


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (("--username", "olga"), "", "No password"),
        ((), f"{PASSWORD}\n", "Give a --username"),
        (("--username", "olga"), "short\n", "password"),
    ],
)
async def test_create_admin_says_what_is_missing(
    env: dict[str, str], arguments: tuple[str, ...], stdin: str, complaint: str
) -> None:
    """One line and exit code 1, no traceback."""
    code, output = await finished("create-admin", *arguments, env=env, stdin=stdin)
    assert code == 1
    assert complaint in output
    assert "Traceback" not in output


async def test_migrate_brings_an_empty_database_up_once(env: dict[str, str], empty_database_url: str) -> None:
    """The first run migrates, the second finds nothing to do."""
    fresh = env | {"DATABASE_URL": empty_database_url}
    code, output = await finished("migrate", env=fresh)
    assert (code, output.rstrip().endswith(": migrated.")) == (0, True), output
    assert (await finished("migrate", env=fresh))[1].rstrip().endswith(": already up to date.")


async def test_check_reports_every_part_on_a_line(env: dict[str, str]) -> None:
    """What answers is ok, what is not set is a warning, and warnings do not fail."""
    code, output = await finished("check", env=env)
    verdicts = {line[5:].split(":")[0]: line[:4].strip() for line in output.splitlines()}
    assert code == 0, output
    assert verdicts == {
        "configuration": "ok",
        "secret key": "warn",
        "state directory": "ok",
        "PostgreSQL": "ok",
        "Redis": "ok",
        "Qdrant": "warn",
        "Docker": "warn",
        "Language model": "warn",
        "fleet": "warn",
    }


@pytest.mark.parametrize("command", ["demo", "serve", "api", "migrate", "check", "create-admin"])
async def test_a_state_directory_that_is_a_file_is_a_sentence(env: dict[str, str], command: str) -> None:
    """Each command that needs it says which and what to do, in a line of its own."""
    path = f"{env['WEB_UI_STATE_DIR']}/taken"
    write(path, "")
    ours = env | {"WEB_UI_STATE_DIR": path, "DATABASE_URL": "", "SAMPLE_BOT_BASE_PORT": str(free_ports(5)[0])}
    arguments = ("--username", "olga") if command == "create-admin" else ()
    code, output = await finished(command, *arguments, env=ours, stdin=f"{PASSWORD}\n")
    assert code == 1, output
    assert f"The state directory {path} is a file." in output
    assert "Traceback" not in output


@pytest.mark.parametrize(
    ("command", "part"),
    [("demo", "run"), ("serve", "run/pg"), ("api", "postgres"), ("migrate", "logs"), ("check", "run")],
)
async def test_a_part_of_the_state_directory_that_is_a_file_is_a_sentence(
    env: dict[str, str], command: str, part: str
) -> None:
    """It names the file and says what to do; ``check`` says it on a line beside the others."""
    path = f"{env['WEB_UI_STATE_DIR']}/{part}"
    write(path, "")
    ours = env | {"DATABASE_URL": "", "REDIS_URL": "", "SAMPLE_BOT_BASE_PORT": str(free_ports(5)[0])}
    code, output = await finished(command, env=ours)
    assert code == 1, output
    assert f"The state directory cannot be used: {path}: " in output
    assert "Move it away" in output
    assert "Traceback" not in output
    assert ("configuration: all settings are valid" in output) is (command == "check")


@pytest.mark.parametrize("command", ["serve", "check"])
async def test_a_kept_key_that_is_none_stops_the_start(env: dict[str, str], command: str) -> None:
    """Instead of a service in which each sign-in fails."""
    path = f"{env['WEB_UI_STATE_DIR']}/secret_key"
    write(path, "")
    code, output = await finished(command, env=env)
    assert code == 1, output
    assert f"The secret key file {path} is empty." in output
    assert "Traceback" not in output


async def test_check_fails_on_what_is_configured_and_away(env: dict[str, str]) -> None:
    """Redis, Qdrant and Docker at dead addresses fail; a bot that is down is only a warning."""
    fleet = f"{env['WEB_UI_STATE_DIR']}/bots.json"
    write(fleet, '[{"name": "elena", "url": "http://127.0.0.1:1"}]')
    dead = {
        "REDIS_URL": "redis://:hidden@127.0.0.1:1/0",
        "QDRANT_URL": "http://127.0.0.1:1",
        "DOCKER_HOST": "tcp://127.0.0.1:1",
        "BOTS_CONFIG": fleet,
    }
    code, output = await finished("check", env=env | dead)
    failed = [line.split()[1].rstrip(":") for line in output.splitlines() if line.startswith("FAIL")]
    assert code == 1
    assert failed == ["Redis", "Qdrant", "Docker"]
    assert "warn bot elena: http://127.0.0.1:1" in output
    assert "hidden" not in output


async def test_a_bad_setting_is_named(env: dict[str, str]) -> None:
    """The variable and the reason, without its value and without a traceback; exit code 2."""
    code, output = await finished("check", env=env | {"WEB_UI_SECRET_KEY": "tooshort"})
    assert code == 2
    assert output.startswith("WEB_UI_SECRET_KEY: ")
    assert "tooshort" not in output


def test_the_documented_settings_are_the_real_ones() -> None:
    """``docs/configuration.md`` is what ``./web-ui.sh settings-table`` prints now."""
    assert (ROOT / "docs" / "configuration.md").read_text() == settings_table()


def write(path: str, content: str) -> None:
    """Write a small file, and make its folder."""
    Path(path).parent.mkdir(exist_ok=True)
    Path(path).write_text(content)


async def test_sigterm_tells_open_sockets_to_come_back(env: dict[str, str]) -> None:
    """A WebSocket that is open when the process ends is closed with our own code, which invites to reconnect."""
    async with running("serve", env, mark="Redis:") as serve, aiohttp.ClientSession(serve.url) as session:
        async with session.post("/api/login", json={"username": "alice"}) as answer:
            token = (await answer.json())["session_token"]
        async with session.ws_connect(f"/ws/{token}") as tab:
            ending = asyncio.create_task(serve.end(signal.SIGTERM))
            assert (await tab.receive()).type is aiohttp.WSMsgType.CLOSE
            assert tab.close_code == 4001
        assert await ending == 0
