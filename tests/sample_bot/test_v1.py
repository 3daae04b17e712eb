"""The v1 contract, spoken by a real process."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import pytest

from tests.sample_bot.calls import get, post, say
from tests.support.sample_bots import RunningBot, sample_bot


def assert_naive_utc(timestamp: str) -> None:
    """The text has no zone and, read as UTC, is about now."""
    at = datetime.fromisoformat(timestamp)
    assert at.tzinfo is None
    assert abs(datetime.now(UTC).replace(tzinfo=None) - at) < timedelta(minutes=10)


async def test_health_says_that_the_process_lives(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """Liveness has exactly the contract's fields."""
    status, body = await get(http, v1_bot, "/health")
    assert (status, body["status"], body["service"]) == (200, "healthy", "WhisperEngine Discord Bot")
    assert body.keys() == {"status", "timestamp", "service"}
    assert_naive_utc(body["timestamp"])


async def test_ready_status_and_metrics_describe_a_connected_bot(
    http: aiohttp.ClientSession, v1_bot: RunningBot
) -> None:
    """The three operator endpoints agree."""
    ready, status, metrics = [(await get(http, v1_bot, path)) for path in ("/ready", "/status", "/metrics")]
    assert ready[0] == status[0] == metrics[0] == 200
    assert ready[1].keys() >= {"status", "bot_user", "guilds_count", "latency_ms"}
    assert (ready[1]["status"], ready[1]["bot_user"]) == ("ready", "Elena#0001")
    assert status[1]["bot"]["ready"] is True
    assert status[1]["character"]["character_name"] == "Elena Rodriguez"
    assert metrics[1]["bot_status"] == "ready"
    assert metrics[1]["memory_usage_mb"] > 0


async def test_bot_info_names_character_and_engine(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """Who the bot is, and honestly what talks."""
    status, body = await get(http, v1_bot, "/api/bot-info")
    assert status == 200
    assert (body["bot_name"], body["status"], body["platform"]) == ("Elena Rodriguez", "online", "discord")
    assert body["api_version"] == "1.0"
    assert body["character_info"]["occupation"] == "Marine biologist"
    assert body["character_info"]["engine"] == "nltk.chat.eliza"
    assert {"engine:nltk.chat.eliza", "streaming"} <= set(body["capabilities"])


async def test_chat_answers_in_the_contracts_shape(
    http: aiohttp.ClientSession, v1_bot: RunningBot, user_id: str
) -> None:
    """Unknown fields, as the specification sends them, are ignored."""
    body = {
        "user_id": user_id,
        "message": "I need a boat",
        "metadata_level": "basic",
        "timestamp": "2025-10-13T10:30:00Z",
        "context": {"channel_type": "dm", "platform": "WEB_UI", "metadata": {"x": [1]}},
    }
    status, answer = await post(http, v1_bot, "/api/chat", body)
    assert status == 200
    assert answer.keys() == {"success", "response", "timestamp", "bot_name", "processing_time_ms", "memory_stored"}
    assert "boat" in answer["response"]
    assert (answer["bot_name"], answer["memory_stored"]) == ("Elena Rodriguez", True)
    assert isinstance(answer["processing_time_ms"], int)
    assert_naive_utc(answer["timestamp"])


async def test_metadata_has_the_sizes_of_real_bots(
    http: aiohttp.ClientSession, v1_bot: RunningBot, user_id: str
) -> None:
    """From a stranger's first word to a full memory: standard 5-10 KB, extended 20-50 KB, standard by default."""
    for message in ("Hi", *["I think the reef is recovering, what do you say?"] * 50):
        await say(http, v1_bot, user_id, message, metadata_level="basic")
        if message == "Hi":
            await assert_sizes(http, v1_bot, user_id)
    extended = await assert_sizes(http, v1_bot, user_id)
    assert extended["metadata"]["context_detection"]["turns_remembered"] == 50
    assert extended["user_facts"]["interaction_count"] == 51


async def assert_sizes(http: aiohttp.ClientSession, bot: RunningBot, user_id: str) -> dict[str, Any]:
    """Ask at every level and return the extended answer."""
    body: dict[str, object] = {"user_id": user_id, "message": "Tell me about coral"}
    _, default = await post(http, bot, "/api/chat", body)
    _, standard = await post(http, bot, "/api/chat", {**body, "metadata_level": "standard"})
    _, extended = await post(http, bot, "/api/chat", {**body, "metadata_level": "EXTENDED"})
    assert default.keys() == standard.keys()
    assert 5_000 <= len(json.dumps(standard)) <= 10_000
    assert 20_000 <= len(json.dumps(extended)) <= 50_000
    return extended


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"message": "Hi"}, "user_id is required"),
        ({"user_id": "", "message": "Hi"}, "user_id is required"),
        ({"user_id": ["u"], "message": "Hi"}, "user_id is required"),
        ({"user_id": "u"}, "message is required"),
        ({"user_id": "u", "message": 7}, "message is required"),
        ({"user_id": "u", "message": "Hi", "metadata_level": "all"}, "metadata_level must be"),
        (b"{nonsense", "Invalid JSON in request body"),
        (b"[]", "Invalid JSON in request body"),
        (b"\xff", "Invalid JSON in request body"),
    ],
)
async def test_bad_requests_get_400(http: aiohttp.ClientSession, v1_bot: RunningBot, body: object, error: str) -> None:
    """One ``error`` text, never a list."""
    status, answer = await post(http, v1_bot, "/api/chat", body)
    assert status == 400
    assert answer["error"].startswith(error)


async def test_a_broken_handler_answers_the_contracts_500(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """Nesting too deep for the parser raises inside the bot: its text is in ``message``."""
    status, answer = await post(http, v1_bot, "/api/chat", b"[" * 100_000)
    assert status == 500
    assert (answer["error"], answer["success"]) == ("Internal server error", False)
    assert "recursion" in answer["message"]


async def test_batch_answers_each_message_on_its_own(
    http: aiohttp.ClientSession, v1_bot: RunningBot, user_id: str
) -> None:
    """Order is kept and a bad item harms only itself."""
    items = [{"user_id": user_id, "message": "My cat is ill"}, {"user_id": user_id}, "?"]
    items.append({"user_id": user_id, "message": "What did I say before?"})
    status, answer = await post(http, v1_bot, "/api/chat/batch", {"messages": items, "metadata_level": "basic"})
    assert (status, answer["total_processed"], answer["bot_name"]) == (200, 4, "Elena Rodriguez")
    assert [(item["index"], item["success"]) for item in answer["results"]] == [
        (0, True),
        (1, False),
        (2, False),
        (3, True),
    ]
    assert answer["results"][1]["error"] == "user_id and message are required"
    assert "My cat is ill" in answer["results"][3]["response"]
    assert answer["results"][3]["user_id"] == user_id


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({}, "messages array is required"),
        ({"messages": []}, "messages array is required"),
        ({"messages": "Hi"}, "messages array is required"),
        ({"messages": [{"user_id": "u", "message": "Hi"}] * 11}, "Maximum 10 messages per batch"),
    ],
)
async def test_bad_batches_get_400(http: aiohttp.ClientSession, v1_bot: RunningBot, body: object, error: str) -> None:
    """No message of a refused batch is answered."""
    assert await post(http, v1_bot, "/api/chat/batch", body) == (400, {"error": error})


async def test_a_starting_bot_lives_but_is_not_ready(http: aiohttp.ClientSession, user_id: str) -> None:
    """Until it is connected: health 200, ready 503, offline, chat 503; then it answers."""
    async with sample_bot("marcus", startup_ms=600_000) as bot:
        assert (await get(http, bot, "/health"))[0] == 200
        status, answer = await post(http, bot, "/api/chat", {"user_id": user_id, "message": "Hi"})
        assert (status, answer["success"]) == (503, False)
        assert answer["error"] == "Chat API not available - bot components not ready"
        assert answer["details"]
        status, body = await get(http, bot, "/ready")
        assert (status, body["status"], body["reason"]) == (503, "not_ready", "Bot not connected to Discord")
        assert (await get(http, bot, "/api/bot-info"))[1]["status"] == "offline"
        await bot.set_faults(mode="ok")
        assert (await get(http, bot, "/ready"))[0] == 200
        assert await say(http, bot, user_id, "Hello")


async def test_v1_has_no_v2_endpoint(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """Diagnostics tell the generations apart."""
    async with http.get(v1_bot.url + "/api/diagnostics") as response:
        assert response.status == 404


async def test_stream_sends_openai_style_pieces(http: aiohttp.ClientSession, v1_bot: RunningBot, user_id: str) -> None:
    """The pieces join to an answer, end with DONE, and are remembered as one turn."""
    body = {"user_id": user_id, "message": "I need a submarine"}
    async with http.post(v1_bot.url + "/api/chat/stream", json=body) as response:
        assert response.content_type == "text/event-stream"
        events = [line.removeprefix("data: ") for line in (await response.text()).split("\n\n") if line]
    assert events[-1] == "[DONE]"
    pieces = [json.loads(event)["choices"][0]["delta"]["content"] for event in events[:-1]]
    assert len(pieces) > 1
    assert "submarine" in "".join(pieces)
    assert "I need a submarine" in await say(http, v1_bot, user_id, "What did I say?")


async def test_stream_refuses_like_chat(http: aiohttp.ClientSession, v1_bot: RunningBot) -> None:
    """A bad request to stream is an ordinary 400."""
    assert await post(http, v1_bot, "/api/chat/stream", {"user_id": "u"}) == (400, {"error": "message is required"})
