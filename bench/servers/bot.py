"""A bot of the second generation that costs next to nothing.

Run as ``python -m bench.servers.bot PORT… [--delay-ms N]``.

It answers every message with the same short text, at once or after a delay, and is always healthy unless it is told
otherwise (``POST /bench/health``). Source: bot contract.
"""

import argparse
import asyncio
import json
import time
from typing import Any

import uvloop

ANSWER = json.dumps(
    {
        "success": True,
        "response": "A short answer.",
        "timestamp": "2025-10-13T10:30:00.123456",
        "processing_time_ms": 0.1,
        "memory_stored": True,
    }
).encode()
HEALTHY = b'{"status":"healthy","timestamp":"2025-10-13T10:30:00.123456"}'
UNHEALTHY = b'{"status":"unhealthy","timestamp":"2025-10-13T10:30:00.123456"}'
DIAGNOSTICS = '{"bot_name":"%s","llm_models":{},"uptime_seconds":1.0,"version":"2.5"}'
AS = b"/as/"  # before the name that the bot is to call itself, for many share a port


def response(status: str, body: bytes) -> bytes:
    """A whole HTTP response."""
    head = f"HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


CHAT = response("200 OK", ANSWER)
NOT_FOUND = response("404 Not Found", b'{"detail":"Not Found"}')


class Health:
    """What the bot says of itself, and when it first said so after it changed."""

    def __init__(self) -> None:
        self.is_healthy = True
        self.requested_at: float | None = None

    def tell(self) -> bytes:
        """The answer to a health check. The clock is the machine's monotonic one, the same for every process."""
        if self.requested_at is None:
            self.requested_at = time.monotonic()
        return response("200 OK", HEALTHY if self.is_healthy else UNHEALTHY)

    def change(self) -> bytes:
        """Be well when ill, and ill when well."""
        self.is_healthy, self.requested_at = not self.is_healthy, None
        return response("200 OK", b"{}")

    def state(self) -> bytes:
        """When the newest state was first told, ``null`` when nobody has asked since."""
        return response("200 OK", json.dumps({"told_at": self.requested_at}).encode())


class BotConnection(asyncio.Protocol):
    """One kept-alive connection, one request at a time."""

    def __init__(self, health: Health, *, delay_s: float) -> None:
        self._health = health
        self._delay_s = delay_s
        self._data = b""

    def connection_made(self, transport: Any) -> None:
        """Remember where answers go."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer when a request is whole."""
        self._data = data if not self._data else self._data + data
        end = self._data.find(b"\r\n\r\n")
        if end < 0 or len(self._data) < end + 4 + _length(self._data[:end]):
            return
        method, path, _ = self._data[: self._data.find(b"\r\n")].split(b" ", 2)
        self._data = b""
        name = b"bench"
        if path.startswith(AS):
            name, _, path = path.removeprefix(AS).partition(b"/")
            path = b"/" + path
        if path == b"/api/chat":
            if self._delay_s:
                asyncio.get_running_loop().call_later(self._delay_s, self._write, CHAT)
            else:
                self._transport.write(CHAT)
        else:
            self._transport.write(self._other(method, path, name))

    def _other(self, method: bytes, path: bytes, name: bytes) -> bytes:
        if path == b"/health":
            return self._health.tell()
        if path == b"/api/diagnostics":
            return response("200 OK", (DIAGNOSTICS % name.decode()).encode())
        if path == b"/bench/health":
            return self._health.change() if method == b"POST" else self._health.state()
        return NOT_FOUND

    def _write(self, answer: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(answer)


def _length(head: bytes) -> int:
    head = head.lower()
    at = head.find(b"\r\ncontent-length:")
    if at < 0:
        return 0
    stop = head.find(b"\r\n", at + 2)
    return int(head[at + 17 : stop if stop > 0 else len(head)])


async def main(ports: list[int], *, delay_ms: float) -> None:
    """Listen on every port until the process is ended."""
    loop, health = asyncio.get_running_loop(), Health()
    for port in ports:
        await loop.create_server(
            lambda: BotConnection(health, delay_s=delay_ms / 1000), "127.0.0.1", port, backlog=1024
        )
    await asyncio.Event().wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("ports", type=int, nargs="+")
    parser.add_argument("--delay-ms", type=float, default=0.0)
    given = parser.parse_args()
    uvloop.run(main(given.ports, delay_ms=given.delay_ms))
