"""The load generator, as the scenarios see it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from bench.figures import Load
from bench.load import LINE_LIMIT_BYTES
from chat_api.core.errors import Unavailable

PROJECT = Path(__file__).resolve().parents[1]
ORDER_TIMEOUT_S = 180.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEvent:
    """When something happened and when each page heard of it, in monotonic seconds."""

    sent_at: float
    arrivals: Sequence[float]


class LoadGenerator:
    """Gives orders to the generator's process, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    async def repeat(self, port: int, requests: Sequence[bytes], *, seconds: float) -> Load:
        """Repeat each request on a connection of its own for ``seconds``. Raises: Unavailable unless all are 200."""
        texts = [request.decode("latin-1") for request in requests]
        return Load(**await self.order("repeat", port=port, requests=texts, seconds=seconds))

    async def converse(self, port: int, paths: Sequence[str], bot_name: str, *, seconds: float) -> Load:
        """Hold a conversation over each WebSocket for ``seconds``. Raises: Unavailable when a message is lost."""
        return Load(**await self.order("converse", port=port, paths=list(paths), bot_name=bot_name, seconds=seconds))

    async def idle(self, port: int, paths: Sequence[str]) -> int:
        """Open WebSockets and leave them open until :meth:`close`. Returns: how many are held in all."""
        return int(await self.order("idle", port=port, paths=list(paths)))

    async def still_open(self) -> int:
        """How many of the idle WebSockets the server has not closed."""
        return int(await self.order("still_open"))

    async def build_pages(self, port: int, tokens: Sequence[str]) -> list[float]:
        """Ask for a chat page for each token; the seconds that each took. Raises: Unavailable."""
        return list(await self.order("build_pages", port=port, tokens=list(tokens)))

    async def connect_pages(self, port: int) -> int:
        """Connect the sockets of the pages built last, until :meth:`close`. Returns: how many opened a conversation."""
        return int(await self.order("connect_pages", port=port))

    async def event(self, port: int, request: bytes, *, marker: str) -> PageEvent:
        """Send a request whose event, known by ``marker``, has to reach every open page. Raises: Unavailable."""
        return PageEvent(**await self.order("event", port=port, request=request.decode("latin-1"), marker=marker))

    async def events(self) -> int:
        """How many events all open pages have got so far."""
        return int(await self.order("events"))

    async def close(self) -> None:
        """Close everything that is held open."""
        await self.order("close")

    async def order(self, name: str, **values: Any) -> Any:
        """Have one order carried out. Raises: Unavailable with what went wrong, or when nothing comes of it."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(orjson.dumps({"order": name, **values}) + b"\n")
        await self._process.stdin.drain()
        try:
            async with asyncio.timeout(ORDER_TIMEOUT_S):
                line = await self._process.stdout.readline()
        except TimeoutError as error:
            raise Unavailable(detail=f"the load generator did not finish {name}") from error
        answer = orjson.loads(line) if line else {"error": "the load generator has ended"}
        if "error" in answer:
            raise Unavailable(detail=answer["error"])
        return answer["result"]


@asynccontextmanager
async def load_generator() -> AsyncIterator[LoadGenerator]:
    """A generator's process for as long as the block runs; it also ends when we do, with its input."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bench.load",
        cwd=PROJECT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        limit=LINE_LIMIT_BYTES,
        start_new_session=True,  # Ctrl-C in a terminal reaches only us
    )
    try:
        yield LoadGenerator(process)
    finally:
        assert process.stdin
        process.stdin.close()
        try:
            async with asyncio.timeout(5.0):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()
