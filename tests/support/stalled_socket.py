"""A WebSocket whose peer reads nothing."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from tests.support.api import RunningApi


@asynccontextmanager
async def stalled(api: RunningApi, token: str, *, hello: bytes = b"") -> AsyncIterator[None]:
    """Shake hands, say ``hello`` (less than 126 bytes) if there is one, then never read, with a small buffer."""
    parts = urlsplit(api.url)
    assert parts.hostname
    assert parts.port
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.setblocking(False)
    try:
        loop = asyncio.get_running_loop()
        await loop.sock_connect(raw, (parts.hostname, parts.port))
        handshake = (
            f"GET /ws/{token} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )
        await loop.sock_sendall(raw, handshake.encode())
        assert (await loop.sock_recv(raw, 4096)).startswith(b"HTTP/1.1 101 ")
        if hello:
            await loop.sock_sendall(raw, bytes([0x81, 0x80 | len(hello)]) + bytes(4) + hello)  # masked with zeros
        yield
    finally:
        raw.close()
