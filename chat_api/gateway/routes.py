"""The OpenAI-compatible doors, for API keys alone."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import Response, StreamingResponse
from starlette.datastructures import Headers

from chat_api.core.errors import NotAuthenticated, UnsupportedMedia, error_of
from chat_api.core.principals import Principal
from chat_api.core.security import is_api_key
from chat_api.core.text import check_text
from chat_api.gateway import chat_format, responses_format
from chat_api.gateway.bodies import ChatCompletionBody, ModelAnswer, ModelList, OpenAIErrorBody, ResponsesBody
from chat_api.gateway.reading import MAX_CONVERSATION_CHARS, MAX_USER_CHARS, read_chat, read_json, read_response
from chat_api.gateway.schemas import Ending, Model, Question
from chat_api.gateway.service import GatewayService, Talk
from chat_api.http.dependencies import Bearer, by_api_key, service
from chat_api.http.middleware.body_limits import is_json
from chat_api.http.openai_errors import openai_status
from chat_api.messages.service import MAX_CLIENT_ID_CHARS

router = APIRouter(prefix="/v1", tags=["OpenAI-compatible"])

Gateway = Annotated[GatewayService, service(GatewayService)]
# A proxy must neither wait for the end of a stream nor keep it.
STREAM_HEADERS = {"X-Accel-Buffering": "no", "Cache-Control": "no-cache, no-store, no-transform"}
_READS = ("not_authenticated", "out_of_scope", "rate_limited", "unavailable")
_TALKS = (
    *_READS,
    "malformed_request",
    "invalid_input",
    "model_not_found",
    "conflict",
    "payload_too_large",
    "unsupported_media_type",
    "budget_spent",
    "bot_failed",
    "bot_unavailable",
    "bot_timeout",
)
_ANSWERED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The answer, whole or as server-sent events.",
        "content": {
            "application/json": {"schema": {"type": "object"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    }
}


async def api_key(request: Request, bearer: Bearer) -> Principal:
    """Whom the key of this request stands for. Raises: NotAuthenticated, RateLimited."""
    if bearer is None or not is_api_key(bearer.credentials):
        raise NotAuthenticated("Send an API key as “Authorization: Bearer wk_…”.")
    return await by_api_key(request, bearer.credentials)


Key = Annotated[Principal, Depends(api_key)]
# Described and read by hand: what the framework refuses would be described as its own 422, which is none here.
_IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Sent twice, said once.",
    "schema": {"type": "string", "maxLength": MAX_CLIENT_ID_CHARS},
}
_MODEL = {"name": "model", "in": "path", "required": True, "schema": {"type": "string"}, "example": "elena"}


def refusals(codes: Iterable[str]) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a door that may fail in these ways, for OpenAPI."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys(codes):
        error = error_of(code)()
        entry = by_status.setdefault(openai_status(error), {"description": "", "model": OpenAIErrorBody})
        entry["description"] = f"{entry['description']} {error.public_message}".strip()
    return by_status


def _taking(body: type[ChatCompletionBody] | type[ResponsesBody]) -> dict[str, Any]:
    schema = body.model_json_schema()
    return {
        "parameters": [_IDEMPOTENCY_KEY],
        "requestBody": {"required": True, "content": {"application/json": {"schema": schema}}},
    }


@router.get("/models", summary="Bots as models", responses=refusals(_READS))
async def models(key: Key, gateway: Gateway) -> ModelList:
    """The bots that the key is for."""
    return ModelList(data=[_answer(one) for one in gateway.models(key)])


@router.get(
    "/models/{model}",
    summary="One bot as a model",
    responses=refusals((*_READS, "model_not_found")),
    openapi_extra={"parameters": [_MODEL]},
)
async def model(request: Request, key: Key, gateway: Gateway) -> ModelAnswer:
    """One of them, in any case."""
    return _answer(gateway.model(key, request.path_params["model"]))


@router.post(
    "/chat/completions",
    summary="Say something to a bot",
    response_class=Response,
    responses=refusals(_TALKS) | _ANSWERED,
    openapi_extra=_taking(ChatCompletionBody),
)
async def chat_completions(
    request: Request,
    key: Key,
    gateway: Gateway,
) -> Response:
    """The last message of the user reaches the bot, which remembers all that was said before by itself.

    System prompts and the repeated history are not given to it. Token counts are estimates: bots do not tell.
    """
    question = _forwarded(read_chat(read_json(await _json(request))), request.headers)
    talk = await gateway.begin(key, question, idempotency_key=_idempotency_key(request))
    if question.is_streamed:
        return _stream(chat_format.chunks(gateway, key, talk))
    return await _whole(talk, lambda ending: chat_format.completion(talk, ending))


@router.post(
    "/responses",
    summary="Say something to a bot (Responses API)",
    response_class=Response,
    responses=refusals(_TALKS) | _ANSWERED,
    openapi_extra=_taking(ResponsesBody),
)
async def responses(request: Request, key: Key, gateway: Gateway) -> Response:
    """As `POST /v1/chat/completions`, in the form of the newer API, with text in and text out."""
    asked = read_response(read_json(await _json(request)))
    talk = await gateway.begin(key, asked.question, idempotency_key=_idempotency_key(request))
    if asked.question.is_streamed:
        return _stream(responses_format.events(gateway, key, asked, talk))
    return await _whole(talk, lambda ending: responses_format.response(asked, talk, ending))


async def _json(request: Request) -> bytes:
    """The body. Raises: UnsupportedMedia."""
    if not is_json(request.headers.get("content-type", "")):
        raise UnsupportedMedia("Send application/json.")
    return await request.body()


async def _whole(talk: Talk, made: Callable[[Ending], dict[str, Any]]) -> Response:
    try:
        return Response(orjson.dumps(made(await talk.answer)), media_type="application/json")
    finally:
        talk.close()


def _stream(pieces: AsyncIterator[bytes]) -> StreamingResponse:
    return StreamingResponse(pieces, media_type="text/event-stream", headers=STREAM_HEADERS)


def _forwarded(question: Question, headers: Headers) -> Question:
    """Open WebUI tells in headers of its own who speaks, and in which chat, where it is set to."""
    user = headers.get("x-openwebui-user-id", "")[:MAX_USER_CHARS]
    chat = headers.get("x-openwebui-chat-id", "")[:MAX_CONVERSATION_CHARS]
    return replace(question, user=question.user or user or None, conversation=question.conversation or chat or None)


def _idempotency_key(request: Request) -> str | None:
    given = request.headers.get("idempotency-key")
    return check_text(given, field="Idempotency-Key", max_chars=MAX_CLIENT_ID_CHARS) if given else None


def _answer(model: Model) -> ModelAnswer:
    return ModelAnswer(id=model.name, created=model.created)
