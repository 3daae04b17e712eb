"""What a page's script may say: NiceGUI's socket, checked before NiceGUI, Socket.IO and Engine.IO see any of it.

They trust their own script. Here each packet is read first, and only what that script sends for our pages goes on: a
pong, one connect, a farewell, and the events in :data:`_SHAPES` in the name of the page that the socket shook hands
for. Everything else is dropped, with one line in the log a minute however much of it comes. The query of the handshake
is built anew from what is known to be right, so that nobody behind us can read it in another way.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import orjson
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_api.core.logging import get_logger

log = get_logger(__name__)

NO_PAGE: Final = "no-page"
MAX_PACKET_CHARS: Final = 256 * 1024
# For typing, scrolling and dragging; who sends more is read more slowly, and loses nothing.
PACKETS_PER_S: Final = 60.0
BURST_PACKETS: Final = 300.0
# Whoever sends so much that no script of ours would send is not using it.
MAX_MALFORMED: Final = 50
CLOSE_BAD_FRAME: Final = 4400
_ID = re.compile(r"[\w-]{1,64}")
_NUMBER = re.compile(r"\d{1,12}")
# socket.io-client's, and those of NiceGUI's script; a tab's former id is for NiceGUI's storage, which we do not use.
_QUERY: Final = {
    "client_id": _ID,
    "tab_id": _ID,
    "document_id": _ID,
    "next_message_id": _NUMBER,
}
_EVENT: Final = "42"  # without a number: nothing that the script sends asks for an acknowledgement
_IGNORED: Final = frozenset({"log"})  # what a browser has to say is not for our log


def page_of(query: bytes) -> dict[str, str] | None:
    """What a handshake says of its page, ``None`` when it is not what NiceGUI's script says."""
    try:
        pairs = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=20)
    except ValueError:
        return None
    given = dict(pairs)
    if len(given) != len(pairs):  # said twice: who reads it decides what it means
        return None
    if given.get("transport") != "websocket" or given.get("EIO") != "4" or given.get("implicit_handshake") != "true":
        return None
    page = {key: given.get(key, "") for key in _QUERY}
    return page if all(pattern.fullmatch(page[key]) for key, pattern in _QUERY.items()) else None


def query_of(page: dict[str, str]) -> bytes:
    """The query that NiceGUI, Socket.IO and Engine.IO get to read."""
    return urlencode({"EIO": "4", "transport": "websocket", "implicit_handshake": "true"} | page).encode()


class PageSocket:
    """One socket of a page: what it says, checked and slowed down."""

    def __init__(self, client_id: str) -> None:
        self._client_id = client_id
        self._is_connected = False
        self._malformed = 0
        self._tokens = BURST_PACKETS
        self._counted_s = asyncio.get_running_loop().time()

    async def serve(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """Let ``app`` talk with the page."""

        async def checked() -> Message:
            while True:
                message = await receive()
                if message["type"] != "websocket.receive":
                    return message
                await self._slow_down()
                text = message.get("text")
                is_accepted = self._is_accepted(text) if isinstance(text, str) else False
                if is_accepted:
                    return message
                if is_accepted is None:
                    continue
                self._malformed += 1
                log.warning("page_packet_dropped", size=len(text or message.get("bytes") or b""))
                if self._malformed > MAX_MALFORMED:
                    await send({"type": "websocket.close", "code": CLOSE_BAD_FRAME, "reason": "bad frame"})
                    return {"type": "websocket.disconnect", "code": CLOSE_BAD_FRAME}

        await app(scope, checked, send)

    def _is_accepted(self, text: str) -> bool | None:
        """Whether a packet goes on; ``None`` for what is well-formed and of no use."""
        if text in {"3", "1", "41"}:  # a pong, and the farewells of Engine.IO and of Socket.IO
            return True
        if text in {"40", "40{}"}:
            is_first, self._is_connected = not self._is_connected, True
            return is_first
        is_event = self._is_connected and len(text) <= MAX_PACKET_CHARS and text.startswith(_EVENT)
        return self._is_event(text[len(_EVENT) :]) if is_event else False

    def _is_event(self, text: str) -> bool | None:
        try:
            packet = orjson.loads(text)  # refuses what nests too deeply, without recursing
        except orjson.JSONDecodeError:
            return False
        if not isinstance(packet, list) or len(packet) != 2:
            return False
        name, message = packet
        if not isinstance(name, str) or not isinstance(message, dict) or message.get("client_id") != self._client_id:
            return False
        if name in _IGNORED:
            return None
        shape = _SHAPES.get(name)
        return shape is not None and shape(message)

    async def _slow_down(self) -> None:
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        self._tokens = min(BURST_PACKETS, self._tokens + (now_s - self._counted_s) * PACKETS_PER_S) - 1
        self._counted_s = now_s
        if self._tokens < 0:  # nothing more is read meanwhile: the sender has to wait
            await asyncio.sleep(-self._tokens / PACKETS_PER_S)


def _is_element_event(message: dict[str, Any]) -> bool:
    args = message.get("args", [])
    return (
        message.keys() <= {"id", "client_id", "listener_id", "args"}
        and type(message.get("id")) is int
        and isinstance(message.get("listener_id"), str)
        and isinstance(args, list)
        and all(arg is None or (isinstance(arg, str) and _is_json(arg)) for arg in args)
    )


def _is_javascript_response(message: dict[str, Any]) -> bool:
    return message.keys() <= {"request_id", "client_id", "result"} and isinstance(message.get("request_id"), str)


def _is_ack(message: dict[str, Any]) -> bool:
    return message.keys() == {"client_id", "next_message_id"} and type(message["next_message_id"]) is int


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


_SHAPES: Final[dict[str, Callable[[dict[str, Any]], bool]]] = {
    "event": _is_element_event,
    "javascript_response": _is_javascript_response,
    "ack": _is_ack,
}
