"""A WebSocket client on a bare transport (RFC 6455): no queue, no task, no compression."""

import asyncio
import base64
import os
import struct
from collections.abc import Iterator, Mapping
from typing import Any

from bench.http import HOST
from chat_api.core.errors import Unavailable

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA


def encode_frame(payload: bytes, opcode: int = TEXT) -> bytes:
    """A client's frame. Its mask is zero, which is as valid as any other and leaves the payload as it is."""
    size = len(payload)
    if size < 126:
        head = struct.pack("!BB", 0x80 | opcode, 0x80 | size)
    elif size < 65536:
        head = struct.pack("!BBH", 0x80 | opcode, 0x80 | 126, size)
    else:
        head = struct.pack("!BBQ", 0x80 | opcode, 0x80 | 127, size)
    return head + b"\0\0\0\0" + payload


def decode_frames(data: bytearray) -> Iterator[tuple[int, bytes]]:
    """Take every whole frame of a server off the front of ``data``: opcode and payload."""
    while len(data) >= 2:
        size, start = data[1] & 0x7F, 2
        if size == 126:
            if len(data) < 4:
                return
            size, start = int.from_bytes(data[2:4]), 4
        elif size == 127:
            if len(data) < 10:
                return
            size, start = int.from_bytes(data[2:10]), 10
        if len(data) < start + size:
            return
        opcode, payload = data[0] & 0x0F, bytes(data[start : start + size])
        del data[: start + size]
        yield opcode, payload


class WebSocketClient(asyncio.Protocol):
    """One connection. What comes is given to :meth:`received`; a close that we did not ask for to :meth:`closed`."""

    def __init__(self, path: str, *, host: str = HOST, headers: Mapping[str, str] | None = None) -> None:
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._path = path
        self._headers = {"host": host, **(headers or {})}
        self._data = bytearray()
        self._is_open = False
        self.is_left = False
        self._close_code: int | None = None

    def received(self, payload: bytes) -> None:
        """A text arrived."""

    def closed(self, reason: str) -> None:
        """The server ended the connection."""

    def send(self, payload: bytes) -> None:
        """Send a text."""
        self._transport.write(encode_frame(payload))

    def leave(self) -> None:
        """Close from our side."""
        self.is_left = True
        if self._is_open and not self._transport.is_closing():
            self._transport.write(encode_frame((1000).to_bytes(2), CLOSE))
        self._transport.close()

    def connection_made(self, transport: Any) -> None:
        """Ask for the upgrade."""
        self._transport = transport
        key = base64.b64encode(os.urandom(16)).decode()
        lines = [
            f"GET {self._path} HTTP/1.1",
            "upgrade: websocket",
            "connection: Upgrade",
            f"sec-websocket-key: {key}",
            "sec-websocket-version: 13",
            *(f"{name}: {value}" for name, value in self._headers.items()),
        ]
        transport.write("\r\n".join([*lines, "", ""]).encode())

    def data_received(self, data: bytes) -> None:
        """Read frames; before them the answer to the upgrade."""
        self._data += data
        if not self._is_open and not self._upgraded():
            return
        for opcode, payload in decode_frames(self._data):
            if opcode in (TEXT, BINARY):
                self.received(payload)
            elif opcode == PING:
                self._transport.write(encode_frame(payload, PONG))
            elif opcode == CLOSE:
                self._close_code = int.from_bytes(payload[:2]) if payload else 1005
                self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        """Say why, unless it was us."""
        reason = f"closed with {self._close_code}" if self._close_code else f"lost: {exc}"
        if not self.opened.done():
            self.opened.set_exception(Unavailable(detail=f"the WebSocket was {reason}"))
        if not self.is_left:
            self.closed(reason)

    def _upgraded(self) -> bool:
        end = self._data.find(b"\r\n\r\n")
        if end < 0:
            return False
        if self._data[9:12] != b"101":
            if not self.opened.done():
                self.opened.set_exception(Unavailable(detail=f"no WebSocket: {bytes(self._data[:200])!r}"))
            self._transport.close()
            return False
        del self._data[: end + 4]
        self._is_open = True
        if not self.opened.done():
            self.opened.set_result(None)
        return True
