"""Responses as OpenAI's newer API has them, in their text form. Source: OpenAI, API reference, "Responses"."""

from collections.abc import AsyncIterator
from typing import Any

from chat_api.core.principals import Principal
from chat_api.gateway.schemas import Ending, FinishReason, ResponsesQuestion, Usage
from chat_api.gateway.service import GatewayService, Talk
from chat_api.gateway.sse import event, told

COMPLETED, INCOMPLETE, IN_PROGRESS = "completed", "incomplete", "in_progress"


def response(asked: ResponsesQuestion, talk: Talk, ending: Ending | None) -> dict[str, Any]:
    """The whole response, or with no ending the one that has begun."""
    status = IN_PROGRESS if ending is None else COMPLETED if ending.reason is FinishReason.STOP else INCOMPLETE
    usage = Usage.of(talk.question.text, ending.text) if ending else None
    return {
        "id": f"resp_{talk.answer_id.hex}",
        "object": "response",
        "created_at": talk.created,
        "status": status,
        "background": False,
        "error": None,
        "incomplete_details": {"reason": "max_output_tokens"} if status == INCOMPLETE else None,
        "instructions": asked.instructions,
        "max_output_tokens": None,
        "model": talk.model,
        "output": [_item(talk, ending.text, status)] if ending else [],
        "parallel_tool_calls": True,
        "previous_response_id": asked.previous_response_id,
        "conversation": {"id": talk.question.conversation} if talk.question.conversation else None,
        "reasoning": {"effort": None, "summary": None},
        "store": True,
        "temperature": None,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": None,
        "truncation": "disabled",
        "usage": _usage(usage) if usage else None,
        "user": talk.question.user,
        "metadata": dict(asked.metadata or {}),
    }


async def events(
    gateway: GatewayService, principal: Principal, asked: ResponsesQuestion, talk: Talk
) -> AsyncIterator[bytes]:
    """The response as it comes; every event has its type and its number."""
    number = -1

    def numbered(kind: str, **data: Any) -> bytes:
        nonlocal number
        number += 1
        return event({"type": kind, "sequence_number": number, **data}, name=kind)

    place = {"item_id": f"msg_{talk.answer_id.hex}", "output_index": 0, "content_index": 0}
    begun = response(asked, talk, None)
    yield numbered("response.created", response=begun)
    yield numbered("response.in_progress", response=begun)
    yield numbered("response.output_item.added", output_index=0, item=_item(talk, None, IN_PROGRESS))
    yield numbered("response.content_part.added", **place, part=_part(""))
    async for piece in told(gateway, principal, talk, error_name="error"):
        if isinstance(piece, bytes):
            yield piece
        elif isinstance(piece, str):
            yield numbered("response.output_text.delta", **place, delta=piece, logprobs=[])
        else:
            whole = response(asked, talk, piece)
            yield numbered("response.output_text.done", **place, text=piece.text, logprobs=[])
            yield numbered("response.content_part.done", **place, part=_part(piece.text))
            yield numbered("response.output_item.done", output_index=0, item=whole["output"][0])
            yield numbered(f"response.{whole['status']}", response=whole)


def _item(talk: Talk, text: str | None, status: str) -> dict[str, Any]:
    return {
        "id": f"msg_{talk.answer_id.hex}",
        "type": "message",
        "status": status,
        "role": "assistant",
        "content": [] if text is None else [_part(text)],
    }


def _part(text: str) -> dict[str, Any]:
    return {"type": "output_text", "text": text, "annotations": [], "logprobs": []}


def _usage(usage: Usage) -> dict[str, Any]:
    return {
        "input_tokens": usage.prompt,
        "input_tokens_details": {"cached_tokens": 0},
        "output_tokens": usage.completion,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": usage.total,
    }
