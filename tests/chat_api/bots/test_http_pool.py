"""Our HTTP client against servers that speak well and badly, on both event loops: uvloop is the one that serves."""

import asyncio
import gc
import socket
import struct
import tracemalloc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress

import pytest

from chat_api.bots import http_connection, http_pool
from chat_api.bots.http import Reply
from chat_api.bots.http_answer import MAX_HEAD_BYTES
from chat_api.bots.http_connection import HttpConnection
from chat_api.bots.http_pool import HttpPool
from chat_api.core.errors import BotFailed, BotTimeout, BotUnavailable, Upstream
from tests.chat_api.bots.rogue_bot import RogueBot, Script, dripping, hanging, resetting, rogue_bot
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.loops import on_both_loops

MAX_BODY_BYTES = 50_000
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"


@asynccontextmanager
async def pool_of_two() -> AsyncIterator[HttpPool]:
    """Room for two idle connections."""
    pool = HttpPool(max_idle=2, max_body_bytes=MAX_BODY_BYTES)
    try:
        yield pool
    finally:
        await pool.aclose()


def raw(*pieces: bytes, hangs_up: bool = False) -> Script:
    """These bytes, each piece by itself."""

    async def script(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.001)
        if hangs_up:
            writer.close()

    return script


def endlessly(start: bytes, more: bytes) -> Script:
    """A start, and then the same for ever."""

    async def script(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        writer.write(start)
        while True:
            writer.write(more)
            await writer.drain()
            bot.sent_bytes += len(more)
            await asyncio.sleep(0)

    return script


async def ask(
    pool: HttpPool,
    bot: RogueBot,
    *,
    content: bytes = b"{}",
    timeout_s: float = 20,
    on_event_data: Callable[[bytes], bool] | None = None,
) -> Reply:
    """One request."""
    deadline_at = asyncio.get_running_loop().time() + timeout_s
    return await pool.request(
        "POST", f"{bot.spec.url}/api/chat", deadline_at=deadline_at, content=content, on_event_data=on_event_data
    )


@pytest.mark.parametrize(
    ("pieces", "body", "connections"),
    [
        ([OK], b"ok", 1),
        ([bytes([byte]) for byte in OK], b"ok", 1),
        ([OK[:20], OK[20:]], b"ok", 1),
        ([CHUNKED, b"1\r\no\r\n", b"1;x=y\r\nk\r\n0\r\n", b"trailer: x\r\n\r\n"], b"ok", 1),
        ([HEAD + b"content-length: 0\r\n\r\n"], b"", 1),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], b"", 1),
        ([b"HTTP/1.1 100 Continue\r\nretry-after: 9\r\n\r\n" * 3, b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK], b"ok", 1),
        ([HEAD + b"connection: close\r\ncontent-length: 2\r\n\r\nok"], b"ok", 3),
        ([b"HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok"], b"ok", 3),
        ([OK + b"garbage"], b"ok", 3),
        ([OK + OK.replace(b"ok", b"no")], b"ok", 3),
    ],
    ids=range(11),
)
@on_both_loops
async def test_answers_of_every_form(pieces: list[bytes], body: bytes, connections: int) -> None:
    """Three requests in a row get their own answers, over one connection where the answer permits it."""
    async with pool_of_two() as pool:
        callers = set()

        async def script(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
            callers.add(writer.get_extra_info("peername"))
            await raw(*pieces)(bot, writer)

        async with rogue_bot(script) as bot:
            for _ in range(3):
                reply = await ask(pool, bot)
                assert (reply.body, reply.retry_after, reply.is_event_stream) == (body, None, False)
        assert len(callers) == connections


@on_both_loops
async def test_the_end_of_the_connection_ends_a_body_without_a_length() -> None:
    """As HTTP/1.0 did it."""
    script = raw(HEAD + b"retry-after: 7\r\n\r\n", b"o", b"k", hangs_up=True)
    async with pool_of_two() as pool, rogue_bot(script) as bot:
        reply = await ask(pool, bot)
        assert (reply.status, reply.body, reply.retry_after) == (200, b"ok", "7")


@pytest.mark.parametrize(
    "script",
    [
        raw(b"\x16\x03\x01 not http\r\n\r\n"),
        raw(b"HTTP/1.1 2OO OK\r\n\r\n"),
        raw(b"HTTP/1.1 20000 OK\r\n\r\n"),
        raw(b"HTTP/9.9 200 OK\r\n\r\n"),
        raw(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\nxxxx"),
        raw(HEAD + b"content-length: -1\r\n\r\n"),
        raw(HEAD + b"content-length: 1\r\ncontent-length: 2\r\n\r\nok"),
        raw(HEAD + b"content-length: 2\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        raw(HEAD + b"transfer-encoding: gzip\r\n\r\n", hangs_up=True),
        raw(HEAD + b"transfer-encoding: gzip, chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        raw(HEAD + b"content-encoding: br\r\ncontent-length: 2\r\n\r\nok"),
        raw(CHUNKED + b"zz\r\nok\r\n"),
        raw(HEAD + b"content-length: 1000000\r\n\r\n" + b"x" * 60_000),
        raw(HEAD + b"content-length: 0\r\nx: " + b"y" * 40_000 + b"\r\n\r\n"),
        endlessly(HEAD, b"x: y\r\n"),
        endlessly(HEAD + b"x: ", b"y" * 1000),
        endlessly(b"HTTP/1.1 200 ", b"x" * 1000),
        endlessly(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
        endlessly(b"", b"\r\n" * 500),
        endlessly(CHUNKED + b"2;", b"x" * 1000),
        endlessly(CHUNKED, b"1;" + b"x" * 1000 + b"\r\n\n\r\n"),
        endlessly(CHUNKED + b"0\r\n", b"x: y\r\n"),
        endlessly(CHUNKED, b"1\r\nx\r\n" * 100),
        endlessly(HEAD + b"\r\n", b"x" * 1000),
    ],
    ids=range(24),
)
@on_both_loops
async def test_what_is_not_an_answer_is_refused(script: Script) -> None:
    """Bad, compressed, endless: a failed bot after a bounded number of bytes, and the connection is closed."""
    async with pool_of_two() as pool, rogue_bot(script) as bot:
        with pytest.raises(BotFailed):
            await ask(pool, bot)
        await eventually(lambda: bot.connections == 0)
        assert len(bot.requests) == 1
        assert bot.sent_bytes < MAX_HEAD_BYTES + 10 * MAX_BODY_BYTES + 10_000_000  # the rest is in the sockets


@pytest.mark.parametrize(
    "script",
    [
        raw(b"", hangs_up=True),
        raw(HEAD[:9], hangs_up=True),
        raw(HEAD + b"content-length: 2\r\n", hangs_up=True),
        raw(HEAD + b"content-length: 2\r\n\r\no", hangs_up=True),
        raw(CHUNKED + b"2\r\nok\r\n", hangs_up=True),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n", hangs_up=True),
        resetting,
    ],
    ids=range(7),
)
@on_both_loops
async def test_an_early_end_is_a_lost_connection(script: Script) -> None:
    """The bot may have read the request, so nobody repeats it."""
    async with pool_of_two() as pool, rogue_bot(script) as bot:
        with pytest.raises(BotUnavailable) as caught:
            await ask(pool, bot)
        assert caught.value.extra["connect_failed"] is False
        assert len(bot.requests) == 1


@on_both_loops
async def test_a_used_connection_that_dies_is_not_replaced() -> None:
    """The bot hangs up on the second request without a byte: it may have acted on it, so it does not get it twice."""
    async with pool_of_two() as pool, rogue_bot(raw(OK)) as bot:
        await ask(pool, bot)
        bot.script = resetting
        with pytest.raises(BotUnavailable) as caught:
            await ask(pool, bot)
        assert caught.value.extra["connect_failed"] is False
        assert len(bot.requests) == 2


@pytest.mark.parametrize("end", ["hangs up", "resets", "speaks"])
@on_both_loops
async def test_an_idle_connection_that_ended_is_not_used(monkeypatch: pytest.MonkeyPatch, end: str) -> None:
    """The bot hangs up, or says what nobody asked: the next request takes a new connection and its own answer."""
    monkeypatch.setattr(http_pool, "KEEPALIVE_S", 1000.0)  # so that only what the bot does ends it
    writers = []

    async def script(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        writer.write(OK)

    async with pool_of_two() as pool, rogue_bot(script) as bot:
        await ask(pool, bot)
        if end == "hangs up":
            writers[0].close()
        elif end == "resets":
            linger = struct.pack("ii", 1, 0)
            writers[0].get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writers[0].transport.abort()
        else:
            writers[0].write(b"HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n")
        await eventually(lambda: bot.connections == 0)
        assert (await ask(pool, bot)).body == b"ok"
    assert len(set(writers)) == 2


@on_both_loops
async def test_a_connection_that_is_half_closed_is_not_used() -> None:
    """Between the bot's last word and the end of the connection."""
    async with rogue_bot(raw(OK)) as bot:
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(lambda: HttpConnection(set()), "127.0.0.1", bot.port)
        before = connection.is_usable
        connection.eof_received()
        assert (before, connection.is_usable) == (True, False)
        connection.abort()
        await connection.closed


@on_both_loops
async def test_unused_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The last one used is used first; no more than ``max_idle`` are kept, and those not for long."""
    async with pool_of_two() as pool:
        is_answering = asyncio.Event()

        async def script(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
            await is_answering.wait()
            writer.write(OK)

        async with rogue_bot(script) as bot:
            calls = [asyncio.ensure_future(ask(pool, bot)) for _ in range(5)]
            await eventually(lambda: bot.running == 5)
            is_answering.set()
            await asyncio.gather(*calls)
            await eventually(lambda: bot.connections == 2)
            await ask(pool, bot)
            assert bot.connections == 2
            monkeypatch.setattr(http_pool, "KEEPALIVE_S", 0.05)
            await eventually(lambda: bot.connections == 0)


@on_both_loops
async def test_an_old_connection_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also before it is swept away: the bot may be about to hang up."""
    callers = set()

    async def script(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        callers.add(writer.get_extra_info("peername"))
        writer.write(OK)

    async with pool_of_two() as pool, rogue_bot(script) as bot:
        await ask(pool, bot)
        monkeypatch.setattr(http_pool, "KEEPALIVE_S", 0.0)
        await ask(pool, bot)
    assert len(callers) == 2


@on_both_loops
async def test_a_cancelled_request_hangs_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """A bot that says nothing sees at once that nobody waits any more."""
    monkeypatch.setattr(http_pool, "SWEEP_S", 1000.0)
    began, has_left = asyncio.Event(), asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"{}")
        began.set()
        assert await reader.read() == b""
        writer.close()
        has_left.set()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with pool_of_two() as pool, server:
        call = asyncio.ensure_future(ask(pool, RogueBot(hanging, port=server.sockets[0].getsockname()[1])))
        await asyncio.wait_for(began.wait(), DEADLINE_S)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.wait_for(has_left.wait(), DEADLINE_S)


@on_both_loops
async def test_a_bot_that_answers_before_it_has_read_is_not_used_again() -> None:
    """What it has not read of the request would look like the next one."""
    begun: list[int] = []
    done: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        begun.append(1)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(OK)
        await writer.drain()
        await eventually(lambda: len(begun) == 2)
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
        done.append(1)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with pool_of_two() as pool, server:
        bot = RogueBot(hanging, port=server.sockets[0].getsockname()[1])
        for content in (b"x" * 20_000_000, b"{}"):
            assert (await ask(pool, bot, content=content)).body == b"ok"
        await eventually(lambda: len(done) == 2)


@on_both_loops
async def test_closing_ends_what_runs() -> None:
    """A request under way fails as unavailable, and no connection stays."""
    pool = HttpPool(max_idle=2, max_body_bytes=MAX_BODY_BYTES)
    async with rogue_bot(dripping) as bot:
        call = asyncio.ensure_future(ask(pool, bot))
        await eventually(lambda: bot.running == 1)
        await pool.aclose()
        with pytest.raises(BotUnavailable) as caught:
            await call
        assert caught.value.extra["connect_failed"] is False
        await eventually(lambda: bot.connections == 0)


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full: nobody gets in and nobody is refused."""
    with ExitStack() as stack:
        deaf = stack.enter_context(socket.socket())
        deaf.bind(("127.0.0.1", 0))
        deaf.listen(0)
        for _ in range(2):
            knocking = stack.enter_context(socket.socket())
            knocking.setblocking(False)
            knocking.connect_ex(deaf.getsockname())
        yield deaf.getsockname()[1]


@pytest.mark.parametrize(("timeout_s", "error"), [(20.0, BotUnavailable), (0.1, BotTimeout)])
@on_both_loops
async def test_connecting_takes_its_time_only(
    monkeypatch: pytest.MonkeyPatch, timeout_s: float, error: type[Upstream]
) -> None:
    """Whichever limit comes first, it is certain that the bot has seen nothing."""
    async with pool_of_two() as pool:
        monkeypatch.setattr(http_pool, "CONNECT_TIMEOUT_S", 0.3)
        with deaf_port() as port:
            bot = RogueBot(raw(OK), port=port)
            with pytest.raises(error) as caught:
                await ask(pool, bot, timeout_s=timeout_s)
        assert caught.value.extra["connect_failed"] is True


@on_both_loops
async def test_memory_is_flat() -> None:
    """Thousands of requests leave nothing behind."""
    async with pool_of_two() as pool:

        async def many(bot: RogueBot, count: int) -> None:
            for _ in range(count):
                await ask(pool, bot)
                bot.requests.clear()

        async with rogue_bot(raw(OK)) as bot:
            await many(bot, 100)
            tracemalloc.start()
            try:
                await many(bot, 100)
                gc.collect()
                before, _ = tracemalloc.get_traced_memory()
                await many(bot, 1000)
                gc.collect()
                after, _ = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
        assert after - before < 50_000


EVENTS = HEAD + b"content-type: text/event-stream; charset=utf-8\r\ntransfer-encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    ("end", "connections"), [(b"0\r\n\r\n", 1), (b"", 2)], ids=["ends in good order", "goes on for ever"]
)
@on_both_loops
async def test_a_stream_is_handed_on_as_it_comes(monkeypatch: pytest.MonkeyPatch, end: bytes, connections: int) -> None:
    """Piece by piece, until it is enough; the connection is used again when the body has ended as well."""
    async with pool_of_two() as pool:
        monkeypatch.setattr(http_connection, "END_GRACE_S", 0.05)
        callers = set()

        async def script(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
            callers.add(writer.get_extra_info("peername"))
            await raw(EVENTS, b"1\r\na\r\n", b"1\r\nb\r\n", end)(bot, writer)

        async with rogue_bot(script) as bot:
            for _ in range(2):
                pieces: list[bytes] = []

                def take(piece: bytes, pieces: list[bytes] = pieces) -> bool:
                    pieces.append(piece)
                    return piece == b"b"

                reply = await ask(pool, bot, on_event_data=take)
                assert (reply.status, reply.body, reply.is_event_stream, pieces) == (200, b"", True, [b"a", b"b"])
        assert len(callers) == connections


@on_both_loops
async def test_what_is_no_successful_stream_is_an_answer_like_any_other() -> None:
    """An error, or an answer in one piece."""
    async with pool_of_two() as pool:
        for head in (EVENTS.replace(b"200", b"404"), EVENTS.replace(b"text/event-stream", b"application/json")):
            async with rogue_bot(raw(head, b"1\r\na\r\n0\r\n\r\n")) as bot:
                reply = await ask(pool, bot, on_event_data=lambda _: pytest.fail("not a stream"))
                assert (reply.body, reply.is_event_stream) == (b"a", False)


@on_both_loops
async def test_who_takes_a_stream_may_refuse_it() -> None:
    """Its error reaches the caller as it is, and the connection is closed."""
    async with pool_of_two() as pool:

        def refuse(_: bytes) -> bool:
            raise BotFailed(detail="too much")

        async with rogue_bot(endlessly(EVENTS, b"1\r\na\r\n")) as bot:
            with pytest.raises(BotFailed, match=BotFailed.public_message):
                await ask(pool, bot, on_event_data=refuse)
            await eventually(lambda: bot.connections == 0)
