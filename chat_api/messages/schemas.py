"""Exchanges, messages and the events of a user's stream."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.core.read_models import ReadModel
from models import FinishReason, MessageSource, MessageStatus


class EventKind(StrEnum):
    """The kinds of durable event, in the user's stream and in ``web_events``."""

    MESSAGE = "message"
    ANSWER = "answer"
    FAILED = "failed"
    RETRIED = "retried"
    EDITED = "edited"
    DELETED = "deleted"
    REACTION = "reaction"
    READ = "read"


class MessageRole(StrEnum):
    """Who said it."""

    USER = "user"
    BOT = "bot"


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """A user's message and, once there is one, the bot's answer. Times are UTC, ``processing_time`` seconds.

    ``run_seq`` is the event that started the latest call of the bot: outcomes of earlier calls are ignored.
    """

    message_id: UUID
    user_id: str
    bot_name: str
    content: str
    message_type: str
    status: MessageStatus
    seq: int
    run_seq: int
    timestamp: datetime
    client_msg_id: str | None = None
    response: str = ""
    response_id: UUID | None = None
    response_seq: int | None = None
    answered_at: datetime | None = None
    processing_time: float | None = None
    error_code: str | None = None
    finish_reason: FinishReason | None = None
    version: int = 1
    edited_at: datetime | None = None
    is_deleted: bool = False
    is_response_deleted: bool = False

    @property
    def can_be_retried(self) -> bool:
        """Whether the bot may be asked again: there is no answer, or only a partial one."""
        is_cut_off = self.finish_reason is FinishReason.TRUNCATED and not self.is_response_deleted
        return self.status in {MessageStatus.FAILED, MessageStatus.INTERRUPTED} or (
            self.status is MessageStatus.ANSWERED and is_cut_off
        )

    def question(self, *, reactions: tuple[str, ...] = ()) -> "Message":
        """The user's line of a history."""
        return Message(
            message_id=self.message_id,
            bot_name=self.bot_name,
            role=MessageRole.USER,
            content=self.content,
            timestamp=self.timestamp,
            seq=self.seq,
            status=self.status,
            error_code=self.error_code,
            client_msg_id=self.client_msg_id,
            version=self.version,
            edited_at=self.edited_at,
            reactions=reactions,
        )

    def answer(self, *, reactions: tuple[str, ...] = ()) -> "Message | None":
        """The bot's line of a history, if it has answered."""
        if self.response_id is None or self.response_seq is None:
            return None
        return Message(
            message_id=self.response_id,
            bot_name=self.bot_name,
            role=MessageRole.BOT,
            content=self.response,
            timestamp=self.answered_at or self.timestamp,
            seq=self.response_seq,
            status=self.status,
            reply_to=self.message_id,
            finish_reason=self.finish_reason,
            reactions=reactions,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """By which door a message came that did not come by the chat itself, and what its client calls the conversation."""

    source: MessageSource
    key_id: UUID | None = None
    conversation: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMessage:
    """A checked message that is not stored yet.

    ``request_hash`` tells a repeated request from a different one with the same key.
    """

    message_id: UUID
    user_id: str
    bot_name: str
    content: str
    message_type: str
    client_msg_id: str | None = None
    request_hash: bytes | None = None
    came_by: Origin | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Acceptance:
    """The result of storing a message. ``is_shared``: another process stored this user's previous message."""

    seq: int
    timestamp: datetime
    is_shared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How a call of the bot ended: an answer (``response_id`` is set), or a failure with its ``error_code``."""

    message_id: UUID
    run_seq: int
    status: MessageStatus
    response: str = ""
    response_id: UUID | None = None
    processing_time_s: float | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)
    finish_reason: FinishReason | None = None
    error_code: str | None = None

    @property
    def kind(self) -> EventKind:
        """The kind of event it produces."""
        return EventKind.FAILED if self.response_id is None else EventKind.ANSWER


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """An accepted message: new, or the stored duplicate of an earlier request."""

    exchange: Exchange
    is_duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(ReadModel):
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
    reply_to: Annotated[UUID | None, Field(description="Of an answer: the message it answers.")] = None
    finish_reason: Annotated[
        FinishReason | None,
        Field(
            description="Of an answer: `stopped` by you, `silent`: the bot chose not to answer, or `truncated`: it"
            " broke off, and this is what had come."
        ),
    ] = None
    version: int = 1
    edited_at: datetime | None = None
    reactions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageVersion(ReadModel):
    """What a message said before it was edited."""

    version: int
    content: str
    replaced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageDetails(Message):
    """One line of a history with what it said before it was edited."""

    versions: tuple[MessageVersion, ...]

    @classmethod
    def of(cls, line: Message, versions: tuple[MessageVersion, ...]) -> "MessageDetails":
        """A line and what it said before, oldest first."""
        return cls(**{field.name: getattr(line, field.name) for field in fields(line)}, versions=versions)


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagePage(ReadModel):
    """One page of a history, newest first."""

    messages: tuple[Message, ...]
    next_before: Annotated[
        int | None, Field(description="Pass as `before` for the page before this one; null at the start.")
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationSummary(ReadModel):
    """One bot that a user has talked with, and the last thing said."""

    bot_name: str
    last_message: Message
    exchange_count: int
    read_up_to: int
    unread_count: Annotated[int, Field(description="Answers that were not marked as read, at most 100.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamPosition(ReadModel):
    """Where a user's stream stands."""

    epoch: Annotated[UUID, Field(description="Changes when the stream begins anew.")]
    seq: Annotated[int, Field(description="The position of its last event.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamEvent:
    """Something durable that happened in a user's stream.

    ``exchange`` is as of now (none for a read mark), ``payload`` what else the event says. ``origin`` is the
    connection that caused it, known in its own process only.
    """

    user_id: str
    seq: int
    kind: EventKind
    exchange: Exchange | None = None
    payload: Mapping[str, object] = field(default_factory=dict)
    origin: str | None = None

    @property
    def is_superseded(self) -> bool:
        """Whether it is about a cut-off answer that was replaced by a retry."""
        return self.kind is EventKind.ANSWER and self.exchange is not None and self.exchange.response_seq != self.seq


@dataclass(frozen=True, slots=True, kw_only=True)
class TypingEvent:
    """A bot started or stopped typing; live only. ``is_lasting``: it has been typing for a while."""

    user_id: str
    bot_name: str
    is_typing: bool
    is_lasting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DeltaEvent:
    """A piece of a streaming answer, starting at character ``offset``; live only."""

    user_id: str
    bot_name: str
    message_id: UUID
    reply_to: UUID
    offset: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GapEvent:
    """The stream continues after a gap: the events in between are no longer available."""

    user_id: str


LiveEvent = TypingEvent | DeltaEvent | GapEvent
