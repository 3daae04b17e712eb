"""The connector against servers that misbehave byte by byte."""

import asyncio
import json
import socket
from http import HTTPStatus

import pytest

from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotAnswer, BotSpec
from chat_api.core.errors import (
    BotBusy,
    BotFailed,
    BotStarting,
    BotTimeout,
    BotUnavailable,
    InvalidInput,
    ShuttingDown,
    Upstream,
)
from chat_api.core.settings import Settings
from tests.chat_api.bots.conftest import Ticking
from tests.chat_api.bots.rogue_bot import (
    RogueBot,
    answering,
    dripping,
    endless,
    hanging,
    resetting,
    rogue_bot,
)
from tests.support.eventually import DEADLINE_S, eventually

SECRET = "psycopg2 could not connect to db-7"
GOOD = {"success": True, "response": "Hello"}


async def say(connector: BotConnector, bot: RogueBot, *, timeout_s: float | None = None) -> BotAnswer:
    """One message."""
    return await connector.send_message_to_bot(bot.spec, user_id="weu_1", message="Hi", timeout_s=timeout_s)


async def test_what_is_sent(connector: BotConnector) -> None:
    """The specification's fields and the contract's, no cookie of an earlier answer, nothing compressed."""
    async with rogue_bot(answering(GOOD, headers="set-cookie: user=alice; Path=/\r\n")) as bot:
        await connector.send_message_to_bot(bot.spec, user_id="weu_1", message="Hi", user_name="Ada")
        await say(connector, bot)
    head, _, body = bot.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /api/chat HTTP/1.1")
    assert b"accept-encoding: identity" in head.lower()
    assert b"cookie" not in bot.requests[1].lower()
    sent = json.loads(body)
    assert sent.pop("timestamp").endswith("+00:00")
    assert sent == {
        "user_id": "weu_1",
        "message": "Hi",
        "platform": "WEB_UI",
        "context": {
            "channel_type": "dm",
            "platform": "web",
            "user_name": "Ada",
            "metadata": {"discord_author_name": "Ada"},
        },
        "metadata_level": "basic",
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"Hello",
        b"null",
        b"[1]",
        b"\xff\xfe",
        b'{"response": NaN}',
        {"success": True, "response": "", "mode": "fast"},
        b"[" * 100_000,
        b'{"response": ' + b"[" * 40_000 + b"]" * 40_000 + b"}",
        b'{"success": true}',
        {"response": None},
        {"response": 5},
        {"response": ["Hello"]},
        {"response": ""},
        {"response": " \n\0 "},
        {"success": False, "error": SECRET},
        b'{"response": "' + b"x" * 200_000 + b'"}',
    ],
    ids=lambda body: repr(body)[:30],
)
async def test_unusable_answers(connector: BotConnector, body: object) -> None:
    """Whatever is not a text is a failed bot, never a crash of ours."""
    async with rogue_bot(answering(body)) as bot:
        with pytest.raises(BotFailed) as caught:
            await say(connector, bot)
    assert caught.value.message == BotFailed.public_message
    assert len(caught.value.detail or "") < 2000


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"error": SECRET}, BotFailed),
        (404, b"", BotFailed),
        (422, {"detail": [{"msg": SECRET}]}, BotFailed),
        (500, {"error": "Internal server error", "message": SECRET, "success": False}, BotFailed),
        (500, {"detail": SECRET}, BotFailed),
        (502, b"<html>" + SECRET.encode(), BotFailed),
        (503, {"error": SECRET, "success": False}, BotUnavailable),
        (503, {"error": f"Chat API not available - {SECRET}", "success": False}, BotStarting),
    ],
)
async def test_error_answers_never_show_their_words(
    connector: BotConnector, status: int, body: object, error: type[Upstream]
) -> None:
    """The bot's words are in the detail for the log and nowhere a user sees."""
    async with rogue_bot(answering(body, status=status, headers="retry-after: 7\r\n")) as bot:
        with pytest.raises(error) as caught:
            await say(connector, bot)
    assert SECRET not in caught.value.message + str(caught.value) + repr(caught.value.extra)
    assert caught.value.retry_after_s == (7 if status == HTTPStatus.SERVICE_UNAVAILABLE else None)
    assert str(status) in (caught.value.detail or "")


async def test_figures_that_are_no_numbers_cost_only_themselves(connector: BotConnector) -> None:
    """What a v1 bot measures may be NaN, in its metadata and in its readiness."""
    async with rogue_bot(answering(b'{"response": "Hello", "metadata": {"x": NaN, "y": 1, "z": -Infinity}}')) as bot:
        answer = await say(connector, bot)
    assert (answer.text, answer.metadata) == ("Hello", {"x": None, "y": 1, "z": None})


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (rb"a\u0000b", "ab"),
        (rb"a\ud800b", "a\ufffdb"),
        (rb"a\udc00b", "a\ufffdb"),
        (rb"\ud83c\udf0a\ud800", "🌊\ufffd"),
        (rb"back\\\\ud800slash \ud800", "back\\\\ud800slash \ufffd"),
        (b"a\xed\xa0\x80b", "a\ufffd\ufffd\ufffdb"),
        (b"a\xffb", "a\ufffdb"),
    ],
)
async def test_texts_are_made_storable(connector: BotConnector, raw: bytes, text: str) -> None:
    """NUL and what is not Unicode are taken out of a text that is otherwise fine."""
    async with rogue_bot(answering(b'{"response": "' + raw + b'"}')) as bot:
        answer = await say(connector, bot)
    assert answer.text == text
    answer.text.encode()


async def test_metadata_is_kept_small(connector: BotConnector) -> None:
    """Small facts are kept, big, deep and unstorable ones dropped; the text is unaffected."""
    for metadata, kept in (
        ({"mood": "calm"}, {"mood": "calm"}),
        ({"mood": "x" * 10_000}, {}),
        ({"mood": "\0"}, {}),
        ("x", {}),
    ):
        async with rogue_bot(answering(GOOD | {"metadata": metadata})) as bot:
            assert (await say(connector, bot)).metadata == kept
    deep = b'{"response": "Hello", "metadata": ' + b'{"a":' * 900 + b"1" + b"}" * 901
    async with rogue_bot(answering(deep)) as bot:
        assert (await say(connector, bot)).metadata == {}


async def test_a_refused_answer_with_a_text_is_an_apology(connector: BotConnector) -> None:
    """``success: false`` with a usable text is shown as what it is."""
    async with rogue_bot(answering({"success": False, "response": "I apologize"})) as bot:
        answer = await say(connector, bot)
    assert (answer.text, answer.is_apology) == ("I apologize", True)


@pytest.mark.parametrize(
    "script",
    [
        answering(b"", status=302, headers="location: http://127.0.0.1:1/\r\n"),
        answering(b"x" * 50, headers="content-encoding: gzip\r\n"),
        answering(GOOD, headers="x: " + "y" * 50_000 + "\r\n"),
    ],
    ids=["redirect", "compressed", "huge header"],
)
async def test_http_that_was_not_asked_for(connector: BotConnector, script: object) -> None:
    """Redirects are not followed, compressed answers not unpacked, absurd headers not read."""
    async with rogue_bot(script) as bot:  # type: ignore[arg-type]
        with pytest.raises(BotFailed):
            await say(connector, bot)
    assert len(bot.requests) == 1


async def test_an_endless_body_is_cut_off(connector: BotConnector) -> None:
    """Reading stops at the cap: the bot could send no more than that and what the sockets hold."""
    async with rogue_bot(endless) as bot:
        with pytest.raises(BotFailed):
            await say(connector, bot)
        await eventually(lambda: bot.connections == 0)
    assert bot.sent_bytes < 20_000_000


async def test_the_deadline_covers_the_whole_body(connector: BotConnector) -> None:
    """A bot that always sends one more byte is cut off all the same, and its connection closed."""
    async with rogue_bot(dripping) as bot:
        with pytest.raises(BotTimeout):
            await asyncio.wait_for(
                say(connector, bot, timeout_s=0.3), DEADLINE_S
            )  # ends a test that would run for ever
        await eventually(lambda: bot.connections == 0)
    assert bot.sent_bytes > 1


async def test_a_lost_connection_is_not_retried(connector: BotConnector) -> None:
    """The bot has read the message, so it must not get it twice."""
    async with rogue_bot(resetting) as bot:
        with pytest.raises(BotUnavailable) as caught:
            await say(connector, bot)
    assert caught.value.extra["connect_failed"] is False
    assert len(bot.requests) == 1


async def test_a_refused_connection_is_retried_once(connector: BotConnector) -> None:
    """A bot that comes up between the two attempts gets the message, once."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        spec = BotSpec(name="late", display_name="Late", url=f"http://127.0.0.1:{port}")
        bot = RogueBot(answering(GOOD))
        sending = asyncio.ensure_future(connector.send_message_to_bot(spec, user_id="u", message="Hi"))
        await asyncio.sleep(0.05)  # the first attempt is refused: bound, but not listening
        assert not sending.done()
        server = await asyncio.start_server(bot.serve, sock=taken)
        assert (await sending).text == "Hello"
        server.close()
    assert len(bot.requests) == 1


async def test_a_hung_bot_does_not_touch_another(connector: BotConnector, ticking: Ticking) -> None:
    """With every slot and queue place of one bot taken, the next call is busy and another bot answers."""
    async with rogue_bot(hanging, name="hung") as hung, rogue_bot(answering(GOOD), name="well") as well:
        calls = [asyncio.ensure_future(say(connector, hung)) for _ in range(6)]
        await eventually(lambda: hung.running == 3)
        with pytest.raises(BotBusy) as caught:
            await say(connector, hung)
        assert caught.value.retry_after_s
        assert (await say(connector, well)).text == "Hello"
        probe = await connector.get_bot_status(well.spec)
        assert probe.error == "unexpected answer"  # reached, although no health endpoint is scripted
        assert hung.peak == 3
        for call in calls:
            call.cancel()
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError) for outcome in outcomes)
        hung.script = answering(GOOD)
        assert (await say(connector, hung)).text == "Hello"  # the slots were given back
    assert connector.breaker_state("hung") == "closed"
    assert ("hung", "bot_busy") in ticking.observed
    assert ("hung", "cancelled") in ticking.observed


async def test_all_bots_together_have_a_limit() -> None:
    """CONNECTION_POOL_SIZE holds across bots, and waiting for a place is "busy", not "unreachable"."""
    connector = BotConnector(Settings(connection_pool_size=2, bot_max_parallel_calls=2))
    await connector.initialize()
    async with rogue_bot(hanging, name="a") as first, rogue_bot(answering(GOOD), name="b") as second:
        calls = [asyncio.ensure_future(say(connector, first)) for _ in range(2)]
        await eventually(lambda: first.running == 2)
        with pytest.raises(BotBusy):
            await say(connector, second, timeout_s=0.4)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        assert (await say(connector, second)).text == "Hello"
        await connector.cleanup()


async def test_the_breaker_opens_tries_and_closes(connector: BotConnector, ticking: Ticking) -> None:
    """Five failures open it, time half-opens it, one trial decides; while open the bot is left alone."""
    async with rogue_bot(answering(b"no", status=500)) as bot:
        for _ in range(5):
            with pytest.raises(BotFailed):
                await say(connector, bot)
        assert connector.breaker_state("rogue") == "open"
        with pytest.raises(BotUnavailable) as caught:
            await say(connector, bot)
        assert caught.value.retry_after_s == pytest.approx(5)
        assert len(bot.requests) == 5
        ticking.now_s += 5
        assert connector.breaker_state("rogue") == "half_open"
        with pytest.raises(BotFailed):
            await say(connector, bot)
        assert connector.breaker_state("rogue") == "open"
        ticking.now_s += 5
        assert connector.breaker_state("rogue") == "open"  # the delay has doubled
        ticking.now_s += 5
        bot.script = answering(GOOD)
        assert (await say(connector, bot)).text == "Hello"
        assert connector.breaker_state("rogue") == "closed"


async def test_the_network_failing_is_one_of_ours(connector: BotConnector) -> None:
    """A host that does not exist or an address that is none is an error of ours, for chat and probe alike."""
    for url in ("http://bot.invalid:1", "http://" + "a" * 300 + ".invalid", "nonsense"):
        bot = BotSpec(name="nowhere", display_name="Nowhere", url=url)
        with pytest.raises(Upstream):
            await connector.send_message_to_bot(bot, user_id="u", message="Hi")
        assert not (await connector.get_bot_status(bot)).is_healthy


async def test_a_message_that_is_no_text_is_the_callers_fault(connector: BotConnector) -> None:
    """A lone surrogate cannot be sent; the bot is not blamed."""
    async with rogue_bot(answering(GOOD)) as bot:
        with pytest.raises(InvalidInput):
            await connector.send_message_to_bot(bot.spec, user_id="u", message="\ud800")


async def test_after_cleanup_nothing_is_sent(connector: BotConnector) -> None:
    """A closed connector says that the service is going down, and closes twice without complaint."""
    async with rogue_bot(answering(GOOD)) as bot:
        await say(connector, bot)
        await connector.cleanup()
        await connector.cleanup()
        with pytest.raises(ShuttingDown):
            await say(connector, bot)
        await eventually(lambda: bot.connections == 0)
