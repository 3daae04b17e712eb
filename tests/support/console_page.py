"""A page of the console without a browser: its HTML, and NiceGUI's socket as the page's script would use it."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import socketio  # type: ignore[import-untyped]
from nicegui import Client

from chat_api.core.cookies import ADMIN_COOKIE
from console.pages.fleet.board import FleetBoard
from tests.support.console_app import RunningConsole
from tests.support.eventually import DEADLINE_S

SOCKET = "/_nicegui_ws/socket.io"


class Refused(Exception):
    """The server did not accept a page's socket."""


class OpenedPage:
    """One open page; ``messages`` are the fleet messages it received, oldest first, ``opened`` is where it was sent."""

    def __init__(self, client_id: str, sio: socketio.AsyncClient) -> None:
        self.client_id = client_id
        self.sio = sio
        self.messages: list[dict[str, Any]] = []
        self.scripts: list[str] = []
        sio.on("fleet", self.messages.append)
        sio.on("run_javascript", lambda message: self.scripts.append(message["code"]))

    @property
    def client(self) -> Client:
        """The server's side of the page."""
        return Client.instances[self.client_id]

    async def send(self, event: str, value: object, *, client_id: str | None = None) -> None:
        """Send an event of the fleet board, as a click would; with ``client_id``, in the name of another page."""
        target = Client.instances[client_id or self.client_id]
        board = next(element for element in target.elements.values() if isinstance(element, FleetBoard))
        listener = next(listener for listener in board._event_listeners.values() if listener.type == event)
        message = {"id": board.id, "client_id": target.id, "listener_id": listener.id, "args": [_json(value)]}
        await self.sio.emit("event", message)


async def page_html(console: RunningConsole, token: str, path: str = "/admin") -> str:
    """The HTML of a page for an administrator's token."""
    async with console.client(cookies={ADMIN_COOKIE: token}) as client:
        answer = await client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.text


def client_id_in(html: str) -> str:
    """The id of the client that a page was built for."""
    match = re.search(r'"client_id": ?"([0-9a-f-]{36})"|\'client_id\': ?\'([0-9a-f-]{36})\'', html)
    assert match is not None
    return match[1] or match[2]


@asynccontextmanager
async def opened_page(console: RunningConsole, token: str, path: str = "/admin") -> AsyncIterator[OpenedPage]:
    """Open a page and its socket, and close it afterwards."""
    client_id = client_id_in(await page_html(console, token, path))
    async with socket() as sio:
        page = OpenedPage(client_id, sio)
        await connect(console, sio, client_id, token)
        yield page


@asynccontextmanager
async def socket() -> AsyncIterator[socketio.AsyncClient]:
    """A Socket.IO client that is not connected yet, and is gone afterwards."""
    async with aiohttp.ClientSession() as session:  # its own would be left open when the handshake is refused
        sio = socketio.AsyncClient(reconnection=False, http_session=session)
        try:
            yield sio
        finally:
            await sio.shutdown()


async def connect(
    console: RunningConsole,
    sio: socketio.AsyncClient,
    client_id: str | None,
    token: str,
    *,
    origin: str | None = None,
    cookie: str = ADMIN_COOKIE,
    forwarded_proto: str | None = None,
) -> None:
    """Shake hands for a page; ``forwarded_proto`` is what a proxy says of the scheme. Raises: Refused."""
    page = f"client_id={client_id}&" if client_id else ""
    query = f"{page}next_message_id=0&implicit_handshake=true&tab_id=tab-{client_id}&document_id=d"
    headers = {"Cookie": f"{cookie}={token}"} | ({"Origin": origin} if origin else {})
    headers |= {"X-Forwarded-Proto": forwarded_proto} if forwarded_proto else {}
    is_accepted: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    def settle(outcome: bool) -> None:
        if not is_accepted.done():
            is_accepted.set_result(outcome)

    sio.on("connect", lambda: settle(True))
    sio.on("connect_error", lambda *_: settle(False))
    try:
        await sio.connect(
            f"{console.url}/?{query}", headers=headers, transports=["websocket"], socketio_path=SOCKET, wait=False
        )
    except socketio.exceptions.ConnectionError as error:
        raise Refused from error
    if not await asyncio.wait_for(is_accepted, DEADLINE_S):
        raise Refused


def _json(value: object) -> str:
    return json.dumps(value)
