"""Messages over REST: send, retry, stop."""

from uuid import UUID

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from chat_api.core.cookies import SESSION_COOKIE
from chat_api.core.errors import InvalidInput
from chat_api.routes.dependencies import AppServices, User, address_of, cookie_of, services_of
from chat_api.routes.errors import BODIES, WRITES, errors
from chat_api.routes.hot import HotRoute, JsonBody, json_response
from chat_api.routes.models import ChatAnswer, ChatBody, StoppedAnswer
from chat_api.schemas.messages import Exchange

router = APIRouter(prefix="/api", tags=["Chat"])

MAX_KEY_CHARS = 100
_body = JsonBody(ChatBody)
_FAILURES = (
    "not_authenticated",
    "not_found",
    "conflict",
    "stopped",
    "rate_limited",
    "unavailable",
    "bot_failed",
    "bot_unavailable",
    "bot_timeout",
)


async def chat(request: Request) -> Response:
    """Store a message, have the bot answer it, and return the answer.

    The message is stored before the bot is called: a failed bot answers 502, 503 or 504 with the stored
    `message_id`, which `POST /api/chat/{message_id}/retry` takes.
    """
    services = services_of(request)
    principal = await services.auth.recognise(_token(request), address=address_of(request))
    body = await _body.read(request)
    exchange = await services.messages.send(
        principal,
        bot_name=body.bot_name,
        content=body.content,
        client_msg_id=_key(request, body),
        message_type=body.message_type,
    )
    return json_response(_answer(exchange))


router.add_api_route(
    "/chat",
    chat,
    methods=["POST"],
    summary="Send a message",
    response_model=ChatAnswer,
    responses=errors(*BODIES, *_FAILURES),
    openapi_extra={
        "security": [{"HTTPBearer": []}, {"APIKeyCookie": []}],
        "parameters": [
            {
                "name": "idempotency-key",
                "in": "header",
                "required": False,
                "schema": {"type": "string", "maxLength": MAX_KEY_CHARS},
                "description": "Twin of `client_msg_id`.",
            }
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": ChatBody.model_json_schema()}}},
    },
    route_class_override=HotRoute,
)


@router.post(
    "/chat/{message_id}/retry",
    summary="Try a failed message again",
    responses=errors(*WRITES, "invalid_input", *_FAILURES),
)
async def retry(message_id: UUID, principal: User, services: AppServices) -> ChatAnswer:
    """Have a failed or interrupted message answered again; an answered one gives its stored answer."""
    exchange = await services.messages.retry(principal, message_id)
    return ChatAnswer.of(await services.messages.result(exchange))


@router.post(
    "/chat/{message_id}/stop",
    summary="Stop an answer",
    responses=errors(*WRITES, "not_authenticated", "not_found", "invalid_input", "unavailable"),
)
async def stop(message_id: UUID, principal: User, services: AppServices) -> StoppedAnswer:
    """Stop the answer to a message. What was streamed of it stays; one that has ended stays as it is."""
    exchange = await services.messages.stop(principal, message_id)
    return StoppedAnswer(
        message_id=str(exchange.message_id),
        status=exchange.status.value,
        response=exchange.response,
        finish_reason=exchange.finish_reason.value if exchange.finish_reason else None,
    )


def _token(request: Request) -> str | None:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else cookie_of(request, SESSION_COOKIE)


def _key(request: Request, body: ChatBody) -> str | None:
    key = request.headers.get("idempotency-key")
    if key is None:
        return body.client_msg_id
    if len(key) > MAX_KEY_CHARS:
        raise InvalidInput(f"idempotency-key: at most {MAX_KEY_CHARS} characters")
    if body.client_msg_id not in {None, key}:
        raise InvalidInput("client_msg_id: differs from the Idempotency-Key header")
    return key


def _answer(exchange: Exchange) -> dict[str, object]:
    """The fields of :class:`ChatAnswer`, past its checks: they come from our own typed exchange."""
    return {
        "message_id": str(exchange.message_id),
        "response": exchange.response,
        "timestamp": exchange.answered_at or exchange.timestamp,
        "bot_name": exchange.bot_name,
        "processing_time": exchange.processing_time or 0.0,
        "response_id": str(exchange.response_id),
        "seq": exchange.response_seq or 0,
        "finish_reason": exchange.finish_reason,
    }
