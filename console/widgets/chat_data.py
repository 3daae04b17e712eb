"""What the chat page's component is told: read models as small JSON, times as Unix seconds."""

import re
from collections.abc import Iterable
from typing import Any, Final

from chat_api.core.errors import Interrupted, error_of
from chat_api.schemas.messages import ConversationSummary, Exchange, Message, MessageRole
from chat_api.schemas.principals import Principal
from chat_api.services.fleet import PublicBot
from chat_api.services.rendering import render_all
from models import MessageStatus

EXCERPT_CHARS: Final = 120
_FAILED = {MessageStatus.FAILED, MessageStatus.INTERRUPTED}
# The marks of Markdown that are noise in one line of plain text, and those that turn the direction of a text.
_MARKS = re.compile(r"^[ \t]*(?:>[ \t]*|#{1,6} |[-+*] )+|\*\*|~~|`+|[\u202a-\u202e\u2066-\u2069]", re.MULTILINE)

Json = dict[str, Any]


def person_data(principal: Principal) -> Json:
    """Whose page it is."""
    return {"id": principal.user_id, "name": principal.display_name, "is_guest": principal.is_guest}


def bot_data(bot: PublicBot) -> Json:
    """One bot of the list."""
    return {
        "name": bot.name,
        "title": bot.display_name,
        "description": bot.description,
        "emoji": bot.emoji,
        "status": bot.status,
    }


def last_data(summaries: Iterable[ConversationSummary]) -> Json:
    """The last message of each conversation, without its text: the list shows an excerpt."""
    return {summary.bot_name: _message(summary.last_message) for summary in summaries}


async def message_data(messages: Iterable[Message]) -> list[Json]:
    """Messages with their text as sanitised HTML."""
    shown = tuple(messages)
    rendered = await render_all([message.content for message in shown])
    return [{**_message(message), "html": html} for message, html in zip(shown, rendered, strict=True)]


def messages_of(exchange: Exchange) -> tuple[Message, ...]:
    """The one or two lines of a conversation that an exchange is."""
    answer = exchange.answer()
    return (exchange.question(), answer) if answer else (exchange.question(),)


def _message(message: Message) -> Json:
    return {
        "id": str(message.message_id),
        "client_id": message.client_msg_id,
        "role": message.role,
        "excerpt": _excerpt(message.content),
        "at": message.timestamp.timestamp(),
        "seq": message.seq,
        "status": message.status,
        "error": _explanation(message),
    }


def _explanation(message: Message) -> str:
    if message.role is not MessageRole.USER or message.status not in _FAILED:
        return ""
    return error_of(message.error_code or Interrupted.code).public_message


def _excerpt(text: str) -> str:
    words = " ".join(_MARKS.sub("", text[: 4 * EXCERPT_CHARS]).split())
    return words if len(words) <= EXCERPT_CHARS else words[: EXCERPT_CHARS - 1] + "…"
