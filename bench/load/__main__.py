"""The generator's process: one JSON order a line in, one JSON answer a line out; it ends when its input ends.

Connections that an order leaves open stay open until ``close``, so that a server can be measured while it holds them.
"""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any

import orjson
import uvloop

from bench.load import LINE_LIMIT_BYTES
from bench.load.conversations import Idler, converse, open_all
from bench.load.http_clients import repeat
from bench.load.pages import BuiltPage, Page, build_pages, connect_pages, event_at_pages
from chat_api.core.errors import AppError

Order = dict[str, Any]


class Generator:
    """Carries out orders."""

    def __init__(self) -> None:
        self._idlers: list[Idler] = []
        self._built: list[BuiltPage] = []
        self._pages: list[Page] = []
        self._orders: dict[str, Callable[[Order], Awaitable[Any]]] = {
            "repeat": self._repeat,
            "converse": self._converse,
            "idle": self._idle,
            "still_open": self._still_open,
            "build_pages": self._build_pages,
            "connect_pages": self._connect_pages,
            "event": self._event,
            "events": self._events,
            "close": self._close,
        }

    async def obey(self, order: Order) -> Order:
        """Carry out one order: its result, or the reason why not."""
        try:
            return {"result": await self._orders[order["order"]](order)}
        except AppError as error:
            return {"error": error.detail or error.message}
        except (OSError, ValueError) as error:
            return {"error": f"{type(error).__name__}: {error}"}

    async def _repeat(self, order: Order) -> Any:
        requests = [request.encode("latin-1") for request in order["requests"]]
        return asdict(await repeat(order["port"], requests, seconds=order["seconds"]))

    async def _converse(self, order: Order) -> Any:
        return asdict(await converse(order["port"], order["paths"], order["bot_name"], seconds=order["seconds"]))

    async def _idle(self, order: Order) -> Any:
        idlers = [Idler(path) for path in order["paths"]]
        self._idlers += idlers
        await open_all(order["port"], idlers)
        return len(self._idlers)

    async def _still_open(self, _: Order) -> Any:
        return sum(idler.ended is None for idler in self._idlers)

    async def _close(self, _: Order) -> Any:
        for client in (*self._idlers, *self._pages):
            client.leave()
        self._idlers.clear()
        self._pages.clear()

    async def _build_pages(self, order: Order) -> Any:
        built, times_s = await build_pages(order["port"], order["tokens"])
        self._built += built
        return times_s

    async def _connect_pages(self, order: Order) -> Any:
        self._pages += await connect_pages(order["port"], self._built)
        opened = sum(page.first_event is not None for page in self._built)
        self._built.clear()
        return opened

    async def _event(self, order: Order) -> Any:
        request, marker = order["request"].encode("latin-1"), order["marker"].encode()
        return await event_at_pages(self._pages, order["port"], request, marker=marker)

    async def _events(self, _: Order) -> Any:
        return sum(page.events for page in self._pages)


async def main() -> None:
    """Serve orders until standard input ends."""
    reader = asyncio.StreamReader(limit=LINE_LIMIT_BYTES)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    generator = Generator()
    while line := await reader.readline():
        sys.stdout.buffer.write(orjson.dumps(await generator.obey(orjson.loads(line))) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(main())
