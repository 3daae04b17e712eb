"""Open pages of the console, as a browser has them: the HTML, the handshake of the page's socket, its first request.

Source: NiceGUI's ``static/nicegui.js`` (handshake and acknowledgements) and the Socket.IO protocol, versions 4 and 5.
"""

import asyncio
import json
import re
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import orjson

from bench.http import HOST, read_response, request_bytes
from bench.load.conversations import open_all
from bench.load.websocket import WebSocketClient
from chat_api.core.cookies import SESSION_COOKIE
from chat_api.core.errors import Unavailable

SOCKET = "/_nicegui_ws/socket.io/"
ACK_AFTER_S = 3.0
EVENT_TIMEOUT_S = 30.0
_QUERY = re.compile(r"query: (\{'client_id': '([0-9a-f-]{36})'.*?\}),\n")
_ELEMENTS = re.compile(r"parseElements\(String\.raw`(.*?)`\)", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuiltPage:
    """What the HTML of a page tells its script. ``first_event`` asks for the conversation that is selected."""

    client_id: str
    token: str
    first_event: bytes | None


async def build_pages(port: int, tokens: Sequence[str]) -> tuple[list[BuiltPage], list[float]]:
    """Ask for one page for each token, one after the other: the pages, and the seconds that each took.

    Raises: Unavailable when an answer is no page.
    """
    reader, writer = await asyncio.open_connection(HOST, port)
    pages, times_s = [], []
    for token in tokens:
        began = time.perf_counter()
        writer.write(request_bytes("GET", "/", headers={"cookie": f"{SESSION_COOKIE}={token}"}))
        status, body = await read_response(reader)
        times_s.append(time.perf_counter() - began)
        pages.append(_read_page(status, body.decode(), token))
    writer.close()
    return pages, times_s


def _read_page(status: int, html: str, token: str) -> BuiltPage:
    query, elements = _QUERY.search(html), _ELEMENTS.search(html)
    if status != 200 or not query or not elements:
        raise Unavailable(detail=f"no chat page: {status} {html[:200]!r}")
    client_id = query[2]
    for number, element in json.loads(elements[1]).items():
        listeners = {event["type"]: event["listener_id"] for event in element.get("events", ())}
        selected = element.get("props", {}).get("selected")
        if "ask" in listeners and selected:
            asked = orjson.dumps({"what": "open", "bot": selected}).decode()
            event = {"id": int(number), "client_id": client_id, "listener_id": listeners["ask"], "args": [asked]}
            return BuiltPage(client_id=client_id, token=token, first_event=_emitted("event", event))
    return BuiltPage(client_id=client_id, token=token, first_event=None)


class Watch:
    """An event that is expected at every page: which bytes mark it, and when it came."""

    def __init__(self, marker: bytes, *, count: int) -> None:
        self._marker = marker
        self._count = count
        self.arrivals: dict[str, float] = {}
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def see(self, client_id: str, payload: bytes) -> None:
        """Note the first time that a page gets the event."""
        if client_id not in self.arrivals and self._marker in payload:
            self.arrivals[client_id] = time.monotonic()
            if len(self.arrivals) == self._count and not self.done.done():
                self.done.set_result(None)


class Page(WebSocketClient):
    """The socket of one open page."""

    watch: Watch | None = None  # the one event that all pages are watched for at a time

    def __init__(self, port: int, built: BuiltPage) -> None:
        query = {
            "client_id": built.client_id,
            "next_message_id": 0,
            "implicit_handshake": "true",
            "document_id": uuid.uuid4(),
            "tab_id": uuid.uuid4(),
            "old_tab_id": "null",
            "EIO": 4,
            "transport": "websocket",
        }
        headers = {"cookie": f"{SESSION_COOKIE}={built.token}", "origin": f"http://{HOST}:{port}"}
        super().__init__(f"{SOCKET}?{urlencode(query)}", host=f"{HOST}:{port}", headers=headers)
        self.connected: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.events = 0
        self._built = built
        self._next_message_id = 0
        self._is_ack_due = False

    def received(self, payload: bytes) -> None:
        """Keep the connection alive, and count events."""
        if payload[:2] == b"42":
            self._event(payload)
        elif payload == b"2":
            self.send(b"3")
        elif payload[:1] == b"0":
            self.send(b"40")
        elif payload[:2] == b"40":
            if not self.connected.done():
                self.connected.set_result(None)
            if self._built.first_event:
                self.send(self._built.first_event)
        elif payload[:2] in {b"41", b"44"}:
            self.closed(f"refused: {payload[:200]!r}")

    def closed(self, reason: str) -> None:
        """A page that loses its socket does not count."""
        if not self.connected.done():
            self.connected.set_exception(Unavailable(detail=f"a page's socket was {reason}"))

    def _event(self, payload: bytes) -> None:
        self.events += 1
        if Page.watch is not None:
            Page.watch.see(self._built.client_id, payload)
        data = orjson.loads(payload[2:])[1]
        if isinstance(data, dict) and "_id" in data:
            self._next_message_id = data["_id"] + 1
            if not self._is_ack_due:
                self._is_ack_due = True
                asyncio.get_running_loop().call_later(ACK_AFTER_S, self._ack)

    def _ack(self) -> None:
        self._is_ack_due = False
        if not self.is_left:
            self.send(_emitted("ack", {"client_id": self._built.client_id, "next_message_id": self._next_message_id}))


async def connect_pages(port: int, pages: Sequence[BuiltPage]) -> list[Page]:
    """Connect the socket of each page, and leave them open. Raises: Unavailable when one is refused."""
    sockets = [Page(port, page) for page in pages]
    await open_all(port, sockets)
    async with asyncio.timeout(EVENT_TIMEOUT_S):
        await asyncio.gather(*(socket.connected for socket in sockets))
    return sockets


async def event_at_pages(pages: Sequence[Page], port: int, request: bytes, *, marker: bytes) -> dict[str, Any]:
    """Send a request, and wait until an event that holds ``marker`` has reached every page.

    Returns: monotonic seconds, ``sent_at`` and ``arrivals``.
    Raises: Unavailable when it does not reach all, or the request fails.
    """
    Page.watch = watch = Watch(marker, count=len(pages))
    sent_at = time.monotonic()
    try:
        async with asyncio.timeout(EVENT_TIMEOUT_S):
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(request)
            status, body = await read_response(reader)
            writer.close()
            if status != 200:
                raise Unavailable(detail=f"answered {status}: {body[:200]!r}")
            await watch.done
    except TimeoutError as error:
        missing = len(pages) - len(watch.arrivals)
        raise Unavailable(detail=f"an event did not reach {missing} of {len(pages)} pages") from error
    finally:
        Page.watch = None
    return {"sent_at": sent_at, "arrivals": list(watch.arrivals.values())}


def _emitted(name: str, value: object) -> bytes:
    return b"42" + orjson.dumps([name, value])
