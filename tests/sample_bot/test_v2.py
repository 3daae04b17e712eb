"""The v2 contract, spoken by a real process."""

from datetime import UTC, datetime, timedelta

import aiohttp
import pytest

from tests.sample_bot.calls import get, post, say
from tests.support.sample_bots import RunningBot


async def test_health_gives_local_time(http: aiohttp.ClientSession, v2_bot: RunningBot) -> None:
    """No zone, and not UTC either: this bot lives at +05:45."""
    status, body = await get(http, v2_bot, "/health")
    assert (status, body["status"], set(body)) == (200, "healthy", {"status", "timestamp"})
    at = datetime.fromisoformat(body["timestamp"])
    assert at.tzinfo is None
    ahead = at - datetime.now(UTC).replace(tzinfo=None)
    assert abs(ahead - timedelta(hours=5, minutes=45)) < timedelta(minutes=10)


async def test_diagnostics_name_the_engine(http: aiohttp.ClientSession, v2_bot: RunningBot) -> None:
    """The key, the engine and the rest of the contract's fields."""
    status, body = await get(http, v2_bot, "/api/diagnostics")
    assert (status, body["bot_name"]) == (200, "dream")
    assert body["llm_models"] == {"main": "nltk.chat.zen"}
    assert body["uptime_seconds"] >= 0
    assert body.keys() == {
        "bot_name",
        "llm_models",
        "database_status",
        "feature_flags",
        "queue_depths",
        "uptime_seconds",
        "version",
    }


@pytest.mark.parametrize(("force_mode", "mode"), [(None, "fast"), ("fast", "fast"), ("reflective", "reflective")])
async def test_chat_answers_in_the_contracts_shape(
    http: aiohttp.ClientSession, v2_bot: RunningBot, user_id: str, force_mode: str | None, mode: str
) -> None:
    """``bot_name`` is the key here, and the mode is the one asked for."""
    body = {"user_id": user_id, "message": "Hello", "force_mode": force_mode, "platform": "WEB_UI"}
    status, answer = await post(http, v2_bot, "/api/chat", body)
    assert status == 200
    assert answer.keys() == {
        "success",
        "response",
        "timestamp",
        "bot_name",
        "processing_time_ms",
        "memory_stored",
        "mode",
        "complexity",
        "model_used",
    }
    assert (answer["success"], answer["bot_name"], answer["mode"]) == (True, "dream", mode)
    assert answer["model_used"] == "nltk.chat.zen"
    assert isinstance(answer["processing_time_ms"], float)


async def test_the_users_name_is_used_when_they_meet(
    http: aiohttp.ClientSession, v2_bot: RunningBot, user_id: str
) -> None:
    """A bot greets by name once, not in every answer."""
    context = {"channel_type": "dm", "user_name": "Ada"}
    assert (await say(http, v2_bot, user_id, "I slept badly", context=context)).startswith("Hello Ada.")
    assert "Ada" not in await say(http, v2_bot, user_id, "I slept well", context=context)


@pytest.mark.parametrize(
    ("body", "problems"),
    [
        ({}, [(["body", "user_id"], "missing"), (["body", "message"], "missing")]),
        ({"user_id": "u"}, [(["body", "message"], "missing")]),
        ({"user_id": 1, "message": None}, [(["body", "user_id"], "string_type"), (["body", "message"], "string_type")]),
        ({"user_id": "u", "message": "Hi", "force_mode": "slow"}, [(["body", "force_mode"], "literal_error")]),
        ({"user_id": "u", "message": "Hi", "force_mode": []}, [(["body", "force_mode"], "literal_error")]),
        ({"user_id": "u", "message": "Hi", "context": "dm"}, [(["body", "context"], "dict_type")]),
        ([], [(["body"], "model_attributes_type")]),
        (b"{nonsense", [(["body", 1], "json_invalid")]),
    ],
)
async def test_bad_requests_get_422(
    http: aiohttp.ClientSession, v2_bot: RunningBot, body: object, problems: list[tuple[list[str], str]]
) -> None:
    """Every problem is listed with its place, as FastAPI does."""
    status, answer = await post(http, v2_bot, "/api/chat", body)
    assert status == 422
    assert [(problem["loc"], problem["type"]) for problem in answer["detail"]] == problems
    assert all(problem["msg"] for problem in answer["detail"])


async def test_a_broken_handler_answers_the_contracts_500(http: aiohttp.ClientSession, v2_bot: RunningBot) -> None:
    """The exception's text is all there is."""
    status, answer = await post(http, v2_bot, "/api/chat", b"[" * 100_000)
    assert (status, set(answer)) == (500, {"detail"})


@pytest.mark.parametrize("path", ["/ready", "/status", "/metrics", "/api/bot-info"])
async def test_v2_has_no_v1_endpoint(http: aiohttp.ClientSession, v2_bot: RunningBot, path: str) -> None:
    """What v1 offers to operators is 404 here, and so are batches and, unless switched on, streams."""
    async with http.get(v2_bot.url + path) as response:
        assert response.status == 404
    for chat_path in ("/api/chat/batch", "/api/chat/stream"):
        async with http.post(v2_bot.url + chat_path, json={}) as response:
            assert response.status == 404
