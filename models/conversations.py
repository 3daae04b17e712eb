"""Exchanges with bots and the durable stream of events they make. Source: specification, "Web Conversations"."""

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlmodel import Field, SQLModel

from models.columns import timestamptz


class MessageStatus(StrEnum):
    """Where an exchange stands. Everything but ``pending`` is final until somebody retries."""

    PENDING = "pending"
    ANSWERED = "answered"
    FAILED = "failed"
    INTERRUPTED = "interrupted"


class MessageType(StrEnum):
    """What a message carries. Source: specification, ``POST /api/chat``."""

    TEXT = "text"
    VOICE = "voice"
    IMAGE = "image"


class WebConversation(SQLModel, table=True):
    """One exchange: a user's message and, once there is one, the bot's answer.

    The row is committed before the bot is called. ``id`` is the user's message, ``response_id`` the answer;
    ``seq`` and ``response_seq`` are their places in the user's stream.
    """

    __tablename__ = "web_conversations"
    __table_args__ = (
        Index("idx_web_conversations_user_bot", "user_id", "bot_name"),
        Index("idx_web_conversations_timestamp", "timestamp"),
        Index("idx_web_conversations_seq", "user_id", "bot_name", "seq"),
        Index("idx_web_conversations_response_seq", "user_id", "bot_name", "response_seq"),
        Index("uq_web_conversations_client_msg_id", "user_id", "client_msg_id", unique=True),
        Index("idx_web_conversations_pending", "instance_id", postgresql_where=text("status = 'pending'")),
    )

    id: UUID = Field(primary_key=True)
    user_id: str = Field(max_length=100)
    bot_name: str = Field(max_length=50)
    user_message: str = Field(sa_type=Text)
    bot_response: str = Field(default="", sa_type=Text)
    timestamp: datetime = timestamptz()
    processing_time: float | None = Field(default=None)
    message_type: str = Field(default=MessageType.TEXT, max_length=20)
    # SQLAlchemy keeps the attribute name "metadata" for itself; the column is named as specified.
    details: dict[str, Any] | None = Field(default=None, sa_type=JSONB, sa_column_kwargs={"name": "metadata"})
    status: str = Field(default=MessageStatus.PENDING, max_length=16)
    seq: int = Field(sa_type=BigInteger)
    response_id: UUID | None = Field(default=None)
    response_seq: int | None = Field(default=None, sa_type=BigInteger)
    client_msg_id: str | None = Field(default=None, max_length=100)
    request_hash: bytes | None = Field(default=None, sa_type=LargeBinary)
    answered_at: datetime | None = timestamptz(nullable=True)
    error_code: str | None = Field(default=None, max_length=40)
    instance_id: UUID | None = Field(default=None, description="The process that calls the bot.")


class WebStream(SQLModel, table=True):
    """The counter of one user's stream: taken in the transaction of the event, so commit order is seq order."""

    __tablename__ = "web_streams"

    user_id: str = Field(primary_key=True, max_length=100)
    epoch: UUID
    last_seq: int = Field(default=0, sa_type=BigInteger)


class WebEvent(SQLModel, table=True):
    """One durable event of a user's stream: ``message``, ``answer`` or ``failed``; its text is in the exchange."""

    __tablename__ = "web_events"
    __table_args__ = (Index("idx_web_events_created", "created_at"),)

    user_id: str = Field(primary_key=True, max_length=100)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(max_length=20)
    conversation_id: UUID
    created_at: datetime = timestamptz()


class WebInstance(SQLModel, table=True):
    """A process that calls bots, and when it last said so: what tells a running exchange from an interrupted one."""

    __tablename__ = "web_instances"

    id: UUID = Field(primary_key=True)
    started_at: datetime = timestamptz()
    heartbeat_at: datetime = timestamptz()
