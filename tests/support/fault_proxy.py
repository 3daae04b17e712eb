"""A proxy between clients and a server that breaks as networks do: cut, reset, stalled, delayed, truncated."""

import asyncio
import contextlib
import random
import socket
import struct
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

Address = Path | tuple[str, int]
_CHUNK_BYTES = 65_536
_RESET = struct.pack("ii", 1, 0)  # SO_LINGER of 0 s: close with RST. Source: socket(7)


class Way(StrEnum):
    """A direction through the proxy."""

    THERE = "there"
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class Weather:
    """What may befall each piece of data: a delay up to ``delay_s``, a reset or a truncation by chance (0 to 1)."""

    delay_s: float = 0.0
    reset_rate: float = 0.0
    truncate_rate: float = 0.0


FAIR = Weather()


class FaultProxy:
    """Forwards every connection to ``target`` until told otherwise. ``weather`` may be changed at any time.

    A port of 0 is a free one, kept from then on: ``address`` says which. Of several targets each connection gets one
    by chance, whether it answers or not.
    """

    def __init__(self, address: Address, *targets: Address, seed: int = 0) -> None:
        self.address = address
        self.targets = targets
        self.weather = FAIR
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self._writers: set[asyncio.StreamWriter] = set()
        self._flows = {way: asyncio.Event() for way in Way}

    @property
    def host(self) -> str:
        """Where it listens, as a ``unix://`` or ``tcp://`` address."""
        return f"unix://{self.address}" if isinstance(self.address, Path) else "tcp://{}:{}".format(*self.address)

    async def heal(self) -> None:
        """Listen, and let everything pass unharmed."""
        self.weather = FAIR
        for flow in self._flows.values():
            flow.set()
        if self._server is None:
            self._server = await self._listen()

    async def cut(self) -> None:
        """Close every connection and refuse new ones."""
        if self._server is not None:
            self._server.close()
            self._server = None
            if isinstance(self.address, Path):
                self.address.unlink(missing_ok=True)
        for connection in list(self._connections):
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    def reset(self) -> int:
        """Break every connection at once, and go on with new ones; returns how many it were."""
        writers = list(self._writers)
        for writer in writers:
            _reset(writer)
        return len(writers) // 2

    def stall(self, way: Way) -> None:
        """Accept connections, and pass nothing on in this direction."""
        self._flows[way].clear()

    def freeze(self) -> None:
        """Accept connections, and pass nothing on at all."""
        for way in Way:
            self.stall(way)

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Forward one connection until either side ends."""
        task = asyncio.create_task(self._forward(reader, writer))
        self._connections.add(task)

        def forget(_: "asyncio.Task[None]") -> None:
            self._connections.discard(task)
            writer.transport.abort() if task.cancelled() else writer.close()

        task.add_done_callback(forget)

    async def _listen(self) -> asyncio.Server:
        if isinstance(self.address, Path):
            return await asyncio.start_unix_server(self.accept, self.address)
        server = await asyncio.start_server(self.accept, *self.address, backlog=1024)
        self.address = server.sockets[0].getsockname()[:2]
        return server

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connecting = asyncio.create_task(_connect(self._chance.choice(self.targets)))
        try:
            there, back = await asyncio.shield(connecting)
        except OSError:
            _reset(writer)
            return
        except asyncio.CancelledError:
            connecting.add_done_callback(_hang_up)
            raise
        ends = {writer, back}
        self._writers |= ends
        pipes = [
            asyncio.create_task(self._pipe(reader, back, connection=writer, way=Way.THERE)),
            asyncio.create_task(self._pipe(there, writer, connection=writer, way=Way.BACK)),
        ]
        try:
            await asyncio.wait(pipes, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            back.transport.abort()
            raise
        finally:
            self._writers -= ends
            back.close()
            for pipe in pipes:
                pipe.cancel()
            await asyncio.gather(*pipes, return_exceptions=True)

    async def _pipe(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, connection: asyncio.StreamWriter, way: Way
    ) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(_CHUNK_BYTES):
                await self._flows[way].wait()
                if self.weather is not FAIR and not await self._survives(chunk, sink):
                    return
                if self._passes(connection, chunk, way=way):
                    sink.write(chunk)
                    await sink.drain()

    async def _survives(self, chunk: bytes, sink: asyncio.StreamWriter) -> bool:
        weather = self.weather
        if weather.delay_s:
            await asyncio.sleep(self._chance.uniform(0, weather.delay_s))
        dice = self._chance.random()
        if dice < weather.reset_rate:
            _reset(sink)
            return False
        if dice < weather.reset_rate + weather.truncate_rate:
            sink.write(chunk[: self._chance.randrange(len(chunk))])
            await sink.drain()
            return False
        return True

    def _passes(self, connection: asyncio.StreamWriter, chunk: bytes, *, way: Way) -> bool:
        """Whether to pass bytes on; ``connection`` is the client's side."""
        del connection, chunk, way
        return True


async def _connect(target: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(target)
    return await asyncio.open_connection(*target)


def _hang_up(connected: "asyncio.Task[tuple[asyncio.StreamReader, asyncio.StreamWriter]]") -> None:
    """Close a connection that nobody waits for any more."""
    if not connected.cancelled() and connected.exception() is None:
        connected.result()[1].close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close at once; over TCP with RST instead of FIN, as a killed machine's network does."""
    connection: socket.socket = writer.get_extra_info("socket")
    if connection.family is not socket.AF_UNIX and connection.fileno() >= 0:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    writer.transport.abort()


@contextlib.asynccontextmanager
async def running(proxy: FaultProxy) -> AsyncIterator[FaultProxy]:
    """Have a proxy forward while the block runs."""
    await proxy.heal()
    try:
        yield proxy
    finally:
        await proxy.cut()


@contextlib.asynccontextmanager
async def unix_proxy(target: str) -> AsyncIterator[FaultProxy]:
    """A proxy before the unix socket ``target`` (a ``unix://`` address), on one of its own."""
    with tempfile.TemporaryDirectory(prefix="we-proxy-") as folder:
        async with running(FaultProxy(Path(folder) / "sock", Path(target.removeprefix("unix://")))) as proxy:
            yield proxy


@contextlib.asynccontextmanager
async def tcp_proxy(target: Address, *, seed: int = 0) -> AsyncIterator[FaultProxy]:
    """A proxy on a free port of this machine."""
    async with running(FaultProxy(("127.0.0.1", 0), target, seed=seed)) as proxy:
        yield proxy


@contextlib.asynccontextmanager
async def tcp_door(target: str) -> AsyncIterator[int]:
    """A free port of this machine that leads to the unix socket ``target``."""
    async with tcp_proxy(Path(target.removeprefix("unix://"))) as proxy:
        assert isinstance(proxy.address, tuple)
        yield proxy.address[1]
