"""What a page's socket takes from a script that is not NiceGUI's."""

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from nicegui import Client
from structlog.testing import capture_logs
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from chat_api.core.cookies import SESSION_COOKIE
from console import guard, page_socket
from console.live import sockets
from console.page_socket import CLOSE_BAD_FRAME, MAX_MALFORMED, MAX_PACKET_CHARS
from models import Role
from tests.support.api import MakeSettings
from tests.support.console_app import RunningConsole, running_console
from tests.support.console_page import OpenedPage, client_id_in, opened_page
from tests.support.eventually import DEADLINE_S, eventually

VICTIM = "VICTIM"
OWN = "OWN"
FIXED = "EIO=4&transport=websocket&implicit_handshake=true&tab_id=t&document_id=d&next_message_id=0"

# Also the tab's name is the victim's: NiceGUI takes it for a proof, and every script in that tab can read it.
FOREIGN = FIXED.replace("tab_id=t&", f"tab_id=tab-{VICTIM}&")
REFUSED_QUERIES = (
    f"client_id={VICTIM}&client_id={OWN}&{FOREIGN}",
    f"client_id={OWN}&client_id={VICTIM}&{FOREIGN}",
    f"client_id={OWN}&client_id={OWN}&{FOREIGN}",
    f"client%5Fid={VICTIM}&client_id={OWN}&{FOREIGN}",
    f"client_id={OWN}&%63lient_id={VICTIM}&{FOREIGN}",
    f"client_id={OWN};client_id={VICTIM}&{FOREIGN}",
    f"client_id={OWN}%26client_id={VICTIM}&{FOREIGN}",
    f"client_id={OWN}%00{VICTIM}&{FOREIGN}",
    f"client_id={OWN}&{FIXED}&tab_id=tab-{VICTIM}",
    f"client_id={OWN}&{FOREIGN}&implicit_handshake=false",
    f"client_id={OWN}&{FOREIGN.replace('implicit_handshake=true', 'implicit_handshake=false')}",
    f"CLIENT_ID={VICTIM}&{FOREIGN}",
)
QUERIES = (
    *REFUSED_QUERIES,
    f"client_id={OWN}&CLIENT_ID={VICTIM}&{FOREIGN}",
    f"client_id={OWN}&sid={VICTIM}&{FOREIGN}",
    f"client_id={OWN}&{FIXED}&old_tab_id=tab-{VICTIM}",
    f"client_id={VICTIM}&{FOREIGN}",
)


async def test_no_handshake_reaches_somebody_elses_page(console_app: RunningConsole) -> None:
    """A user of the chat gets nothing of an administrator's page, and presses nothing in it, however they ask."""
    token = await console_app.login("mallory")
    async with opened_page(console_app, await console_app.admin_login(Role.ADMIN)) as theirs:
        await eventually(lambda: theirs.messages)
        before = sockets.sockets_of(theirs.client_id)
        their_tab = f"tab-{theirs.client_id}"
        for query in QUERIES:
            _, own = await chat_page(console_app, token)
            told = query.replace(VICTIM, theirs.client_id).replace(OWN, own)
            if query in REFUSED_QUERIES:
                with pytest.raises(InvalidStatus):
                    await raw_socket(console_app, token, told).__aenter__()
                continue
            with contextlib.suppress(InvalidStatus, ConnectionClosed):
                async with raw_socket(console_app, token, told) as socket:
                    for packet in (
                        "40",
                        event("event", board_event(theirs.client, "resync", None)),
                        event("handshake", {"client_id": theirs.client_id, "tab_id": their_tab, "document_id": "d"}),
                        "40/other,",
                        event("javascript_response", {"client_id": theirs.client_id, "request_id": "x", "result": 1}),
                    ):
                        await socket.send(packet)
                    said = await welcome(socket)
                    assert sockets.sockets_of(theirs.client_id) == before, query
                    assert '"fleet"' not in said + await all_said(socket), query
            assert sockets.sockets_of(theirs.client_id) == before, query
        await theirs.send("resync", None)  # the page itself still can, and nobody else did
        await eventually(lambda: sum("all" in message for message in theirs.messages) == 2)


MALFORMED = (
    "",
    "4",
    "42",
    "42[]",
    '42["event"]',
    '42["event",1]',
    '42["event",{}]',
    '42["event",{"client_id":"OWN","id":{},"listener_id":"x","args":[]}]',
    '42["event",{"client_id":"OWN","id":1,"listener_id":[],"args":"x"}]',
    '42["event",{"client_id":"OWN","id":1,"listener_id":"x","args":["{"]}]',
    '42["ack",{"client_id":"OWN","next_message_id":"x"}]',
    '42["javascript_response",{"client_id":"OWN","request_id":{}}]',
    '42["handshake",{"client_id":"OWN","tab_id":"x","document_id":"y"}]',
    '42["disconnect",{"client_id":"OWN"}]',
    '42["connect",{"client_id":"OWN"}]',
    '42["*",{"client_id":"OWN"}]',
    '42999999999999999999["ack",{"client_id":"OWN","next_message_id":1}]',
    '421["ack",{"client_id":"OWN","next_message_id":1}]',
    "42/x,[]",
    "40/x,",
    "40",  # a second time
    '40{"x":1}',
    "41/x,",
    "43",
    '431[""]',
    "44{}",
    '451-["event",{"_placeholder":true,"num":0}]',
    '459999999999-["event",{}]',
    '461-["x"]',
    "5",
    "6",
    "2probe",
    "bAAAA",
    "\x1e",
    "forged\nlines",
    "42" + "[" * 20_000,
    '42["event",{"client_id":"OWN","id":1,"listener_id":"x","args":["' + "[" * 20_000 + '"]}]',
)


async def test_what_no_script_of_ours_says_is_dropped(
    console_app: RunningConsole, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing of it reaches the libraries, the log holds nothing of it, and the socket goes on."""
    token, own = await chat_page(console_app)
    async with raw_socket(console_app, token, f"client_id={own}&{FIXED}") as socket:
        await socket.send("40")
        await eventually(lambda: Client.instances[own].has_socket_connection)
        caplog.clear()
        with caplog.at_level(logging.WARNING), capture_logs() as lines:
            for packet in MALFORMED:
                await socket.send(packet.replace(OWN, own))
            await socket.send(b"binary")
            await socket.send("x" * (MAX_PACKET_CHARS + 1))
            for level in ("debug", "error", "nonsense"):
                await socket.send(event("log", {"client_id": own, "level": level, "message": "forged\nlines"}))
            await socket.send(event("ack", {"client_id": own, "next_message_id": 0}))

            def dropped() -> int:
                return sum(line["event"] == "page_packet_dropped" for line in lines)

            await eventually(lambda: dropped() == len(MALFORMED) + 2)
            await all_said(socket)
        assert not caplog.records  # of the libraries'
        assert "forged" not in str(lines)
        assert Client.instances[own].has_socket_connection


async def test_a_socket_that_says_nothing_else_is_closed(console_app: RunningConsole) -> None:
    """After so much that means nothing the socket ends, and its page is let go as any other."""
    token, own = await chat_page(console_app)
    async with raw_socket(console_app, token, f"client_id={own}&{FIXED}") as socket:
        await socket.send("40")
        for _ in range(MAX_MALFORMED + 1):
            await socket.send("nonsense")
        async with asyncio.timeout(DEADLINE_S):
            with pytest.raises(ConnectionClosed):
                await all_said(socket, until_closed=True)
        assert socket.close_code == CLOSE_BAD_FRAME  # and not because it answers no ping
        await eventually(lambda: own not in Client.instances or not Client.instances[own].has_socket_connection)


async def test_a_flood_is_read_slowly_and_loses_nothing(console_app: RunningConsole) -> None:
    """Whoever sends more than a hand can is slowed down; what was sent before still counts."""
    token = await console_app.admin_login()
    async with opened_page(console_app, token) as page:
        await eventually(lambda: page.messages)
        first = len(page.messages)
        for _ in range(330):
            await page.send("resync", None)
        await eventually(lambda: sum("all" in message for message in page.messages[first:]) == 330)


async def test_what_a_flood_sends_too_much_waits(console_app: RunningConsole, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing more is read of it, while others are served: here more is allowed only after hours."""
    monkeypatch.setattr(page_socket, "BURST_PACKETS", 6.0)
    token = await console_app.admin_login()
    async with opened_page(console_app, token) as flood, opened_page(console_app, token) as other:
        monkeypatch.setattr(page_socket, "PACKETS_PER_S", 1e-4)
        await eventually(lambda: flood.messages and other.messages)
        first = len(flood.messages)

        def answered(page: OpenedPage) -> int:
            return sum("all" in message for message in page.messages[first:])

        for _ in range(20):
            await flood.send("resync", None)
        await eventually(lambda: answered(flood) >= 2)
        before = answered(flood)
        await other.send("resync", None)
        await eventually(lambda: sum("all" in message for message in other.messages) == 2)
        assert before <= answered(flood) <= 6


async def test_an_address_and_a_person_open_only_so_many(
    make_settings: MakeSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pages count for an address and for a person; WebSockets of programs count by themselves."""
    settings = make_settings(max_pages_per_address=4, max_connections_per_address=1)
    async with running_console(settings) as console, AsyncExitStack() as stack:
        monkeypatch.setattr(guard._pages_of_people, "limit", 2)
        for name in ("alice", "bob"):
            token = await console.login(name)
            for number in range(3):
                token, own = await chat_page(console, token)
                opening = raw_socket(console, token, f"client_id={own}&{FIXED}")
                if number == 2:
                    with pytest.raises(InvalidStatus):
                        await opening.__aenter__()
                else:
                    last = await stack.enter_async_context(opening)
        token, own = await chat_page(console, await console.login("carol"))
        with pytest.raises(InvalidStatus):
            await raw_socket(console, token, f"client_id={own}&{FIXED}").__aenter__()
        await stack.enter_async_context(connect(console.ws_url + token, proxy=None))
        await eventually(lambda: console.app.state.sockets_by_address.held("127.0.0.1") == 1)
        async with connect(console.ws_url + token, proxy=None) as full:
            async with asyncio.timeout(DEADLINE_S):
                with pytest.raises(ConnectionClosed):
                    await full.recv()
            assert full.close_code == 4409
        await last.close()
        await eventually(lambda: console.app.state.pages_by_address.held("127.0.0.1") == 3)
        await stack.enter_async_context(raw_socket(console, token, f"client_id={own}&{FIXED}"))


async def test_an_office_behind_one_address_works_at_the_defaults(make_settings: MakeSettings) -> None:
    """The last of 150 people, each with three tabs: 447 pages, sockets and connections are open at their address."""
    async with running_console(make_settings()) as console, AsyncExitStack() as stack:
        for tally in (console.app.state.pages_by_address, console.app.state.sockets_by_address):
            for _ in range(447):
                stack.enter_context(tally.holding("127.0.0.1", refusal="address"))
        token = await console.login("last")
        for _ in range(3):
            _, own = await chat_page(console, token)
            await stack.enter_async_context(raw_socket(console, token, f"client_id={own}&{FIXED}"))
            await stack.enter_async_context(connect(console.ws_url + token, proxy=None))
        await eventually(lambda: console.app.state.pages_by_address.held("127.0.0.1") == 450)
        await eventually(lambda: console.app.state.sockets_by_address.held("127.0.0.1") == 450)
        assert console.settings.max_connections_per_address < console.settings.max_concurrent_connections


# What the tests say


async def chat_page(console: RunningConsole, token: str | None = None) -> tuple[str, str]:
    """A user of the chat with a page of their own: their token and the page's id."""
    token = token or await console.login("mallory")
    async with console.client(cookies={SESSION_COOKIE: token}) as client:
        answer = await client.get("/")
    return token, client_id_in(answer.text)


@asynccontextmanager
async def raw_socket(console: RunningConsole, token: str, query: str) -> AsyncIterator[ClientConnection]:
    """The socket of a page, without a library that would mend what is said."""
    url = console.url.replace("http", "ws", 1) + "/_nicegui_ws/socket.io/?" + query
    async with connect(url, proxy=None, additional_headers={"Cookie": f"{SESSION_COOKIE}={token}"}) as socket:
        yield socket


def event(name: str, message: object) -> str:
    """A packet of Socket.IO."""
    return "42" + json.dumps([name, message])


def board_event(client: Client, kind: str, value: object) -> dict[str, object]:
    """What a click in somebody's page says."""
    listener, element = next(
        (listener, element)
        for element in client.elements.values()
        for listener in element._event_listeners.values()
        if listener.type == kind
    )
    return {"id": element.id, "client_id": client.id, "listener_id": listener.id, "args": [json.dumps(value)]}


async def welcome(socket: ClientConnection) -> str:
    """What the server says until Socket.IO has let the page in, or has not."""
    said = [""]
    async with asyncio.timeout(DEADLINE_S):
        while not said[-1].startswith(("40", "44")):
            said.append(str(await socket.recv()))
    return "".join(said)


async def all_said(socket: ClientConnection, *, until_closed: bool = False) -> str:
    """What the server says until it has answered a ping that was sent after all of ours, or until it closes."""
    said = ""
    pong = None if until_closed else asyncio.ensure_future(await socket.ping())
    while pong is None or not pong.done():
        try:
            said += str(await asyncio.wait_for(socket.recv(), 0.2))
        except TimeoutError:
            continue
    return said
