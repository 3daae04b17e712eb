"""Exchanges, messages and the events of a user's stream."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from models import MessageStatus


class EventKind(StrEnum):
    """The kinds of durable event, in the user's stream and in ``web_events``."""

    MESSAGE = "message"
    ANSWER = "answer"
    FAILED = "failed"
    RETRIED = "retried"


class MessageRole(StrEnum):
    """Who said it."""

    USER = "user"
    BOT = "bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A user's message and, once there is one, the bot's answer. Times are UTC, ``processing_time`` seconds."""

    message_id: UUID
    user_id: str
    bot_name: str
    content: str
    message_type: str
    status: MessageStatus
    seq: int
    timestamp: datetime
    client_msg_id: str | None = None
    response: str = ""
    response_id: UUID | None = None
    response_seq: int | None = None
    answered_at: datetime | None = None
    processing_time: float | None = None
    error_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An accepted message: stored, and either new or the stored twin of an earlier request."""

    exchange: Exchange
    is_duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One line of a history."""

    message_id: UUID
    bot_name: str
    role: MessageRole
    content: str
    timestamp: datetime
    seq: int
    status: MessageStatus
    error_code: str | None = None
    client_msg_id: str | None = None
    reply_to: UUID | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage:
    """Messages of one conversation, newest first; ``next_before`` continues it, ``None`` at its beginning."""

    messages: tuple[Message, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSummary:
    """One bot a user has talked with, and the last thing said."""

    bot_name: str
    last_message: Message
    exchange_count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """Something durable that happened in a user's stream."""

    user_id: str
    seq: int
    kind: EventKind
    exchange: Exchange


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingEvent:
    """A bot began or stopped to answer; live only."""

    user_id: str
    bot_name: str
    is_typing: bool
