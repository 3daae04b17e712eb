"""The proxy passes everything on until it is told to break, and then breaks as told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from tests.support.eventually import eventually
from tests.support.fault_proxy import FaultProxy, Way, Weather, tcp_proxy

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture
async def proxy() -> AsyncIterator[FaultProxy]:
    """A proxy before a server that sends everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await reader.read(65_536):
                writer.write(chunk)
        writer.close()

    async with (
        await asyncio.start_server(echo, "127.0.0.1", 0) as server,
        tcp_proxy(server.sockets[0].getsockname()[:2], seed=1) as one,
    ):
        yield one


async def connected(proxy: FaultProxy) -> Streams:
    """A connection that works."""
    assert isinstance(proxy.address, tuple)
    reader, writer = await asyncio.open_connection(*proxy.address)
    try:
        await said(writer, b"hello")
        assert await reader.readexactly(5) == b"hello"
    except BaseException:
        writer.close()
        raise
    return reader, writer


async def said(writer: asyncio.StreamWriter, text: bytes) -> None:
    """Send something."""
    writer.write(text)
    await writer.drain()


async def test_a_reset_is_one(proxy: FaultProxy) -> None:
    """Every connection ends with an error at once, and the next one works."""
    reader, writer = await connected(proxy)
    assert proxy.reset() == 1
    with pytest.raises(ConnectionResetError):
        await reader.read()
    writer.close()
    (await connected(proxy))[1].close()


async def test_a_cut_refuses_until_healed(proxy: FaultProxy) -> None:
    """The port is the same afterwards."""
    reader, writer = await connected(proxy)
    await proxy.cut()
    assert await reader.read() == b""
    writer.close()
    with pytest.raises(ConnectionRefusedError):
        await connected(proxy)
    await proxy.heal()
    (await connected(proxy))[1].close()


@pytest.mark.parametrize("way", Way)
async def test_a_stalled_direction_passes_nothing_and_loses_nothing(proxy: FaultProxy, way: Way) -> None:
    """What was said meanwhile comes when it flows again."""
    reader, writer = await connected(proxy)
    proxy.stall(way)
    await said(writer, b"later")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await reader.read(1)
    await proxy.heal()
    assert await reader.readexactly(5) == b"later"
    writer.close()


async def test_truncation_ends_in_the_middle(proxy: FaultProxy) -> None:
    """Less arrives than was sent, in order, and then the end."""
    reader, writer = await connected(proxy)
    proxy.weather = Weather(truncate_rate=1.0)
    await said(writer, bytes(range(256)))
    received = await reader.read()
    assert len(received) < 256
    assert received == bytes(range(len(received)))
    writer.close()


async def test_bad_weather_delays_and_resets_by_chance(proxy: FaultProxy) -> None:
    """Some connections survive it and some do not."""
    proxy.weather = Weather(delay_s=0.001, reset_rate=0.2)
    outcomes = set()

    async def met_both() -> bool:
        try:
            (await connected(proxy))[1].close()
        except (OSError, asyncio.IncompleteReadError):
            outcomes.add("lost")
        else:
            outcomes.add("kept")
        return len(outcomes) == 2

    await eventually(met_both, interval_s=0)
