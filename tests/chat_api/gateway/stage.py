"""A key, what a client sends with it, and what stands in a stream."""

import itertools
import json
from collections.abc import Iterable
from typing import Any

import httpx

from tests.chat_api.keys.test_keys import make_key
from tests.support.api import RunningApi

_number = itertools.count(1)
USER = {"role": "user", "content": "Hello"}


class Stage:
    """One account's key at one API."""

    def __init__(self, api: RunningApi, name: str, person: str, key: dict[str, Any]) -> None:
        self.api = api
        self.name = name
        self.person = person
        self.key = key
        self.secret: str = key["secret"]

    @classmethod
    async def of(cls, api: RunningApi, name: str, **key: Any) -> "Stage":
        """A new account with a key."""
        name = f"{name} {next(_number)}"
        person = await api.login(name)
        return cls(api, name, person, await make_key(api, person, **({"scopes": ["chat"]} | key)))

    async def ask(self, *messages: Any, path: str = "/v1/chat/completions", **body: Any) -> httpx.Response:
        """One request; without messages a greeting."""
        given = {"model": "elena", "messages": list(messages) or [USER]} | body
        async with self.api.client(self.secret) as client:
            return await client.post(path, json=given)

    async def get(self, path: str) -> httpx.Response:
        """One look."""
        async with self.api.client(self.secret) as client:
            return await client.get(path)

    async def said(self, bot: str = "elena") -> list[str]:
        """What the account's chat page shows of the person's own words, oldest first."""
        async with self.api.client(self.person) as client:
            found = (await client.get(f"/api/conversations/{bot}/messages")).json()["messages"]
        return [line["content"] for line in reversed(found) if line["role"] == "user"]


def data_of(stream: str) -> list[Any]:
    """What the events of a stream hold; ``[DONE]`` as it is."""
    lines = [line.removeprefix("data: ") for line in stream.split("\n") if line.startswith("data: ")]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def text_of(chunks: Iterable[Any]) -> str:
    """The text of a stream of chunks."""
    return "".join(
        choice["delta"].get("content") or "" for one in chunks if one != "[DONE]" for choice in one.get("choices", [])
    )


def assert_openai_error(answer: httpx.Response, status: int, code: str | None, param: str | None = None) -> None:
    """An error in the shape of OpenAI's API, with our request id in a header."""
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert answer.json().keys() == {"error"}
    assert error.keys() == {"message", "type", "param", "code"}
    assert (error["code"], error["param"]) == (code, param), error
    assert error["message"]
    assert answer.headers["x-request-id"]
