"""A proxy between a client and a unix socket that can be cut, frozen and healed."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, urlencode, urlsplit, urlunsplit

POSTGRES_SOCKET = ".s.PGSQL.5432"


class UnixProxy:
    """Forwards every connection to ``target`` until told otherwise."""

    def __init__(self, path: Path, target: str) -> None:
        self.host = f"unix://{path}"
        self._path, self._target = path, target
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._flows = asyncio.Event()
        self._flows.set()

    async def heal(self) -> None:
        """Listen, and let bytes pass."""
        self._flows.set()
        if self._server is None:
            self._server = await asyncio.start_unix_server(self.accept, self._path)

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
            self._path.unlink(missing_ok=True)
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def freeze(self) -> None:
        """Accept connections, and pass nothing on."""
        self._flows.clear()

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends."""
        task = asyncio.create_task(self._forward(reader, writer))
        self._connections.add(task)
        task.add_done_callback(self._connections.discard)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(self._target)
        pipes = [
            asyncio.create_task(self._pipe(reader, back, connection=writer)),
            asyncio.create_task(self._pipe(there, writer, connection=writer, is_answer=True)),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)
            back.close()
            writer.close()

    async def _pipe(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        *,
        connection: asyncio.StreamWriter,
        is_answer: bool = False,
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(65_536):
                await self._flows.wait()
                if self._passes(connection, chunk, is_answer=is_answer):
                    sink.write(chunk)
                    await sink.drain()

    def _passes(self, connection: asyncio.StreamWriter, chunk: bytes, *, is_answer: bool) -> bool:
        """Whether to pass bytes on; ``connection`` is the client's side."""
        del connection, chunk, is_answer
        return True


@contextlib.asynccontextmanager
async def unix_proxy(target: str) -> AsyncIterator[UnixProxy]:
    """A proxy before the unix socket ``target`` (a ``unix://`` address)."""
    with tempfile.TemporaryDirectory(prefix="we-proxy-") as folder:
        proxy = UnixProxy(Path(folder) / "sock", target.removeprefix("unix://"))
        await proxy.heal()
        try:
            yield proxy
        finally:
            await proxy.cut()


@contextlib.asynccontextmanager
async def postgres_proxy(database_url: str) -> AsyncIterator[tuple[UnixProxy, str]]:
    """A proxy before a PostgreSQL on a unix socket, and the address of the same database through it."""
    parts = urlsplit(database_url)
    (socket_dir,) = parse_qs(parts.query)["host"]
    with tempfile.TemporaryDirectory(prefix="we-sql-") as folder:
        proxy = UnixProxy(Path(folder) / POSTGRES_SOCKET, f"{socket_dir}/{POSTGRES_SOCKET}")
        await proxy.heal()
        try:
            yield proxy, urlunsplit(parts._replace(query=urlencode({"host": folder})))
        finally:
            await proxy.cut()


@contextlib.asynccontextmanager
async def tcp_door(target: str) -> AsyncIterator[int]:
    """A free port of this machine that leads to the unix socket ``target``."""
    proxy = UnixProxy(Path("unused"), target.removeprefix("unix://"))
    async with await asyncio.start_server(proxy.accept, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            await proxy.cut()
