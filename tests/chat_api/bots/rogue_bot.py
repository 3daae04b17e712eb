"""A server that a test scripts byte by byte: what no real bot should ever do."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from chat_api.bots.schemas import BotSpec

Script = Callable[["RogueBot", asyncio.StreamWriter], Awaitable[None]]


@dataclass(slots=True)
class RogueBot:
    """``script`` answers each request; ``requests`` are the ones that arrived, ``peak`` the most at once."""

    script: Script
    port: int = 0
    requests: list[bytes] = field(default_factory=list)
    connections: int = 0
    running: int = 0
    peak: int = 0
    sent_bytes: int = 0
    name: str = "rogue"

    @property
    def spec(self) -> BotSpec:
        """The bot as the registry would describe it."""
        return BotSpec(name=self.name, display_name=self.name.title(), url=f"http://127.0.0.1:{self.port}")

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection until either side hangs up."""
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                length = next((int(line[15:]) for line in head.lower().splitlines() if b"content-length" in line), 0)
                self.requests.append(head + await reader.readexactly(length))
                self.running += 1
                self.peak = max(self.peak, self.running)
                try:
                    await self.script(self, writer)
                finally:
                    self.running -= 1
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            self.connections -= 1
            writer.close()


@asynccontextmanager
async def rogue_bot(script: Script, *, name: str = "rogue") -> AsyncIterator[RogueBot]:
    """Run one on a free port."""
    bot = RogueBot(script, name=name)
    tasks: set[asyncio.Task[None]] = set()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(bot.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    bot.port = server.sockets[0].getsockname()[1]
    try:
        yield bot
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def answering(body: bytes | object, *, status: int = 200, headers: str = "") -> Script:
    """A whole answer; what is not bytes is sent as JSON."""
    payload = body if isinstance(body, bytes) else json.dumps(body).encode()
    head = f"HTTP/1.1 {status} X\r\ncontent-length: {len(payload)}\r\n{headers}\r\n".encode()

    async def script(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        writer.write(head + payload)
        await writer.drain()

    return script


async def hanging(_bot: RogueBot, _writer: asyncio.StreamWriter) -> None:
    """Never answer."""
    await asyncio.Event().wait()


async def resetting(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
    """Read the request, then hang up."""
    writer.close()
    raise ConnectionResetError


async def endless(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
    """A body without an end, as fast as it is read."""
    writer.write(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b"x" * 65_536 + b"\r\n")
        await writer.drain()
        bot.sent_bytes += 65_536


async def dripping(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
    """A byte now and then, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        bot.sent_bytes += 1
        await asyncio.sleep(0.01)
