"""Conversation through an OpenAI-compatible endpoint: a small real one, on a real port."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from tests.sample_bot.calls import get, post, say
from tests.support.sample_bots import RunningBot, sample_bot

_KEY = "sk-sample-secret"


def _completion(text: object) -> web.Response:
    return web.json_response({"choices": [{"message": {"role": "assistant", "content": text}}]})


@dataclass
class ModelServer:
    """What the endpoint was asked, and how it answers."""

    url: str = ""
    requests: list[dict[str, Any]] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)
    answer: Callable[[], web.Response] | None = None
    is_hanging: bool = False
    breaks_stream: bool = False

    async def complete(self, request: web.Request) -> web.StreamResponse:
        """Answer ``POST /v1/chat/completions``, streamed on request."""
        body = await request.json()
        self.requests.append(body)
        self.keys.append(request.headers.get("Authorization"))
        if self.is_hanging:
            await asyncio.sleep(5)
        if self.answer is not None:
            return self.answer()
        text = f"The tide heard: {body['messages'][-1]['content']}"
        return await self._stream(request, text) if body["stream"] else _completion(text)

    async def _stream(self, request: web.Request, text: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for word in text.split(" ")[: 2 if self.breaks_stream else None]:
            event = {"choices": [{"delta": {"content": word + " "}}]}
            await response.write(b"data: " + json.dumps(event).encode() + b"\n\n")
        if not self.breaks_stream:
            await response.write(b"data: [DONE]\n\n")
        return response


@pytest.fixture(scope="module")
async def server() -> AsyncIterator[ModelServer]:
    """A language model's endpoint on a free port."""
    model = ModelServer()
    app = web.Application()
    app.router.add_post("/v1/chat/completions", model.complete)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    model.url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    yield model
    await runner.cleanup()


@pytest.fixture(scope="module")
async def bot(server: ModelServer) -> AsyncIterator[RunningBot]:
    """Elena with a language model, impatient."""
    env = {
        "LLM_CHAT_API_URL": server.url,
        "LLM_CHAT_API_KEY": _KEY,
        "LLM_CHAT_MODEL": "tiny-1",
        "SAMPLE_BOT_LLM_TIMEOUT_S": "0.5",
    }
    async with sample_bot("elena", env=env, stream=True) as running:
        yield running


@pytest.fixture
def model(server: ModelServer) -> ModelServer:
    """The endpoint, well again and with nothing noted."""
    server.requests, server.keys = [], []
    server.answer, server.is_hanging, server.breaks_stream = None, False, False
    return server


async def test_the_model_gets_character_history_and_message(
    http: aiohttp.ClientSession, bot: RunningBot, model: ModelServer, user_id: str
) -> None:
    """The prompt starts with the character, holds the last ten turns and ends with the message."""
    for number in range(12):
        assert await say(http, bot, user_id, f"wave {number}") == f"The tide heard: wave {number}"
    messages = model.requests[-1]["messages"]
    assert "You are Elena Rodriguez, Marine biologist" in messages[0]["content"]
    assert messages[0]["role"] == "system"
    assert [message["content"] for message in messages[1::2]] == [f"wave {number}" for number in range(1, 12)]
    assert messages[2] == {"role": "assistant", "content": "The tide heard: wave 1"}
    assert model.requests[-1]["model"] == "tiny-1"
    assert set(model.keys) == {f"Bearer {_KEY}"}


async def test_the_bot_says_which_model_talks(http: aiohttp.ClientSession, bot: RunningBot) -> None:
    """No rule-based answer poses as a model's."""
    assert (await get(http, bot, "/api/bot-info"))[1]["character_info"]["engine"] == "tiny-1"


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.json_response({"error": "quota"}, status=429),
        lambda: web.Response(text="<html>"),
        lambda: web.json_response({"choices": []}),
        lambda: _completion(""),
        lambda: _completion(None),
        lambda: _completion("x" * 1_100_000),
    ],
    ids=["429", "html", "no-choice", "empty", "null", "too-large"],
)
async def test_a_failing_model_is_a_failing_bot(
    http: aiohttp.ClientSession, bot: RunningBot, model: ModelServer, user_id: str, answer: Callable[[], web.Response]
) -> None:
    """500 with ``success: false``, never an answer made up; nothing is remembered."""
    model.answer = answer
    status, body = await post(http, bot, "/api/chat", {"user_id": user_id, "message": "Hi"})
    assert (status, body["success"]) == (500, False)
    assert body["error"].startswith("language model:")
    model.answer = None
    await say(http, bot, user_id, "Hi again")
    assert len(model.requests[-1]["messages"]) == 2


async def test_a_slow_model_is_given_up(
    http: aiohttp.ClientSession, bot: RunningBot, model: ModelServer, user_id: str
) -> None:
    """The bot answers for itself when its model does not."""
    model.is_hanging = True
    status, body = await post(http, bot, "/api/chat", {"user_id": user_id, "message": "Hi"})
    assert (status, body["error"]) == (500, "language model: no answer within 0.5 s")


async def test_streams_pass_through(
    http: aiohttp.ClientSession, bot: RunningBot, model: ModelServer, user_id: str
) -> None:
    """The model's pieces reach the caller; one that breaks off ends with an error instead of DONE."""
    body = {"user_id": user_id, "message": "low tide"}
    async with http.post(bot.url + "/api/chat/stream", json=body) as response:
        text = await response.text()
    assert '"content": "tide "' in text
    assert text.endswith("data: [DONE]\n\n")
    model.breaks_stream = True
    async with http.post(bot.url + "/api/chat/stream", json=body) as response:
        text = await response.text()
    assert "the stream ended early" in text
    assert "[DONE]" not in text


async def test_a_stream_that_never_starts_is_an_ordinary_500(
    http: aiohttp.ClientSession, bot: RunningBot, model: ModelServer, user_id: str
) -> None:
    """Before the first piece there is still a status to give."""
    model.answer = lambda: web.Response(status=503)
    status, body = await post(http, bot, "/api/chat/stream", {"user_id": user_id, "message": "Hi"})
    assert (status, body["success"]) == (500, False)


async def test_neither_key_nor_words_reach_the_log(
    http: aiohttp.ClientSession, bot: RunningBot, model: ModelServer, user_id: str
) -> None:
    """Lengths and times are logged, secrets and messages are not."""
    await say(http, bot, user_id, "a whispered secret")
    line = json.loads(bot.log.splitlines()[-1])
    assert (line["event"], line["user_id"], line["message_length"]) == ("chat", user_id, 18)
    assert line["success"] is True
    assert "whispered" not in bot.log
    assert _KEY not in bot.log


async def test_an_unreachable_model_is_a_failing_bot(http: aiohttp.ClientSession, user_id: str) -> None:
    """In v2 the failure is a ``detail``; the model is named in the diagnostics."""
    env = {"LLM_CHAT_API_URL": "http://127.0.0.1:1/v1", "LLM_CHAT_MODEL": "gone-1"}
    async with sample_bot("gabriel", contract="v2", env=env) as lonely:
        assert (await get(http, lonely, "/api/diagnostics"))[1]["llm_models"] == {"main": "gone-1"}
        status, body = await post(http, lonely, "/api/chat", {"user_id": user_id, "message": "Hi"})
        assert (status, set(body)) == (500, {"detail"})
