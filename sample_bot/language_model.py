"""Conversation through any OpenAI-compatible chat completions endpoint."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from sample_bot.character import Character
from sample_bot.options import LanguageModelOptions
from sample_bot.prompt import EngineError, Prompt

_PROMPT_TURNS = 10
_MAX_ANSWER_BYTES = 1_000_000


class LanguageModel:
    """A remote model that plays the character.

    Source: https://platform.openai.com/docs/api-reference/chat/create
    """

    def __init__(self, character: Character, options: LanguageModelOptions) -> None:
        self._character = character
        self._options = options
        url = options.api_url.rstrip("/")
        self._url = url if url.endswith("/chat/completions") else f"{url}/chat/completions"
        self._session: aiohttp.ClientSession | None = None

    @property
    def name(self) -> str:
        """The model's name as configured."""
        return self._options.model

    async def reply(self, prompt: Prompt) -> str:
        """Answer in one piece.

        Raises: EngineError on a timeout, a refusal, a non-2xx status or a body that holds no answer.
        """
        async with self._completion(prompt, is_streamed=False) as response:
            body = await _read(response)
        try:
            text = json.loads(body)["choices"][0]["message"]["content"]
        except (ValueError, KeyError, IndexError, TypeError) as exc:
            raise EngineError(f"language model: unexpected body ({exc!r})") from exc
        if not isinstance(text, str) or not text.strip():
            raise EngineError("language model: empty answer")
        return text.strip()

    async def stream(self, prompt: Prompt) -> AsyncIterator[str]:
        """Pass the model's pieces on as they come.

        Raises: EngineError, possibly after some pieces.
        """
        async with self._completion(prompt, is_streamed=True) as response:
            async for line in response.content:
                data = line.decode("utf-8", "replace").strip().removeprefix("data:").strip()
                if data == "[DONE]":
                    return
                if data and (piece := _piece(data)):
                    yield piece
        raise EngineError("language model: the stream ended early")

    async def close(self) -> None:
        """Close pooled connections."""
        if self._session is not None:
            await self._session.close()

    @asynccontextmanager
    async def _completion(self, prompt: Prompt, *, is_streamed: bool) -> AsyncIterator[aiohttp.ClientResponse]:
        body = {"model": self._options.model, "messages": self._messages(prompt), "stream": is_streamed}
        try:
            async with self._client().post(self._url, json=body) as response:
                if response.status != 200:
                    raise EngineError(f"language model: status {response.status}")
                yield response
        except TimeoutError as exc:
            raise EngineError(f"language model: no answer within {self._options.timeout_s:g} s") from exc
        except (aiohttp.ClientError, ValueError) as exc:
            raise EngineError(f"language model: {exc!r}") from exc

    def _client(self) -> aiohttp.ClientSession:
        if self._session is None:
            key = self._options.api_key
            self._session = aiohttp.ClientSession(
                headers={"Authorization": f"Bearer {key}"} if key else None,
                timeout=aiohttp.ClientTimeout(total=self._options.timeout_s),
            )
        return self._session

    def _messages(self, prompt: Prompt) -> list[dict[str, str]]:
        system = self._character.system_prompt
        if prompt.user_name:
            system += f"\nYou are talking with {prompt.user_name}."
        messages = [{"role": "system", "content": system}]
        for turn in prompt.history[-_PROMPT_TURNS:]:
            messages += [{"role": "user", "content": turn.message}, {"role": "assistant", "content": turn.reply}]
        return [*messages, {"role": "user", "content": prompt.message}]


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_ANSWER_BYTES:
            raise EngineError("language model: the answer is too large")
    return bytes(body)


def _piece(data: str) -> str:
    try:
        content = json.loads(data)["choices"][0].get("delta", {}).get("content")
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as exc:
        raise EngineError(f"language model: unexpected event ({exc!r})") from exc
    return content if isinstance(content, str) else ""
