"""A container engine gone wrong: a server on a unix socket that hangs, floods or speaks nonsense.

The one thing that a real engine cannot be asked to do.
"""

import asyncio
import contextlib
import ssl
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

VERSION = b'{"ApiVersion": "1.41"}'
Misbehaviour = Callable[[bytes, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def misbehaving_engine(behave: Misbehaviour, *, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve ``behave(request, writer)`` at every request; yields the address for ``DOCKER_HOST``: TCP with ``tls``."""

    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            try:
                while not writer.is_closing():
                    await behave(await reader.readuntil(b"\r\n\r\n"), writer)
                    await writer.drain()
            finally:
                writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    with tempfile.TemporaryDirectory(prefix="we-fake-") as folder:
        path = Path(folder) / "sock"
        if tls:
            opening = asyncio.start_server(accept, "127.0.0.1", 0, ssl=tls)
        else:
            opening = asyncio.start_unix_server(accept, path)
        async with await opening as server:
            try:
                yield f"tcp://localhost:{server.sockets[0].getsockname()[1]}" if tls else f"unix://{path}"
            finally:
                for task in list(serving):
                    task.cancel()
                await asyncio.gather(*serving, return_exceptions=True)


Answer = bytes | int | Callable[[asyncio.StreamWriter], Awaitable[None]]


def answering(answers: Callable[[str, str], Answer]) -> Misbehaviour:
    """An engine that answers ``answers(method, path with query)``: a body, an error's status, or what it writes."""

    async def behave(request: bytes, writer: asyncio.StreamWriter) -> None:
        method, target = request.decode().split(" ", 2)[:2]
        if target == "/version":
            write_json(writer, VERSION)
            return
        answer = answers(method, target.removeprefix("/v1.41"))
        if isinstance(answer, bytes):
            write_json(writer, answer)
        elif isinstance(answer, int):
            body = b'{"message": "as scripted"}'
            head = f"HTTP/1.1 {answer} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
        else:
            await answer(writer)

    return behave


async def hang(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Accept, and never answer."""
    del writer
    await asyncio.Event().wait()


async def babble(_: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer with what is not HTTP."""
    writer.write(b"\x00\xff\x16\x03 not http at all\r\n\r\n")
    writer.close()


async def wrong_types(request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer valid JSON of the wrong shape."""
    write_json(writer, VERSION if b"/version" in request else b'[{"Names": 7, "Labels": ["x"], "Spec": null}]')


async def endless(request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer with a body that has no end."""
    if b"/version" in request:
        write_json(writer, VERSION)
        return
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b"[" * 65_536)
        await writer.drain()


async def dripping(request: bytes, writer: asyncio.StreamWriter) -> None:
    """Answer one byte at a time, each well before any read times out."""
    if b"/version" in request:
        write_json(writer, VERSION)
        return
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.02)


def write_json(writer: asyncio.StreamWriter, body: bytes) -> None:
    """One whole, well-formed answer."""
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    writer.write(head.encode() + body)
