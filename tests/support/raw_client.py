"""A client that speaks HTTP byte by byte, as no library would."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

DEADLINE_S = 120.0  # a server that has not had enough by then never will


@dataclass(frozen=True, kw_only=True)
class RawAnswer:
    """What came back until the server closed, or until nothing was left to wait for."""

    status: int | None
    body: bytes
    sent_bytes: int

    @property
    def code(self) -> str:
        """The code of an error in our shape."""
        error: dict[str, Any] = json.loads(self.body)["error"]
        return str(error["code"])


@asynccontextmanager
async def raw_connection(url: str) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection to a server, closed afterwards."""
    parts = urlsplit(url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


async def raw_exchange(url: str, pieces: Iterable[bytes]) -> RawAnswer:
    """Send pieces until the server has enough of it; what it says until it closes."""
    async with asyncio.timeout(DEADLINE_S), raw_connection(url) as (reader, writer):
        reading = asyncio.create_task(_read_all(reader))
        sent = 0
        with contextlib.suppress(OSError):
            for piece in pieces:
                writer.write(piece)
                await writer.drain()
                sent += len(piece)
                await asyncio.sleep(0)
                if reading.done():
                    break
        said = await reading
    head, _, body = said.partition(b"\r\n\r\n")
    return RawAnswer(status=int(head.split()[1]) if head else None, body=body, sent_bytes=sent)


async def _read_all(reader: asyncio.StreamReader) -> bytes:
    said = b""
    with contextlib.suppress(OSError):
        while piece := await reader.read(65536):
            said += piece
    return said
