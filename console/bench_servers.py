"""What the bench measures against: a bot that answers at once, and the least a proxy in Python can be.

Run as ``python -m uvicorn console.bench_servers:instant_bot`` and ``…:bare_proxy`` (``BENCH_BOT_PORT`` names the bot).
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

ANSWER = (
    b'{"success":true,"response":"A short answer.","timestamp":"2025-10-13T10:30:00.123456","bot_name":"Bench",'
    b'"processing_time_ms":0.1,"memory_stored":true}'
)
HEALTHY = b'{"status":"healthy","timestamp":"2025-10-13T10:30:00.123456"}'
_connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []


async def instant_bot(scope: Message, receive: Receive, send: Send) -> None:
    """A bot of the second generation that answers everything at once."""
    if scope["type"] == "http":
        await _body(receive)
        await _answer(send, 200, ANSWER if scope["path"] == "/api/chat" else HEALTHY)


async def bare_proxy(scope: Message, receive: Receive, send: Send) -> None:
    """Pass a chat to the bot over pooled raw sockets: no authentication, no validation, nothing stored."""
    if scope["type"] == "http":
        await _answer(send, 200, await _forward(await _body(receive)))


async def _forward(body: bytes) -> bytes:
    if _connections:
        reader, writer = _connections.pop()
    else:
        reader, writer = await asyncio.open_connection("127.0.0.1", int(os.environ["BENCH_BOT_PORT"]))
    head = (
        f"POST /api/chat HTTP/1.1\r\nhost: bot\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    _, answer = await read_response(reader)
    _connections.append((reader, writer))
    return answer


async def read_response(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """Read one HTTP/1.1 response with a ``Content-Length``: its status and its body."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    start = head.index(b"content-length:") + len(b"content-length:")
    return int(head[9:12]), await reader.readexactly(int(head[start : head.index(b"\r\n", start)]))


async def _body(receive: Receive) -> bytes:
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    return body


async def _answer(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
