"""What a client may send before it is anybody, and how long it may take: by the server that production uses."""

import asyncio
import contextlib
import gc
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import chain, repeat

import psutil
import pytest

from console.connections import Timeouts
from console.http_protocol import MAX_HEAD_BYTES, MAX_HEADERS, MAX_PIPELINED
from models.connections import connect
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.raw_client import raw_connection, raw_exchange

PIECE = 64 * 1024
PIECES = 1000  # 64 MB, if nobody stops it
# Of client and server together, which share the test's process.
MAX_GROWTH_BYTES = 40_000_000
START = b"GET /health HTTP/1.1\r\nHost: x\r\n"
POST = b"POST /api/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
IMPATIENT = Timeouts(head_s=0.5, body_s=0.5, body_bytes_per_s=20)
PER_ADDRESS = 40
# Without a deadline a connection stays for ever; a slow machine needs some time for the sweep.
SENT_AWAY_WITHIN_S = 60.0


@pytest.fixture(scope="module")
def endless() -> dict[str, Callable[[], Iterator[bytes]]]:
    """Ways to say something that never ends."""

    def after(start: bytes, piece: bytes) -> Callable[[], Iterator[bytes]]:
        return lambda: chain([start], repeat(piece * (PIECE // len(piece)), PIECES))

    return {
        "lines": after(START, b"a:\r\n"),
        "a header": after(START + b"X-Long: ", b"x"),
        "a name": after(START, b"x"),
        "an address": after(b"GET /", b"x"),
        "a query": after(b"GET /?", b"x=%20&"),
        "folded lines": after(START + b"X-Long: x\r\n", b" x\r\n"),
        "empty lines": after(b"", b"\r\n"),
        "a method": after(b"", b"G"),
        "cookies": after(START, b"Cookie: a=b\r\n"),
        "a second request": after(START + b"\r\n" + START, b"a: b\r\n"),
        "an upgrade": after(START + b"Connection: Upgrade\r\nUpgrade: websocket\r\n", b"a: b\r\n"),
    }


async def test_a_head_without_end_is_refused(
    door: RunningApi, endless: dict[str, Callable[[], Iterator[bytes]]]
) -> None:
    """Whatever it consists of: an answer, the end, hardly anything read or kept; others are served meanwhile."""
    before = memory_bytes()
    for name, pieces in endless.items():
        asking = asyncio.create_task(raw_exchange(door.url, pieces()))
        async with door.client() as client:
            assert (await client.get("/health")).status_code == 200, name
        answer = await asking
        assert answer.sent_bytes < PIECE * PIECES, name
        if name == "a second request":
            assert answer.status in {200, None}  # no refusal in the place of the first one's answer
        else:
            assert answer.status in {400, 431}, name
            assert answer.code in {"malformed_request", "headers_too_large"}, name
        if name in {"lines", "a header", "an address", "a query", "cookies", "a name"}:
            assert answer.status == 431, name
    assert memory_bytes() - before < MAX_GROWTH_BYTES


@pytest.mark.parametrize("size", [10, PIECE, 4 * PIECE])
async def test_the_limit_is_the_same_however_a_head_is_cut(door: RunningApi, size: int) -> None:
    """Up to 64 KiB a request is served, and beyond it is not; in one piece or in many."""
    for filling, status in ((MAX_HEAD_BYTES - 2000, 200), (MAX_HEAD_BYTES + 2000, 431)):
        head = START + b"Connection: close\r\nX-Long: " + b"x" * filling + b"\r\n\r\n"
        pieces = [head[at : at + size] for at in range(0, len(head), max(size, 500))] if size > 500 else [head]
        assert (await raw_exchange(door.url, pieces)).status == status


async def test_only_so_many_headers_are_taken(door: RunningApi) -> None:
    """Each costs more than its bytes."""
    for count, status in ((MAX_HEADERS - 10, 200), (MAX_HEADERS + 1, 431)):
        head = START + b"Connection: close\r\n" + b"a: b\r\n" * count + b"\r\n"
        assert (await raw_exchange(door.url, [head])).status == status


async def test_what_encloses_a_body_has_an_end_too(door: RunningApi) -> None:
    """A trailer without end, and the notes of a piece; a trailer changes nothing about its request."""
    before = memory_bytes()
    for start in (b"0\r\n", b"0\r\nX-Long: ", b"5;"):
        piece = b"a: b\r\n" if start == b"0\r\n" else b"x"
        pieces = chain([CHUNKED + b"2\r\n{}\r\n" + start], repeat(piece * (PIECE // len(piece)), PIECES))
        answer = await raw_exchange(door.url, pieces)
        assert answer.sent_bytes < PIECE * PIECES
    assert memory_bytes() - before < MAX_GROWTH_BYTES
    body = b'10\r\n{"username":"ali\r\n4\r\nce"}\r\n0\r\nContent-Type: text/plain\r\nX-Forwarded-For: 1.2.3.4\r\n\r\n'
    async with raw_connection(door.url) as (reader, writer):
        writer.write(CHUNKED + body)
        assert b" 200 " in await reader.readline()


async def test_a_connection_asks_for_only_so_much_at_once(door: RunningApi) -> None:
    """Requests that follow each other without waiting are answered in order, but not thousands of them."""
    async with raw_connection(door.url) as (reader, writer):
        writer.write((START + b"\r\n") * (MAX_PIPELINED // 2))
        for _ in range(MAX_PIPELINED // 2):
            assert b" 200 " in await reader.readline()
            await reader.readuntil(b"}")
    before = memory_bytes()
    answer = await raw_exchange(door.url, [(START + b"\r\n") * 5000])
    assert answer.status in {200, 400, None}
    assert answer.body.count(b"HTTP/1.1 200 ") < 1000
    assert memory_bytes() - before < MAX_GROWTH_BYTES


@pytest.mark.parametrize(
    "lines",
    [
        b"Cookie: " + b"x" * 20_000,
        b"Sec-WebSocket-Key: \xff\xfe",
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Version: 12",
        b"X: \xe9\xff",
    ],
)
async def test_an_odd_handshake_of_a_websocket_leaves_nothing_behind(door: RunningApi, lines: bytes) -> None:
    """It is refused with a status, and its connection is closed and forgotten."""
    for path in (b"/ws/x", b"/ws/\xe9", b"/ws/x?" + b"y" * 20_000):
        head = b"GET " + path + b" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" + lines
        answer = await raw_exchange(door.url, [head + b"\r\n\r\n"])
        assert answer.status is not None
        assert answer.status >= 400
    # That nothing is left shows at the end: the server waits for every connection that it knows.


async def test_whoever_takes_too_long_is_sent_away(make_settings: MakeSettings) -> None:
    """Silence, half a head and half a body end with the time for them; a slow body that keeps coming does not."""
    async with running_api(make_settings(), timeouts=IMPATIENT) as api:
        body = b'{"username": "alice"}'
        head = POST + b"Content-Length: %d\r\n\r\n" % len(body)
        for said, status in ((b"", None), (START, 408), (b"G", 408), (head, 408), (head + body[:-1], 408)):
            assert (await raw_exchange(api.url, [said])).status == status, said
        async with raw_connection(api.url) as (reader, writer):
            writer.write(POST + b"Content-Length: 200000\r\n\r\n")
            with contextlib.suppress(OSError):
                for _ in range(200):
                    writer.write(b" " * 1000)
                    await writer.drain()
                    await asyncio.sleep(0.01)
                assert b" 400 " in await reader.readline()


async def test_a_second_request_has_a_deadline_too(make_settings: MakeSettings, database_url: str) -> None:
    """On a kept connection: begun after the first one's answer, or while that is still being made."""
    async with (
        running_api(make_settings(), timeouts=IMPATIENT) as api,
        asyncio.timeout(SENT_AWAY_WITHIN_S),
    ):
        async with raw_connection(api.url) as (reader, writer):
            writer.write(START + b"\r\n")
            assert b" 200 " in await reader.readuntil(b"}")
            writer.write(b"GET ")
            assert b" 408 " in await reader.read()
        async with raw_connection(api.url) as (reader, writer):
            async with held_up_sign_ins(database_url) as is_one_waiting:
                body = b'{"username": "alice"}'
                writer.write(POST + b"Content-Length: %d\r\n\r\n" % len(body) + body)
                await eventually(is_one_waiting)
                writer.write(b"GET ")
                await writer.drain()
            assert b" 200 " in await reader.readuntil(b"}")
            assert b" 408 " in await reader.read()


@asynccontextmanager
async def held_up_sign_ins(database_url: str) -> AsyncIterator[Callable[[], Awaitable[bool]]]:
    """Let every sign-in wait for the database until the block ends; gives a check whether one does."""
    holder = await connect(database_url)
    try:
        async with holder.transaction():
            await holder.execute("LOCK TABLE universal_users")

            async def is_one_waiting() -> bool:
                return bool(await holder.fetchval("SELECT EXISTS (SELECT FROM pg_locks WHERE NOT granted)"))

            yield is_one_waiting
    finally:
        await holder.close()


async def test_silence_keeps_nobody_out(make_settings: MakeSettings) -> None:
    """Several times as many silent connections as an address may have: the oldest go, and a new client is served."""
    async with (
        running_api(make_settings(max_http_connections_per_address=PER_ADDRESS)) as api,
        AsyncExitStack() as all_,
    ):
        token = await api.login()
        starts = (b"", START, POST + b"Content-Length: 50\r\n\r\n{")
        for number in range(4 * PER_ADDRESS):
            _, writer = await all_.enter_async_context(raw_connection(api.url))
            writer.write(starts[number % len(starts)])
        async with api.client(token) as client:
            assert (await client.get("/api/bots")).status_code == 200
        own = psutil.Process().net_connections("tcp")
        port = int(api.url.rpartition(":")[2])

        def open_ones() -> bool:
            own = psutil.Process().net_connections("tcp")
            return sum(c.status == "ESTABLISHED" and c.laddr.port == port for c in own) <= PER_ADDRESS

        await eventually(open_ones)
        assert own


def memory_bytes() -> int:
    """What this process holds."""
    gc.collect()
    return psutil.Process().memory_info().rss


async def test_a_request_that_names_two_hosts_is_refused(door: RunningApi) -> None:
    """Which of them counts would be anybody's guess, a proxy's or ours."""
    for more in (b"Host: evil.example\r\n", b"hOST: x\r\n"):
        answer = await raw_exchange(door.url, [START + more + b"Connection: close\r\n\r\n"])
        assert answer.status == 400, more
    assert (await raw_exchange(door.url, [START + b"Connection: close\r\n\r\n"])).status == 200
