"""Conversations over a WebSocket: a message, its acknowledgement, its answer, the next message.

A conversation says hello first. A server that knows protocol v2 welcomes it and acknowledges every message; another
one answers with an error, and then only the bot's answers count. Source: protocol, "WebSocket".
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from bench.figures import Load, load_of
from bench.http import HOST
from bench.load.http_clients import GRACE_S
from bench.load.websocket import WebSocketClient
from chat_api.core.errors import Unavailable

CONTENT = "What do you see down there?"
PONG = b'{"type":"pong"}'
OPENING_AT_ONCE = 50


@dataclass(slots=True, kw_only=True)
class Tally:
    """What all conversations of one load have in common."""

    bot_name: str
    ends_at: float = 0.0
    answers_s: list[float] = field(default_factory=list)
    acks_s: list[float] = field(default_factory=list)


class Conversation(WebSocketClient):
    """One conversation, one message at a time."""

    def __init__(self, path: str, tally: Tally, *, number: int) -> None:
        super().__init__(path)
        loop = asyncio.get_running_loop()
        self.ready: asyncio.Future[None] = loop.create_future()
        self.done: asyncio.Future[None] = loop.create_future()
        self._tally = tally
        self._number = number
        self._sent = 0
        self._is_acked = False
        self._is_v2 = False
        self._began = 0.0
        self._client_msg_id = ""

    def hello(self) -> None:
        """Say which protocol we speak."""
        self.send(orjson.dumps({"type": "hello", "v": 2, "client_id": f"bench-{self._number}"}))

    def say(self) -> None:
        """Send the next message."""
        self._sent += 1
        self._is_acked = not self._is_v2
        self._began = time.perf_counter()
        self._client_msg_id = f"{self._began:.9f}-{self._number}"
        data = {"content": CONTENT, "bot_name": self._tally.bot_name, "client_msg_id": self._client_msg_id}
        self.send(orjson.dumps({"type": "message", "data": data}))

    def received(self, payload: bytes) -> None:
        """Take the frame that is due; anything that means a lost message fails the run."""
        frame = orjson.loads(payload)
        kind = frame["type"]
        if kind == "ack":
            self._acked(frame)
        elif kind == "message":
            self._answered(frame["data"])
        elif kind == "ping":
            self.send(PONG)
        elif not self.ready.done():
            self._is_v2 = kind == "welcome"
            self.ready.set_result(None)
        elif kind in {"error", "failed"}:
            self._fail(f"got {payload[:200]!r}")

    def closed(self, reason: str) -> None:
        """A conversation that ends by itself has lost something."""
        self._fail(reason)

    def _acked(self, frame: dict[str, Any]) -> None:
        if frame["client_msg_id"] != self._client_msg_id or frame["status"] != "stored":
            self._fail(f"got {frame!r}")
            return
        self._is_acked = True
        self._tally.acks_s.append(time.perf_counter() - self._began)

    def _answered(self, data: dict[str, Any]) -> None:
        if data.get("role", "bot") != "bot":
            return
        if not self._is_acked:
            self._fail("an answer came before its acknowledgement")
            return
        now = time.perf_counter()
        self._tally.answers_s.append(now - self._began)
        if now < self._tally.ends_at:
            self.say()
        elif not self.done.done():
            self.done.set_result(None)

    def _fail(self, reason: str) -> None:
        error = Unavailable(detail=f"conversation {self._number}: {reason}")
        for waiting in (self.ready, self.done):
            if not waiting.done():
                waiting.set_exception(error)


async def converse(port: int, paths: Sequence[str], bot_name: str, *, seconds: float) -> Load:
    """Hold one conversation on each of ``paths`` for ``seconds``, all at once.

    Raises: Unavailable when a message is refused, fails, or is neither acknowledged nor answered.
    """
    tally = Tally(bot_name=bot_name)
    conversations = [Conversation(path, tally, number=number) for number, path in enumerate(paths)]
    try:
        async with asyncio.timeout(seconds + GRACE_S):
            await open_all(port, conversations)
            for conversation in conversations:
                conversation.hello()
            await asyncio.gather(*(conversation.ready for conversation in conversations))
            began = time.perf_counter()
            tally.ends_at = began + seconds
            for conversation in conversations:
                conversation.say()
            await asyncio.gather(*(conversation.done for conversation in conversations))
            passed_s = time.perf_counter() - began
    except (OSError, TimeoutError) as error:
        raise Unavailable(detail=f"port {port} does not answer: {type(error).__name__}") from error
    finally:
        for conversation in conversations:
            conversation.leave()
            conversation.ready.cancel()
            conversation.done.cancel()
    return load_of(tally.answers_s, passed_s=passed_s, acks_s=tally.acks_s)


async def open_all(port: int, clients: Sequence[WebSocketClient]) -> None:
    """Open every one of ``clients``, some at a time. Raises: Unavailable when one is refused, OSError."""
    loop = asyncio.get_running_loop()

    async def open_one(client: WebSocketClient) -> None:
        await loop.create_connection(lambda: client, HOST, port)
        await client.opened

    for first in range(0, len(clients), OPENING_AT_ONCE):
        await asyncio.gather(*map(open_one, clients[first : first + OPENING_AT_ONCE]))


class Idler(WebSocketClient):
    """A socket that is only open, and answers when it is asked whether it lives."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.ended: str | None = None

    def received(self, payload: bytes) -> None:
        """Answer a ping."""
        if b'"ping"' in payload:
            self.send(PONG)

    def closed(self, reason: str) -> None:
        """Remember that it did not stay open."""
        self.ended = reason
