"""Messages and histories over REST."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query

from chat_api.core.errors import InvalidInput
from chat_api.routes.dependencies import AppServices, LimitedUser, User
from chat_api.routes.errors import BODIES, WRITES, errors
from chat_api.routes.models import (
    ChatAnswer,
    ChatBody,
    ConversationEntry,
    ConversationList,
    MessageEntry,
    MessageList,
)
from chat_api.services.messages import MAX_PAGE

router = APIRouter(prefix="/api", tags=["Chat"])

BotName = Annotated[str, Path(min_length=1, max_length=50, examples=["elena"])]
_FAILURES = (
    "not_authenticated",
    "not_found",
    "conflict",
    "rate_limited",
    "unavailable",
    "bot_failed",
    "bot_unavailable",
    "bot_timeout",
)


@router.post("/chat", summary="Send a message", responses=errors(*BODIES, *_FAILURES))
async def chat(
    body: ChatBody,
    principal: User,
    services: AppServices,
    idempotency_key: Annotated[str | None, Header(max_length=100, description="Twin of `client_msg_id`.")] = None,
) -> ChatAnswer:
    """Store a message, have the bot answer it, and return the answer.

    The message is stored before the bot is called: a failed bot answers 502, 503 or 504 with the stored
    `message_id`, which `POST /api/chat/{message_id}/retry` takes.
    """
    if idempotency_key is not None and body.client_msg_id not in {None, idempotency_key}:
        raise InvalidInput("client_msg_id: differs from the Idempotency-Key header")
    exchange = await services.messages.send(
        principal,
        bot_name=body.bot_name,
        content=body.content,
        client_msg_id=idempotency_key or body.client_msg_id,
        message_type=body.message_type,
    )
    return ChatAnswer.of(exchange)


@router.post(
    "/chat/{message_id}/retry",
    summary="Try a failed message again",
    responses=errors(*WRITES, "invalid_input", *_FAILURES),
)
async def retry(message_id: UUID, principal: User, services: AppServices) -> ChatAnswer:
    """Have a failed or interrupted message answered again; an answered one gives its stored answer."""
    exchange = await services.messages.retry(principal, message_id)
    return ChatAnswer.of(await services.messages.result(exchange))


@router.get(
    "/conversations",
    summary="Your conversations",
    responses=errors("not_authenticated", "rate_limited", "unavailable"),
)
async def conversations(principal: LimitedUser, services: AppServices) -> ConversationList:
    """The bots you have talked with, the most recent first, each with the last thing said."""
    return ConversationList(
        conversations=[
            ConversationEntry(
                bot_name=summary.bot_name,
                exchange_count=summary.exchange_count,
                last_message=MessageEntry.of(summary.last_message),
            )
            for summary in await services.messages.conversations(principal)
        ]
    )


@router.get(
    "/conversations/{bot_name}/messages",
    summary="One conversation's history",
    responses=errors("not_authenticated", "not_found", "invalid_input", "rate_limited", "unavailable"),
)
async def messages(
    bot_name: BotName,
    principal: LimitedUser,
    services: AppServices,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="`next_before` of the last page.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> MessageList:
    """Messages newest first; pass `next_before` as `before` to go back in time."""
    page = await services.messages.history(principal, bot_name, before=before, limit=limit)
    return MessageList(messages=[MessageEntry.of(message) for message in page.messages], next_before=page.next_before)
