"""What the chat page's component is told: read models and events as small JSON, times as Unix seconds."""

import re
from collections.abc import Iterable
from typing import Any, Final

from chat_api.core.errors import Interrupted, error_of
from chat_api.core.language import _
from chat_api.core.principals import Principal
from chat_api.fleet.service import PublicBot
from chat_api.messages.rendering import render, render_all
from chat_api.messages.schemas import (
    ConversationSummary,
    DeltaEvent,
    EventKind,
    Exchange,
    Message,
    MessageRole,
    StreamEvent,
    StreamPosition,
)
from models import FinishReason, MessageStatus

EXCERPT_CHARS: Final = 120
_FAILED = {MessageStatus.FAILED, MessageStatus.INTERRUPTED}
# The marks of Markdown that are noise in one line of plain text, and those that turn the direction of a text.
_MARKS = re.compile(r"^[ \t]*(?:>[ \t]*|#{1,6} |[-+*] )+|\*\*|~~|`+|[\u202a-\u202e\u2066-\u2069]", re.MULTILINE)

Json = dict[str, Any]


def person_data(principal: Principal, *, has_password: bool) -> Json:
    """Whose page it is, and whether they can come back after they have signed out."""
    return {
        "id": principal.user_id,
        "name": principal.display_name,
        "username": principal.username,
        "is_guest": principal.is_guest,
        "has_password": has_password,
    }


def bot_data(bot: PublicBot) -> Json:
    """One bot of the list."""
    return {
        "name": bot.name,
        "title": bot.display_name,
        "description": bot.description,
        "emoji": bot.emoji,
        "status": bot.status,
    }


def overview_data(summaries: Iterable[ConversationSummary]) -> Json:
    """Each conversation's last line, without its text (the list shows an excerpt), and what of it is unread."""
    return {
        summary.bot_name: {
            "last": _line(summary.last_message),
            "unread": summary.unread_count,
            "read_up_to": summary.read_up_to,
        }
        for summary in summaries
    }


def position_data(position: StreamPosition) -> Json:
    """How far a page has been told its person's stream."""
    return {"epoch": str(position.epoch), "seq": position.seq}


async def message_data(messages: Iterable[Message]) -> list[Json]:
    """Messages with their text, as it was written and as sanitised HTML."""
    shown = tuple(messages)
    rendered = await render_all([message.content for message in shown])
    return [_message(message, html) for message, html in zip(shown, rendered, strict=True)]


def lines_of(exchange: Exchange) -> tuple[Message, ...]:
    """The lines of a conversation that an exchange is: none, one or two, for what was deleted is none."""
    lines = [] if exchange.is_deleted else [exchange.question()]
    answer = None if exchange.is_response_deleted else exchange.answer()
    return (*lines, answer) if answer else tuple(lines)


async def event_data(event: StreamEvent) -> Json:
    """One durable event. Each has its ``seq``, also when there is nothing to show, so that a page sees what it misses.

    An answer or failure does not say again what was asked, only what became of it.
    """
    exchange, payload = event.exchange, event.payload
    data: Json = {"kind": event.kind, "seq": event.seq}
    if exchange is None:  # a read mark
        return data | {"bot": payload["bot_name"], "up_to": payload["up_to"]}
    data |= {"bot": exchange.bot_name, "id": payload.get("message_id", str(exchange.message_id))}
    match event.kind:
        case EventKind.MESSAGE:
            data["lines"] = await message_data(line for line in lines_of(exchange) if line.role is MessageRole.USER)
        case EventKind.ANSWER:
            lines = () if event.is_superseded else lines_of(exchange)
            data["lines"] = await message_data(line for line in lines if line.role is MessageRole.BOT)
            data["question"] = _outcome(exchange)
        case EventKind.FAILED | EventKind.RETRIED:
            data["question"] = _outcome(exchange)
        case EventKind.EDITED:
            data["changes"] = await _edited(exchange)
        case EventKind.REACTION:
            data |= {"emoji": payload["emoji"], "is_added": payload["action"] == "added"}
    return data


def delta_data(event: DeltaEvent) -> Json:
    """A piece of an answer that is being streamed; ``offset`` counts code points."""
    return {
        "kind": "delta",
        "bot": event.bot_name,
        "id": str(event.message_id),
        "reply_to": str(event.reply_to),
        "offset": event.offset,
        "text": event.text,
    }


async def _edited(exchange: Exchange) -> Json:
    """What an edit changes, as of now: of edits that follow each other, each shows the last one's text."""
    question = exchange.question()
    return {
        "text": question.content,
        "html": await render(question.content),
        "excerpt": _excerpt(question.content),
        "version": question.version,
        "edited_at": question.edited_at.timestamp() if question.edited_at else None,
    }


def _outcome(exchange: Exchange) -> Json:
    question = exchange.question()
    return {
        "id": str(question.message_id),
        "status": question.status,
        "code": question.error_code,
        "error": _explanation(question),
    }


def _line(message: Message) -> Json:
    """As much of a line as the list of bots shows."""
    is_silent = message.finish_reason is FinishReason.SILENT
    return {
        "id": str(message.message_id),
        "role": message.role,
        "excerpt": _("Chose not to answer") if is_silent else _excerpt(message.content),
        "at": message.timestamp.timestamp(),
        "seq": message.seq,
        "status": message.status,
    }


def _message(message: Message, html: str) -> Json:
    return _line(message) | {
        "client_id": message.client_msg_id,
        "reply_to": str(message.reply_to) if message.reply_to else None,
        "text": message.content,
        "html": html,
        "code": message.error_code,
        "error": _explanation(message),
        "version": message.version,
        "edited_at": message.edited_at.timestamp() if message.edited_at else None,
        "reactions": message.reactions,
        "ending": "" if message.finish_reason in {None, FinishReason.STOP} else message.finish_reason,
    }


def _explanation(message: Message) -> str:
    if message.role is not MessageRole.USER or message.status not in _FAILED:
        return ""
    return _(error_of(message.error_code or Interrupted.code).public_message)


def _excerpt(text: str) -> str:
    words = " ".join(_MARKS.sub("", text[: 4 * EXCERPT_CHARS]).split())
    return words if len(words) <= EXCERPT_CHARS else words[: EXCERPT_CHARS - 1] + "…"
