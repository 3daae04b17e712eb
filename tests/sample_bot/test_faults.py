"""Misbehaviour on request: what a caller sees, and what the bot counts."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from sample_bot.faults import FaultMode, FaultPlan, Faults
from tests.sample_bot.calls import Answer, get, post, say
from tests.support.eventually import eventually
from tests.support.sample_bots import ChatCall, RunningBot, fleet, sample_bot

_IMPATIENT = aiohttp.ClientTimeout(total=0.3)


@asynccontextmanager
async def misbehaving(bot: RunningBot, **faults: object) -> AsyncIterator[None]:
    """Faults for a while."""
    await bot.set_faults(**faults)
    try:
        yield
    finally:
        rates = {"failure_rate": 0, "hang_rate": 0, "babble_rate": 0}
        await bot.set_faults(is_held=False, delay_ms=0, piece_delay_ms=0, mode="ok", scope="chat", **rates)


async def chat(http: aiohttp.ClientSession, bot: RunningBot) -> Answer:
    """One chat, whatever its answer."""
    return await post(http, bot, "/api/chat", {"user_id": "u", "message": "Hi"})


async def test_a_dead_language_model(http: aiohttp.ClientSession, v1_bot: RunningBot, v2_bot: RunningBot) -> None:
    """v1 apologises with a 500; v2 with a success, and shows it in the forced fast mode alone."""
    message = {"user_id": "u", "message": "Hi"}
    async with misbehaving(v1_bot, mode="model_dead"), misbehaving(v2_bot, mode="model_dead"):
        status, body = await post(http, v1_bot, "/api/chat", message | {"force_mode": "fast"})
        assert (status, body["success"]) == (500, False)
        assert body["response"].strip()
        for forced, shown in (({}, {"supergraph", "DYNAMIC", "mixed"}), ({"force_mode": "fast"}, {"unknown"})):
            status, body = await post(http, v2_bot, "/api/chat", message | forced)
            assert (status, body["success"]) == (200, True)
            assert body["response"].strip()
            assert {body["mode"], body["complexity"], body["model_used"]} == shown
        assert (await get(http, v2_bot, "/health"))[0] == 200
    status, body = await post(http, v2_bot, "/api/chat", message | {"force_mode": "fast"})
    assert "unknown" not in {body["mode"], body["complexity"], body["model_used"]}


async def test_v1_failures(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """A known failure has words for the user, a raised one only a text for the log; neither spoils health."""
    async with misbehaving(v1_bot, mode="http500"):
        status, body = await chat(http, v1_bot)
        assert (status, body["success"]) == (500, False)
        assert body["response"].startswith("I apologize")
        assert {"error", "timestamp"} <= body.keys()
        assert (await get(http, v1_bot, "/health"))[0] == 200
    async with misbehaving(v1_bot, mode="exception"):
        status, body = await chat(http, v1_bot)
        assert (status, body["error"], body["success"]) == (500, "Internal server error", False)
        assert "KeyError" in body["message"]
        assert "response" not in body
    assert (await chat(http, v1_bot))[0] == 200


@pytest.mark.parametrize("mode", ["http500", "exception", "not_ready"])
async def test_v2_failures(http: aiohttp.ClientSession, v2_bot: RunningBot, mode: str) -> None:
    """Whatever goes wrong, v2 says 500 and a text."""
    async with misbehaving(v2_bot, mode=mode):
        status, body = await chat(http, v2_bot)
        assert (status, set(body)) == (500, {"detail"})


async def test_not_ready_v1(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """A bot that lost Discord says so until it is back."""
    async with misbehaving(v1_bot, mode="not_ready"):
        assert (await chat(http, v1_bot))[0] == 503
        assert (await get(http, v1_bot, "/ready"))[0] == 503
        assert (await get(http, v1_bot, "/metrics"))[1]["bot_status"] == "not_ready"
    assert (await get(http, v1_bot, "/ready"))[0] == 200


async def test_bodies_that_are_no_answer(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """Broken JSON, no JSON, a body that never seems to end, a body that ends too soon."""
    url, body = v1_bot.url + "/api/chat", {"user_id": "u", "message": "Hi"}
    async with misbehaving(v1_bot, mode="badjson"), http.post(url, json=body) as response:
        assert response.status == 200
        with pytest.raises(ValueError, match="Expecting value"):
            await response.json()
    async with misbehaving(v1_bot, mode="notjson"), http.post(url, json=body) as response:
        assert (response.status, response.content_type) == (200, "text/html")
    async with misbehaving(v1_bot, mode="huge"):
        response = await http.post(url, json=body)
        async with response:
            assert len(await response.content.readexactly(5_000_000)) == 5_000_000
            response.close()
    await eventually(lambda: '"event": "caller_left"' in v1_bot.log)
    assert "Traceback" not in v1_bot.log
    async with misbehaving(v1_bot, mode="truncate"), http.post(url, json=body) as response:
        assert response.content_length == 1000
        with pytest.raises(aiohttp.ClientPayloadError):
            await response.read()


async def test_hang_and_reset(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """No answer at all, and a connection cut; the bot is well again afterwards."""
    url, body = v1_bot.url + "/api/chat", {"user_id": "u", "message": "Hi"}
    async with misbehaving(v1_bot, mode="hang"):
        with pytest.raises(TimeoutError):
            await http.post(url, json=body, timeout=_IMPATIENT)
    async with misbehaving(v1_bot, mode="reset"):
        with pytest.raises((aiohttp.ServerDisconnectedError, ConnectionResetError, aiohttp.ClientOSError)):
            await http.post(url, json=body)
    assert (await chat(http, v1_bot))[0] == 200


async def test_scope_all_spoils_health_too(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """For whoever watches bots: a process that listens and never answers."""
    async with misbehaving(v1_bot, mode="hang", scope="all"):
        with pytest.raises(TimeoutError):
            await http.get(v1_bot.url + "/health", timeout=_IMPATIENT)
    assert (await get(http, v1_bot, "/health"))[0] == 200


async def test_delay_shows_in_the_processing_time(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """The bot thinks at least as long as it was told to."""
    async with misbehaving(v1_bot, delay_ms=120):
        assert (await chat(http, v1_bot))[1]["processing_time_ms"] >= 120


async def test_what_is_held_is_answered_when_it_is_let_go(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """However long that takes; the call is there meanwhile."""
    before = len(await v1_bot.calls())
    async with misbehaving(v1_bot, is_held=True):
        asking = asyncio.create_task(chat(http, v1_bot))
        await eventually(lambda: _has_calls(v1_bot, before + 1))
        assert not asking.done()
        await v1_bot.set_faults(is_held=False)
        assert (await asking)[0] == 200


async def _has_calls(bot: RunningBot, count: int) -> bool:
    return len(await bot.calls()) == count


async def stream(http: aiohttp.ClientSession, bot: RunningBot) -> AsyncIterator[bytes]:
    """The events of one streamed chat."""
    async with http.post(bot.url + "/api/chat/stream", json={"user_id": "u", "message": "I need a boat"}) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        while event := await response.content.readuntil(b"\n\n"):
            yield event


@pytest.mark.parametrize(
    ("mode", "last"),
    [("fail_stream", b'data: {"error": {"message": "the sample bot was told to fail"}}\n\n'), ("babble_stream", b"")],
)
async def test_a_stream_that_turns_bad(http: aiohttp.ClientSession, v1_bot: RunningBot, mode: str, last: bytes) -> None:
    """Two pieces, then an error or nonsense, and no end that says so; an answer in one piece is well."""
    async with misbehaving(v1_bot, mode=mode):
        events = [event async for event in stream(http, v1_bot)]
        assert (await chat(http, v1_bot))[0] == 200
    assert len(events) == 3
    assert all(b'"delta"' in event for event in events[:2])
    assert last in events[2]
    assert b"DONE" not in b"".join(events)


async def test_a_stream_that_breaks_off_or_goes_silent(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """Two pieces, then a closed connection, or nothing at all."""
    async with misbehaving(v1_bot, mode="truncate_stream"):
        events = stream(http, v1_bot)
        assert b'"delta"' in await anext(events)
        assert b'"delta"' in await anext(events)
        with pytest.raises(aiohttp.ClientPayloadError):
            await anext(events)
    async with misbehaving(v1_bot, mode="hang_stream"):
        events = stream(http, v1_bot)
        assert b'"delta"' in await anext(events)
        assert b'"delta"' in await anext(events)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(events), 0.3)


async def test_a_slow_stream_pauses_after_each_piece(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """At least as long as it was told to."""
    async with misbehaving(v1_bot, piece_delay_ms=40):
        started_s = time.monotonic()
        events = [event async for event in stream(http, v1_bot)]
    assert events[-1] == b"data: [DONE]\n\n"
    assert time.monotonic() - started_s >= 0.04 * (len(events) - 1)


@pytest.mark.parametrize(
    "change",
    [
        {"mode": "lazy"},
        {"failure_rate": 2},
        {"failure_rate": "x"},
        {"delay_ms": -1},
        {"is_held": 1},
        {"piece_delay_ms": 0.5},
        {"colour": 1},
        [],
        None,
    ],
)
async def test_impossible_faults_are_refused(http: aiohttp.ClientSession, v1_bot: RunningBot, change: object) -> None:
    """400 and no change."""
    status, body = await post(http, v1_bot, "/_faults", change)
    assert status == 400
    assert body["error"]
    assert (await chat(http, v1_bot))[0] == 200


async def test_every_chat_that_arrives_is_counted(http: aiohttp.ClientSession, user_id: str) -> None:
    """Answered, failed, batched: one line each, in order; a restart counts from zero and forgets."""
    async with sample_bot("ryan") as bot:
        await say(http, bot, user_id, "one")
        async with misbehaving(bot, mode="reset"):
            with pytest.raises(aiohttp.ClientError):
                await post(http, bot, "/api/chat", {"user_id": user_id, "message": "two"})
        await post(http, bot, "/api/chat/batch", {"messages": [{"user_id": user_id, "message": "three"}]})
        await post(http, bot, "/api/chat", b"nonsense")
        assert await bot.calls() == [ChatCall(user_id=user_id, message=text) for text in ("one", "two", "three")]
        port = bot.port
        await bot.restart()
        assert bot.port == port
        assert await bot.calls() == []
        assert "not told me anything" in await say(http, bot, user_id, "What did I say before?")


async def test_without_the_switch_there_is_no_control(http: aiohttp.ClientSession) -> None:
    """Nobody can break a bot that was not started for it; rates from the environment work all the same."""
    async with fleet(["sophia"], allow_faults=False, env={"SAMPLE_BOT_FAILURE_RATE": "1"}) as bots:
        for method, path in (("POST", "/_faults"), ("GET", "/_calls")):
            async with http.request(method, bots["sophia"].url + path, json={}) as response:
                assert response.status == 404
        assert (await chat(http, bots["sophia"]))[0] == 500


def test_rates_are_kept_and_repeatable() -> None:
    """Of many answers each kind gets its share, the same with the same seed."""
    plan = FaultPlan(failure_rate=0.2, hang_rate=0.1, babble_rate=0.3)
    rolls = [[faults.next_mode() for _ in range(5000)] for faults in (Faults(plan, seed=3), Faults(plan, seed=3))]
    assert rolls[0] == rolls[1]
    shares = {mode: rolls[0].count(mode) / 5000 for mode in FaultMode}
    assert shares[FaultMode.HTTP500] == pytest.approx(0.2, abs=0.03)
    assert shares[FaultMode.HANG] == pytest.approx(0.1, abs=0.03)
    assert shares[FaultMode.OK] == pytest.approx(0.4, abs=0.03)
