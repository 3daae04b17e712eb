"""Messages over REST: send, retry, stop."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header

from chat_api.core.errors import InvalidInput
from chat_api.http.dependencies import User, service
from chat_api.http.errors import BODIES, WRITES, errors
from chat_api.messages.bodies import ChatAnswer, ChatBody, StoppedAnswer
from chat_api.messages.fast_path import FastPathRoute
from chat_api.messages.service import MAX_CLIENT_ID_CHARS, MessagesService

router = APIRouter(prefix="/api", tags=["Chat"])

Messages = Annotated[MessagesService, service(MessagesService)]

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


async def chat(
    body: ChatBody,
    principal: User,
    messages: Messages,
    idempotency_key: Annotated[
        str | None, Header(max_length=MAX_CLIENT_ID_CHARS, description="Twin of `client_msg_id`.")
    ] = None,
) -> ChatAnswer:
    """Store a message, have the bot answer it, and return the answer.

    The message is stored before the bot is called: a failed bot answers 502, 503 or 504 with the stored
    `message_id`, which `POST /api/chat/{message_id}/retry` takes.
    """
    if idempotency_key is not None and body.client_msg_id not in {None, idempotency_key}:
        raise InvalidInput("differs from the Idempotency-Key header", field="client_msg_id")
    exchange = await messages.send(
        principal,
        bot_name=body.bot_name,
        content=body.content,
        client_msg_id=body.client_msg_id if idempotency_key is None else idempotency_key,
        message_type=body.message_type,
    )
    return ChatAnswer.of(exchange)


router.add_api_route(
    "/chat",
    chat,
    methods=["POST"],
    summary="Send a message",
    responses=errors(*BODIES, *_FAILURES),
    route_class_override=FastPathRoute,
)


@router.post(
    "/chat/{message_id}/retry",
    summary="Try a failed message again",
    responses=errors(*WRITES, "invalid_input", *_FAILURES),
)
async def retry(message_id: UUID, principal: User, messages: Messages) -> ChatAnswer:
    """Have a message answered again that failed or whose answer was cut off; any other gives its stored answer."""
    exchange = await messages.retry(principal, message_id)
    return ChatAnswer.of(await messages.result(exchange))


@router.post(
    "/chat/{message_id}/stop",
    summary="Stop an answer",
    responses=errors(*WRITES, "not_authenticated", "not_found", "invalid_input", "unavailable"),
)
async def stop(message_id: UUID, principal: User, messages: Messages) -> StoppedAnswer:
    """Stop the answer to a message. What was streamed of it stays; one that has ended stays as it is."""
    exchange = await messages.stop(principal, message_id)
    return StoppedAnswer(
        message_id=str(exchange.message_id),
        status=exchange.status.value,
        response=exchange.response,
        finish_reason=exchange.finish_reason.value if exchange.finish_reason else None,
    )
