"""Other people's conversations over HTTP: found without a word of them, read for a reason that is recorded."""

from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import StreamingResponse

from chat_api.http.dependencies import Admin, BotName, Exporter, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import attachment
from chat_api.people.bodies import ReasonBody
from chat_api.transcripts.bodies import (
    ExportBody,
    ReadTranscriptBody,
    SearchBody,
)
from chat_api.transcripts.schemas import Deletion, Finds, Search, TranscriptPage
from chat_api.transcripts.service import TranscriptsService

router = APIRouter(prefix="/api/admin/conversations", tags=["Conversations of people"])
_ERRORS = errors(*CONSOLE, *BODIES, "not_found")
_FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/markdown": {"schema": {"type": "string"}}, "application/json": {}}}
}
UserId = Annotated[str, Path(min_length=1, max_length=255)]

Transcripts = Annotated[TranscriptsService, service(TranscriptsService)]


@router.post("/search", summary="Find conversations", responses=_ERRORS)
async def search(body: SearchBody, principal: Admin, transcripts: Transcripts) -> Finds:
    """By person, bot, time and words; words need a reason. One call looks at 20,000 exchanges, newest first."""
    wanted = Search(user=body.user, bot_name=body.bot_name, words=body.words, since=body.since, until=body.until)
    return await transcripts.find(principal, wanted, reason=body.reason)


@router.post("/{user_id}/{bot_name}/read", summary="Read a conversation", responses=_ERRORS)
async def read(
    user_id: UserId, bot_name: BotName, body: ReadTranscriptBody, principal: Admin, transcripts: Transcripts
) -> TranscriptPage:
    """A page of it, newest first. The reason is kept in the audit trail, the text is not."""
    return await transcripts.read(
        principal, user_id, bot_name, reason=body.reason, before=body.before, limit=body.limit
    )


@router.post("/{user_id}/{bot_name}/export", summary="Export a conversation", responses=_ERRORS | _FILE)
async def export(
    user_id: UserId, bot_name: BotName, body: ExportBody, principal: Exporter, transcripts: Transcripts
) -> StreamingResponse:
    """All of it, oldest first, as JSON or as Markdown. The reason is kept in the audit trail."""
    pieces = await transcripts.export(principal, user_id, bot_name, reason=body.reason, kind=body.format)
    suffix, media_type = ("md", "text/markdown") if body.format == "markdown" else ("json", "application/json")
    return StreamingResponse(pieces, media_type=media_type, headers=attachment(f"conversation.{suffix}"))


@router.post("/{user_id}/{bot_name}/delete", summary="Delete a conversation", responses=_ERRORS)
async def delete(
    user_id: UserId, bot_name: BotName, body: ReasonBody, principal: Admin, transcripts: Transcripts
) -> Deletion:
    """The texts of all its messages are erased, as their owner could; open tabs of the owner see it at once."""
    return await transcripts.delete(principal, user_id, bot_name, reason=body.reason)
