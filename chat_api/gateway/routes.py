"""The OpenAI-compatible doors, for API keys alone."""

from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import Response, StreamingResponse

from chat_api.core.errors import NotAuthenticated, UnsupportedMedia, error_of
from chat_api.core.principals import Principal
from chat_api.core.security import is_api_key
from chat_api.gateway import chat_format, responses_format
from chat_api.gateway.bodies import ChatCompletionBody, ModelAnswer, ModelList, OpenAIErrorBody, ResponsesBody
from chat_api.gateway.reading import read_chat, read_json, read_response
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


async def api_key(request: Request, bearer: Bearer) -> Principal:
    """Whom the key of this request stands for. Raises: NotAuthenticated, RateLimited."""
    if bearer is None or not is_api_key(bearer.credentials):
        raise NotAuthenticated("Send an API key as “Authorization: Bearer wk_…”.")
    return await by_api_key(request, bearer.credentials)


Key = Annotated[Principal, Depends(api_key)]
IdempotencyKey = Annotated[str | None, Header(max_length=MAX_CLIENT_ID_CHARS, description="Sent twice, said once.")]
ForwardedUser = Annotated[str | None, Header(include_in_schema=False, max_length=256)]
ForwardedChat = Annotated[str | None, Header(include_in_schema=False, max_length=100)]


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
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


@router.get("/models", summary="Bots as models", responses=refusals(_READS))
async def models(key: Key, gateway: Gateway) -> ModelList:
    """The bots that the key is for."""
    return ModelList(data=[_answer(one) for one in gateway.models(key)])


@router.get("/models/{model}", summary="One bot as a model", responses=refusals((*_READS, "model_not_found")))
async def model(model: str, key: Key, gateway: Gateway) -> ModelAnswer:
    """One of them, in any case."""
    return _answer(gateway.model(key, model))


@router.post(
    "/chat/completions",
    summary="Say something to a bot",
    response_class=Response,
    responses=refusals(_TALKS) | {200: {"description": "The answer, whole or as server-sent events."}},
    openapi_extra=_taking(ChatCompletionBody),
)
async def chat_completions(
    request: Request,
    key: Key,
    gateway: Gateway,
    idempotency_key: IdempotencyKey = None,
    x_openwebui_user_id: ForwardedUser = None,
    x_openwebui_chat_id: ForwardedChat = None,
) -> Response:
    """The last message of the user reaches the bot, which remembers all that was said before by itself.

    System prompts and the repeated history are not given to it. Token counts are estimates: bots do not tell.
    """
    question = _forwarded(read_chat(read_json(await _json(request))), x_openwebui_user_id, x_openwebui_chat_id)
    talk = await gateway.begin(key, question, idempotency_key=idempotency_key)
    if question.is_streamed:
        return _stream(chat_format.chunks(gateway, key, talk))
    return await _whole(talk, lambda ending: chat_format.completion(talk, ending))


@router.post(
    "/responses",
    summary="Say something to a bot (Responses API)",
    response_class=Response,
    responses=refusals(_TALKS) | {200: {"description": "The response, whole or as server-sent events."}},
    openapi_extra=_taking(ResponsesBody),
)
async def responses(request: Request, key: Key, gateway: Gateway, idempotency_key: IdempotencyKey = None) -> Response:
    """As `POST /v1/chat/completions`, in the form of the newer API, with text in and text out."""
    asked = read_response(read_json(await _json(request)))
    talk = await gateway.begin(key, asked.question, idempotency_key=idempotency_key)
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


def _forwarded(question: Question, user: str | None, chat: str | None) -> Question:
    """Open WebUI tells in headers of its own who speaks, and in which chat, where it is set to."""
    return replace(question, user=question.user or user, conversation=question.conversation or chat)


def _answer(model: Model) -> ModelAnswer:
    return ModelAnswer(id=model.name, created=model.created)
