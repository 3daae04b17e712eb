"""Answers that come in pieces: from bots that stream well, from those that do not, and from those that cannot."""

import asyncio
import json

import pytest

from chat_api.bots import stream as bot_stream
from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotAnswer, BotSpec
from chat_api.bots.stream import StreamedText
from chat_api.core.errors import BotFailed, BotTimeout, BotUnavailable, Upstream
from tests.chat_api.bots.conftest import Ticking
from tests.chat_api.bots.rogue_bot import RogueBot, Script, answering, rogue_bot
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot

EVENTS = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
END = b"0\r\n\r\n"
DONE = b"data: [DONE]\n\n"
GOOD = {"success": True, "response": "Hello"}
MAX_BYTES = 100_000


def event(text: object) -> bytes:
    """One piece as OpenAI sends it."""
    value = {"id": "x", "choices": [{"index": 0, "delta": {"content": text}, "finish_reason": None}]}
    return b"data: " + json.dumps(value, ensure_ascii=False).encode(errors="surrogatepass") + b"\n\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


def streaming(*pieces: bytes, then: str = "end") -> Script:
    """These bytes, each in a chunk, then the ``end`` of the body, ``hangs_up``, or ``hangs``."""

    async def script(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS)
        for piece in pieces:
            writer.write(chunk(piece))
            await writer.drain()
            await asyncio.sleep(0.001)
        if then == "end":
            writer.write(END)
        elif then == "hangs_up":
            writer.close()
        else:
            await asyncio.Event().wait()

    return script


async def say(
    connector: BotConnector, bot: RogueBot, deltas: list[str], *, timeout_s: float | None = None
) -> BotAnswer:
    """One message, with its pieces in ``deltas``."""
    return await connector.send_message_to_bot(
        bot.spec, user_id="weu_1", message="Hi", timeout_s=timeout_s, on_delta=deltas.append
    )


def paths(bot: RogueBot) -> list[str]:
    """What the bot was asked for."""
    return [request.split(b" ", 2)[1].decode() for request in bot.requests]


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (event("a") + event("b") + DONE, "ab"),
        (b"\n\n: hello\n\nevent: x\nid: 1\nretry: 5\n" + event("a") + DONE, "a"),
        ((event("a") + event("b") + DONE).replace(b"\n", b"\r\n"), "ab"),
        (event("a").replace(b"data: ", b"data:") + DONE.replace(b"data: ", b"data:"), "a"),
        (event("🌊 é") + DONE, "🌊 é"),
        (event("a") + b"data: [DONE]", "a"),
        (event("a") + DONE + event("after the end"), "a"),
        (event("") + event(None) + event(5) + event(["x"]) + event("a") + DONE, "a"),
        (b'data: {}\n\ndata: {"choices": []}\n\ndata: {"choices": [{"delta": 5}]}\n\n' + event("a") + DONE, "a"),
        (b'data: {"choices": [5], "usage": {}, "error": null}\n\n' + event("a") + DONE, "a"),
        (b'data: {"choices": [{"delta":\ndata: {"content": "a"}}]}\n\n' + DONE, "a"),
        (event(" \n") + event(" a ") + event(" ") + DONE, "a  "),
        (event("a\0b") + event("\0") + DONE, "ab"),
        (event("a\ud800b") + DONE, "a\ufffd\ufffd\ufffdb"),
        (rb'data: {"choices": [{"delta": {"content": "a\ud800b"}}]}' + b"\n\n" + DONE, "a\ufffdb"),
    ],
    ids=range(15),
)
@pytest.mark.parametrize("size", [1, 7, 1_000_000])
async def test_the_text_is_the_same_however_it_arrives(
    connector: BotConnector, ticking: Ticking, raw: bytes, text: str, size: int
) -> None:
    """Byte by byte or at once; the pieces make the whole, and none is empty."""
    deltas: list[str] = []
    pieces = [raw[at : at + size] for at in range(0, len(raw), size)]
    async with rogue_bot(streaming(*pieces)) as bot:
        answer = await say(connector, bot, deltas)
        assert (answer.text, answer.is_truncated, answer.bot_name) == (text, False, "rogue")
        assert "".join(deltas) == text
        assert all(deltas)
        assert paths(bot) == ["/api/chat/stream"]
    assert ticking.observed == [("rogue", "ok")]
    answer.text.encode()


async def test_pieces_come_before_the_end(connector: BotConnector) -> None:
    """Each as soon as the bot has said it."""
    deltas: list[str] = []
    goes_on = asyncio.Event()

    async def script(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + chunk(event("a")))
        await goes_on.wait()
        writer.write(chunk(event("b") + DONE) + END)

    async with rogue_bot(script) as bot:
        call = asyncio.ensure_future(say(connector, bot, deltas))
        await eventually(lambda: deltas == ["a"])
        goes_on.set()
        assert (await call).text == "ab"
        assert deltas == ["a", "b"]


@pytest.mark.parametrize("status", [404, 405])
async def test_a_bot_that_does_not_stream_is_asked_once(connector: BotConnector, status: int) -> None:
    """It is remembered until the bot was away; then it may have come back as one that does."""
    plain, none = answering(GOOD), answering(b"{}", status=status)

    async def script(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        await (none if b"/stream" in bot.requests[-1] else plain)(bot, writer)

    async with rogue_bot(script) as bot:
        for _ in range(2):
            assert (await say(connector, bot, [])).text == "Hello"
        assert paths(bot) == ["/api/chat/stream", "/api/chat", "/api/chat"]
        bot.requests.clear()
        bot.script = answering(b"no", status=500)
        assert not (await connector.get_bot_status(bot.spec)).is_healthy
        bot.requests.clear()
        bot.script = streaming(event("a"), DONE)
        assert (await say(connector, bot, [])).text == "a"
        bot.script = script
        assert (await say(connector, bot, [])).text == "Hello"
        assert paths(bot) == ["/api/chat/stream", "/api/chat/stream", "/api/chat"]


async def test_nobody_who_wants_no_pieces_gets_a_stream(connector: BotConnector) -> None:
    """The plain call stays what it was."""
    async with rogue_bot(answering(GOOD)) as bot:
        await connector.send_message_to_bot(bot.spec, user_id="u", message="Hi")
        assert paths(bot) == ["/api/chat"]


async def test_a_whole_answer_instead_of_a_stream_is_an_answer(connector: BotConnector) -> None:
    """Also an error: it is typed as for a plain call, and the bot is not asked again."""
    async with rogue_bot(answering(GOOD)) as bot:
        assert (await say(connector, bot, [])).text == "Hello"
        bot.script = answering({"detail": "x"}, status=500)
        with pytest.raises(BotFailed):
            await say(connector, bot, [])
        bot.script = answering({}, status=503)
        with pytest.raises(BotUnavailable):
            await say(connector, bot, [])
        assert paths(bot) == ["/api/chat/stream"] * 3


HANGING_S = 0.8  # until a bot that hangs is given up; two pieces come before that on any machine
BROKEN: list[tuple[list[bytes], str, type[Upstream]]] = [
    ([], "end", BotFailed),
    ([], "hangs_up", BotUnavailable),
    ([], "hangs", BotTimeout),
    ([b'data: {"error": {"message": "secret"}}\n\n'], "end", BotFailed),
    ([b'data: {"error": {"message": "secret"}}\n\n' + DONE], "end", BotFailed),
]


@pytest.mark.parametrize(("pieces", "then", "error"), BROKEN)
async def test_a_stream_that_breaks_before_any_text_fails(
    connector: BotConnector, pieces: list[bytes], then: str, error: type[Upstream]
) -> None:
    """As a plain call would, once; five in a row open the breaker."""
    async with rogue_bot(streaming(*pieces, event(" "), then=then)) as bot:
        for count in range(1, 6):
            deltas: list[str] = []
            assert connector.breaker_state("rogue") == "closed"
            with pytest.raises(error) as caught:
                await say(connector, bot, deltas, timeout_s=HANGING_S if then == "hangs" else 20)
            assert not caught.value.extra.get("connect_failed")
            assert "secret" not in caught.value.message
            assert deltas == []
            assert len(bot.requests) == count
    assert connector.breaker_state("rogue") == "open"


@pytest.mark.parametrize(("pieces", "then", "_error"), BROKEN)
async def test_a_stream_that_breaks_after_some_text_is_truncated(
    connector: BotConnector, ticking: Ticking, pieces: list[bytes], then: str, _error: object
) -> None:
    """What came is kept and marked; the breaker counts it as a failure, and nobody asks again."""
    async with rogue_bot(streaming(event("One "), event("two"), *pieces, then=then)) as bot:
        for count in range(1, 6):
            deltas: list[str] = []
            assert connector.breaker_state("rogue") == "closed"
            answer = await say(connector, bot, deltas, timeout_s=HANGING_S if then == "hangs" else 20)
            assert (answer.text, answer.is_truncated) == ("One two", True)
            assert "".join(deltas) == "One two"
            assert len(bot.requests) == count
    assert connector.breaker_state("rogue") == "open"
    assert ticking.observed == [("rogue", "truncated")] * 5


@pytest.mark.parametrize(
    "piece",
    [
        event("x" * 1000),
        b": " + b"x" * 1000,
        b"data: " + b"x" * 1000 + b"\n",
        b": keep-alive\n\n" * 100,
        event("") * 10,
        b"data: {}\n\n" * 100,
    ],
    ids=["text", "line", "event", "comments", "empty pieces", "empty events"],
)
async def test_endless_streams_are_cut_off(
    connector: BotConnector, monkeypatch: pytest.MonkeyPatch, piece: bytes
) -> None:
    """Whatever they are made of; what came before is kept."""
    monkeypatch.setattr(bot_stream, "MAX_LINES", 10_000)

    async def script(bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS + chunk(event("Hello")))
        while True:
            writer.write(chunk(piece))
            await writer.drain()
            bot.sent_bytes += len(piece)

    deltas: list[str] = []
    async with rogue_bot(script) as bot:
        answer = await say(connector, bot, deltas)
        assert answer.is_truncated
        assert answer.text == "".join(deltas)
        assert answer.text.startswith("Hello")
        assert len(answer.text) <= MAX_BYTES
        await eventually(lambda: bot.connections == 0)
        assert bot.sent_bytes < 20_000_000  # the rest is in the sockets


@pytest.mark.parametrize(
    ("piece", "times"),
    [
        (b"x" * 1000, 70),
        (b"data: " + b"x" * 1000 + b"\n", 70),
        (b"\n" * 1000, 310),
        (b'data: {"thinking": "' + b"x" * 1000 + b'"}\n\n', 1100),
    ],
    ids=["line", "event", "lines", "wire"],
)
def test_each_limit_of_a_stream(piece: bytes, times: int) -> None:
    """A line, an event, the number of lines, and the size on the wire of a text of at most 64 KiB."""
    stream = StreamedText(lambda _: None, max_bytes=65_536)
    for _ in range(times - 12 if times < 100 else times - 100):
        stream.feed(piece)
    with pytest.raises(BotFailed):
        stream.feed(piece * 100)


async def test_a_cancelled_stream_hangs_up(connector: BotConnector, ticking: Ticking) -> None:
    """The user said stop: the bot sees it, the slot is free, and it is nobody's failure."""
    deltas: list[str] = []

    async def script(_bot: RogueBot, writer: asyncio.StreamWriter) -> None:
        writer.write(EVENTS)
        while True:
            writer.write(chunk(event("a")))
            await writer.drain()
            await asyncio.sleep(0.01)

    async with rogue_bot(script) as bot:
        call = asyncio.ensure_future(say(connector, bot, deltas))
        await eventually(lambda: len(deltas) >= 2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await eventually(lambda: bot.connections == 0)
    view = connector.endpoint_view("rogue")
    assert (view.breaker, view.in_flight) == ("closed", 0)
    assert ticking.observed == [("rogue", "cancelled")]


@pytest.mark.parametrize("contract", ["v1", "v2"])
async def test_sample_bots_stream(connector: BotConnector, contract: str) -> None:
    """A real bot process: well, breaking off, failing, babbling and hanging in the middle."""
    async with sample_bot("elena", contract=contract, stream=True) as bot:
        spec = BotSpec(name="elena", display_name="Elena", url=bot.url)

        async def streamed(timeout_s: float = 20) -> tuple[BotAnswer, list[str]]:
            deltas: list[str] = []
            answer = await connector.send_message_to_bot(
                spec, user_id="weu_1", message="I need a submarine", timeout_s=timeout_s, on_delta=deltas.append
            )
            return answer, deltas

        answer, deltas = await streamed()
        assert "submarine" in answer.text
        assert len(deltas) > 1
        assert not answer.is_truncated
        for mode in ("truncate_stream", "fail_stream", "babble_stream", "hang_stream"):
            await bot.set_faults(mode=mode)
            cut, _ = await streamed(timeout_s=HANGING_S if mode == "hang_stream" else 20)
            assert cut.is_truncated
            assert len(cut.text.split()) == 2
        assert len(await bot.calls()) == 5


async def test_a_sample_bot_without_streams_answers_whole(connector: BotConnector) -> None:
    """It gets the message once, for its 404 says that it has not read it."""
    async with sample_bot("elena", contract="v2") as bot:
        spec = BotSpec(name="elena", display_name="Elena", url=bot.url)
        answer = await connector.send_message_to_bot(spec, user_id="u", message="Hi", on_delta=lambda _: None)
        assert answer.text
        assert len(await bot.calls()) == 1
