"""Histories over REST, and what their owners do to them."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from chat_api.http.base_models import Success
from chat_api.http.dependencies import LimitedUser, User, service
from chat_api.http.errors import BODIES, WRITES, errors
from chat_api.messages.bodies import (
    ConversationList,
    EditBody,
    ReadBody,
)
from chat_api.messages.edits_and_reactions import MAX_EMOJI_CHARS, EditsService
from chat_api.messages.schemas import MessageDetails, MessagePage, StreamPosition
from chat_api.messages.service import MAX_PAGE, MessagesService

router = APIRouter(prefix="/api", tags=["Chat"])

Changes = Annotated[EditsService, service(EditsService)]
Messages = Annotated[MessagesService, service(MessagesService)]

BotName = Annotated[str, Path(min_length=1, max_length=50, examples=["elena"])]
Emoji = Annotated[str, Path(min_length=1, max_length=MAX_EMOJI_CHARS, examples=["👍"])]
_READS = ("not_authenticated", "rate_limited", "unavailable")
_CHANGES = (*WRITES, "not_authenticated", "not_found", "invalid_input", "rate_limited", "unavailable")


@router.get("/conversations", summary="Your conversations", responses=errors(*_READS))
async def conversations(principal: LimitedUser, messages: Messages) -> ConversationList:
    """The bots you have talked with, the most recent first, each with the last thing said."""
    return ConversationList(conversations=await messages.conversations(principal))


@router.get(
    "/conversations/{bot_name}/messages",
    summary="One conversation's history",
    responses=errors(*_READS, "not_found", "invalid_input"),
)
async def messages(
    bot_name: BotName,
    principal: LimitedUser,
    messages: Messages,
    before: Annotated[int | None, Query(ge=1, le=2**62, description="`next_before` of the last page.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50,
) -> MessagePage:
    """Messages newest first; pass `next_before` as `before` to go back in time. What was deleted is left out."""
    return await messages.history(principal, bot_name, before=before, limit=limit)


@router.put("/conversations/{bot_name}/read", summary="Mark as read", responses=errors(*BODIES, *_CHANGES))
async def mark_read(bot_name: BotName, body: ReadBody, principal: User, changes: Changes) -> Success:
    """Mark all answers up to a position in your stream as read; the mark only moves forward."""
    await changes.mark_read(principal, bot_name, up_to=body.seq)
    return Success()


@router.get("/stream", summary="Where your stream stands", responses=errors(*_READS))
async def stream(principal: LimitedUser, messages: Messages) -> StreamPosition:
    """The position of the last event of your stream: read histories after this, and follow the WebSocket from here."""
    return await messages.position(principal)


@router.get("/messages/{message_id}", summary="One message", responses=errors(*_READS, "not_found", "invalid_input"))
async def message(message_id: UUID, principal: LimitedUser, changes: Changes) -> MessageDetails:
    """One message or answer, with what it said before it was edited."""
    return await changes.details(principal, message_id)


@router.patch("/messages/{message_id}", summary="Edit a message", responses=errors(*BODIES, *_CHANGES, "conflict"))
async def edit(message_id: UUID, body: EditBody, principal: User, changes: Changes) -> MessageDetails:
    """Give an own message another text; earlier versions are kept, and the bot is not asked again.

    `version` is the one you edited: if it is not the current one, 409 says which is (`current_version`).
    """
    await changes.edit(principal, message_id, content=body.content, version=body.version)
    return await changes.details(principal, message_id)


@router.delete("/messages/{message_id}", summary="Delete a message", responses=errors(*_CHANGES, "conflict"))
async def delete(message_id: UUID, principal: User, changes: Changes) -> Success:
    """Erase the text of a message or an answer for good. 409 while it is being answered: stop that first."""
    await changes.delete(principal, message_id)
    return Success()


@router.put(
    "/messages/{message_id}/reactions/{emoji}", summary="React to a message", responses=errors(*_CHANGES, "conflict")
)
async def react(message_id: UUID, emoji: Emoji, principal: User, changes: Changes) -> Success:
    """Put an emoji on a message or an answer; twice is once."""
    await changes.react(principal, message_id, emoji)
    return Success()


@router.delete("/messages/{message_id}/reactions/{emoji}", summary="Take a reaction back", responses=errors(*_CHANGES))
async def unreact(message_id: UUID, emoji: Emoji, principal: User, changes: Changes) -> Success:
    """Take an emoji away; one that is not there is no error."""
    await changes.unreact(principal, message_id, emoji)
    return Success()
