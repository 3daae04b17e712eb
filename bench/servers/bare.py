"""The least that a proxy in Python can be: ASGI on uvicorn, raw pooled sockets to the bot, nothing checked or stored.

Run as ``python -m uvicorn bench.servers.bare:proxy`` or ``…:websocket_proxy``, with ``BENCH_BOT_PORT``.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, MutableMapping
from datetime import UTC, datetime
from typing import Any

import orjson

from bench.http import HOST, read_response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

_connections: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = []


async def proxy(scope: Message, receive: Receive, send: Send) -> None:
    """Pass the body of a chat on to the bot, and its answer back."""
    if scope["type"] != "http":
        return
    body, is_more = b"", True
    while is_more:
        message = await receive()
        body += message.get("body", b"")
        is_more = message.get("more_body", False)
    answer = await _forward(body) if scope["path"] == "/api/chat" else b"{}"
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": answer})


async def websocket_proxy(scope: Message, receive: Receive, send: Send) -> None:
    """Pass each message on to the bot, and its answer back as a frame of the base protocol."""
    if scope["type"] != "websocket":
        return await proxy(scope, receive, send)
    await receive()
    await send({"type": "websocket.accept"})
    while (message := await receive())["type"] == "websocket.receive":
        frame = orjson.loads(message["text"])
        await send({"type": "websocket.send", "text": (await _answer(frame)).decode()})
    return None


async def _answer(frame: dict[str, Any]) -> bytes:
    if frame["type"] != "message":
        return orjson.dumps({"type": "error", "message": "not known here"})
    data = frame["data"]
    answer = orjson.loads(await _forward(orjson.dumps({"user_id": "bench", "message": data["content"], "context": {}})))
    timestamp = datetime.now(UTC).isoformat()
    answered = {"content": answer["response"], "bot_name": data["bot_name"], "timestamp": timestamp}
    return orjson.dumps({"type": "message", "data": answered})


async def _forward(body: bytes) -> bytes:
    if _connections:
        reader, writer = _connections.pop()
    else:
        reader, writer = await asyncio.open_connection(HOST, int(os.environ["BENCH_BOT_PORT"]))
    head = (
        f"POST /api/chat HTTP/1.1\r\nhost: bot\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    _, answer = await read_response(reader)
    _connections.append((reader, writer))
    return answer
