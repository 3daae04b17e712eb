"""Chat completions as OpenAI's API has them, whole and in chunks. Source: OpenAI, API reference, "Chat"."""

from collections.abc import AsyncIterator
from typing import Any

from chat_api.core.principals import Principal
from chat_api.gateway.schemas import Ending, Usage
from chat_api.gateway.service import GatewayService, Talk
from chat_api.gateway.sse import DONE, event, told


def completion(talk: Talk, ending: Ending) -> dict[str, Any]:
    """The whole answer."""
    return {
        "id": _id(talk),
        "object": "chat.completion",
        "created": talk.created,
        "model": talk.model,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": ending.text, "refusal": None, "annotations": []},
                "logprobs": None,
                "finish_reason": ending.reason.value,
            }
        ],
        "usage": _usage(Usage.of(talk.question.text, ending.text)),
        "system_fingerprint": None,
    }


async def chunks(gateway: GatewayService, principal: Principal, talk: Talk) -> AsyncIterator[bytes]:
    """The answer as it comes: who speaks at once, then the pieces, why it ended, and the usage for who asked for it."""

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return event(_chunk(talk, [choice]))

    yield chunk({"role": "assistant", "content": ""})
    async for piece in told(gateway, principal, talk):
        if isinstance(piece, bytes):
            yield piece
        elif isinstance(piece, str):
            yield chunk({"content": piece})
        else:
            yield chunk({}, piece.reason.value)
            if talk.question.is_usage_streamed:
                yield event(_chunk(talk, []) | {"usage": _usage(Usage.of(talk.question.text, piece.text))})
            yield DONE


def _chunk(talk: Talk, choices: list[dict[str, Any]]) -> dict[str, Any]:
    made: dict[str, Any] = {
        "id": _id(talk),
        "object": "chat.completion.chunk",
        "created": talk.created,
        "model": talk.model,
        "choices": choices,
        "system_fingerprint": None,
    }
    return made | ({"usage": None} if talk.question.is_usage_streamed else {})


def _id(talk: Talk) -> str:
    return f"chatcmpl-{talk.answer_id.hex}"


def _usage(usage: Usage) -> dict[str, Any]:
    return {"prompt_tokens": usage.prompt, "completion_tokens": usage.completion, "total_tokens": usage.total}
