"""Who gets a page, and whose socket may speak for it."""

import asyncio

import pytest
from nicegui import Client
from nicegui import __version__ as nicegui_version

from chat_api.core.cookies import ADMIN_COOKIE, SESSION_COOKIE
from chat_api.core.principals import Principal
from console import frame, guard
from models import Role
from tests.support.api import MakeSettings
from tests.support.console_app import RunningConsole, running_console
from tests.support.console_page import Refused, client_id_in, connect, opened_page, page_html, socket
from tests.support.eventually import eventually

UNKNOWN_PATHS = (
    "/nothing",
    "/admin/nothing",
    "/admin/login/more",
    "/_nicegui/nothing",
    f"/_nicegui/{nicegui_version}/esm/x",
    f"/_nicegui/{nicegui_version}/resources/x",
    f"/_nicegui/{nicegui_version}/static/nothing.js",
    "/assets/nothing.css",
    "/.env",
    "/%00",
)


async def test_an_unknown_path_costs_no_page_client(console_app: RunningConsole) -> None:
    """A stranger who tries addresses gets 404s, and the server keeps nothing."""
    async with console_app.client() as client:
        for path in UNKNOWN_PATHS:
            assert (await client.get(path)).status_code == 404, path
    assert Client.instances == {}


async def test_a_stranger_is_sent_to_the_sign_in(console_app: RunningConsole) -> None:
    """No page of the console is built without an administrator's session, and the way back is kept."""
    async with console_app.client() as client:
        for path in ("/admin", "/admin/fleet/now", "/admin/restarts", "/admin/audit?x=1"):
            answer = await client.get(path)
            assert answer.status_code == 303
            assert answer.headers["location"].startswith("/admin/login?next=%2Fadmin")
        assert (await client.get("/admin/login")).status_code == 200
    assert Client.instances == {}


async def test_a_users_session_does_not_open_the_console(console_app: RunningConsole) -> None:
    """A token of the chat, even in the administrator's cookie, is no administrator."""
    token = await console_app.login("alice")
    async with console_app.client(cookies={ADMIN_COOKIE: token, SESSION_COOKIE: token}) as client:
        assert (await client.get("/admin")).status_code == 303


async def test_an_ended_session_opens_nothing(console_app: RunningConsole) -> None:
    """Signing out holds from the next request on."""
    token = await console_app.admin_login(Role.VIEWER)
    await page_html(console_app, token)
    auth = console_app.services.auth
    await auth.leave(token)
    async with console_app.client(cookies={ADMIN_COOKIE: token}) as client:
        assert (await client.get("/admin")).status_code == 303


async def test_only_get_builds_a_page(console_app: RunningConsole) -> None:
    """A page answers nothing but GET."""
    async with console_app.client(cookies={ADMIN_COOKIE: await console_app.admin_login()}) as client:
        assert (await client.post("/admin")).status_code == 405


async def test_pages_are_limited_like_requests(make_settings: MakeSettings) -> None:
    """Whoever opens pages without end is told to slow down, before the server builds another."""
    async with running_console(make_settings(rate_limit_requests_per_minute=3)) as console:
        async with console.client(cookies={ADMIN_COOKIE: await console.admin_login()}) as client:
            answers = [await client.get("/admin") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        assert int(answers[-1].headers["Retry-After"]) > 0
        assert len(Client.instances) == 3


async def test_a_page_that_fails_shows_a_reference_and_nothing_else(console_app: RunningConsole) -> None:
    """What went wrong is in the log, not on the page."""

    async def broken(_: Principal) -> None:
        raise RuntimeError("the password is hunter2")

    async def broken_page(principal: Principal) -> None:
        await broken(principal)

    frame.page("/admin/broken", title="Broken")(broken_page)
    async with console_app.client(cookies={ADMIN_COOKIE: await console_app.admin_login()}) as client:
        answer = await client.get("/admin/broken")
    assert answer.status_code == 500
    assert "Reference: " in answer.text
    assert "hunter2" not in answer.text
    assert "RuntimeError" not in answer.text


async def test_a_page_belongs_to_the_session_it_was_built_for(console_app: RunningConsole) -> None:
    """Knowing another page's client id is worth nothing without the session behind it."""
    client_id = client_id_in(await page_html(console_app, await console_app.admin_login(Role.ADMIN)))
    viewer = await console_app.admin_login(Role.VIEWER)
    async with socket() as sio:
        with pytest.raises(Refused):
            await connect(console_app, sio, client_id, viewer)
    assert not Client.instances[client_id].has_socket_connection


@pytest.mark.parametrize(
    ("page_proto", "socket_proto", "cookie"),
    [
        ("https", None, f"__Host-{ADMIN_COOKIE}"),  # told of pages and not of upgrades, as many set-ups do
        ("https", "ws", f"__Host-{ADMIN_COOKIE}"),
        ("https", "wss", f"__Host-{ADMIN_COOKIE}"),
        (None, "wss", ADMIN_COOKIE),
    ],
)
async def test_a_page_keeps_its_socket_whatever_a_proxy_says_of_the_scheme(
    make_settings: MakeSettings, page_proto: str | None, socket_proto: str | None, cookie: str
) -> None:
    """The token decides, under the name of either scheme; that of another session counts under neither."""
    async with running_console(make_settings(trusted_proxies="127.0.0.1")) as console:
        token, viewer = await console.admin_login(Role.ADMIN), await console.admin_login(Role.VIEWER)
        headers = {"X-Forwarded-Proto": page_proto} if page_proto else {}
        async with console.client(cookies={cookie: token}, headers=headers) as client:
            answer = await client.get("/admin")
        assert answer.status_code == 200
        client_id = client_id_in(answer.text)
        for name in (ADMIN_COOKIE, f"__Host-{ADMIN_COOKIE}"):
            async with socket() as sio:
                with pytest.raises(Refused):
                    await connect(console, sio, client_id, viewer, cookie=name, forwarded_proto=socket_proto)
        async with socket() as sio:
            await connect(console, sio, client_id, token, cookie=cookie, forwarded_proto=socket_proto)
            assert Client.instances[client_id].has_socket_connection


async def test_another_sites_page_gets_no_socket(console_app: RunningConsole) -> None:
    """The browser's cookies do not help a foreign origin."""
    token = await console_app.admin_login()
    client_id = client_id_in(await page_html(console_app, token))
    async with socket() as sio:
        with pytest.raises(Refused):
            await connect(console_app, sio, client_id, token, origin="https://evil.example")


async def test_the_socket_needs_a_page_and_a_websocket(console_app: RunningConsole) -> None:
    """Neither long polling, whose origin nobody checks, nor a socket that names no page is served."""
    async with console_app.client() as client:
        answer = await client.get("/_nicegui_ws/socket.io/?EIO=4&transport=polling&client_id=x")
        assert answer.status_code == 403
    async with socket() as sio:
        with pytest.raises(Refused):
            await connect(console_app, sio, None, await console_app.admin_login())


async def test_a_socket_speaks_only_for_its_own_page(console_app: RunningConsole) -> None:
    """A viewer cannot press the buttons of an operator's page."""
    operator, viewer = await console_app.admin_login(Role.OPERATOR), await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, operator) as theirs, opened_page(console_app, viewer) as own:
        await eventually(lambda: theirs.messages and own.messages)
        await own.send("resync", None, client_id=theirs.client_id)
        await own.send("resync", None)
        await eventually(lambda: sum("all" in message for message in own.messages) == 2)
        assert sum("all" in message for message in theirs.messages) == 1


async def test_pages_are_built_a_few_at_a_time(console_app: RunningConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes when many are being built waits for a turn; signing in, scripts and the API wait for nobody."""
    building = console_app.app.router.routes[-1].app._building  # type: ignore[attr-defined]
    token = await console_app.login("alice")
    for _ in range(guard.MAX_BUILDING):
        await building.acquire()
    async with console_app.client(cookies={SESSION_COOKIE: token}) as alice, console_app.client() as bob:
        waiting = asyncio.create_task(alice.get("/"))
        await eventually(building.locked)
        signed_in = await bob.post("/", data={"username": "bob"})
        assert signed_in.status_code == 303
        assert (await bob.get("/api/bots")).status_code == 200
        assert not waiting.done()
        assert Client.instances == {}
        building.release()
        assert (await waiting).status_code == 200
        monkeypatch.setattr(guard, "MAX_WAIT_S", 0.05)
        await building.acquire()
        too_many = await alice.get("/")
        assert too_many.status_code == 503
        assert int(too_many.headers["Refresh"]) > int(too_many.headers["Retry-After"])  # it comes back by itself
    for _ in range(guard.MAX_BUILDING):
        building.release()


async def test_a_page_that_is_read_slowly_keeps_nobody_waiting(console_app: RunningConsole) -> None:
    """A turn is over when the page is built, not when its visitor has taken it."""
    app = console_app.app.router.routes[-1].app  # type: ignore[attr-defined]
    cookie = f"{SESSION_COOKIE}={await console_app.login('alice')}".encode()
    is_begun, may_go_on = asyncio.Event(), asyncio.Event()

    async def slow(_: object) -> None:
        is_begun.set()
        await may_go_on.wait()

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b""}

    scope = {
        "type": "http",
        "http_version": "1.1",
        "scheme": "http",
        "method": "GET",
        "path": "/",
        "raw_path": b"/",
        "root_path": "",
        "query_string": b"",
        "headers": [(b"host", b"x"), (b"cookie", cookie)],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
    }
    reading = asyncio.create_task(app(scope, receive, slow))
    await is_begun.wait()
    assert app._building._value == guard.MAX_BUILDING
    may_go_on.set()
    await reading
