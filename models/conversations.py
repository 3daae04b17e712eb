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


class FinishReason(StrEnum):
    """Why an answer ended. An old answer has none: it is whole."""

    STOP = "stop"  # the bot had said all. Source: OpenAI's ``finish_reason``, as bots that stream give it
    STOPPED = "stopped"  # the user stopped it
    SILENT = "silent"  # the bot chose not to answer: there is no text
    TRUNCATED = "truncated"  # the stream broke off, or the process that heard it ended


class MessageType(StrEnum):
    """What a message carries. Source: specification, ``POST /api/chat``."""

    TEXT = "text"
    VOICE = "voice"
    IMAGE = "image"


class MessageSource(StrEnum):
    """By which door a message came, where that is not the chat itself."""

    API = "api"  # with an API key
    GATEWAY = "gateway"  # OpenAI-compatible, ``/v1``


class WebConversation(SQLModel, table=True):
    """One exchange: a user's message and, once there is one, the bot's answer.

    The row is committed before the bot is called. ``id`` is the user's message, ``response_id`` the answer;
    ``seq`` and ``response_seq`` are their places in the user's stream.
    """

    __tablename__ = "web_conversations"
    __table_args__ = (
        # The specified index, and with it the order of a history: one index does the work of two.
        Index("idx_web_conversations_user_bot", "user_id", "bot_name", "seq"),
        Index("idx_web_conversations_timestamp", "timestamp"),
        # A message that waits for its answer is in as few indexes as possible: it is moved when the answer comes.
        Index(
            "idx_web_conversations_response_seq",
            "user_id",
            "bot_name",
            "response_seq",
            postgresql_where=text("response_seq IS NOT NULL"),
        ),
        Index("idx_web_conversations_response", "response_id", postgresql_where=text("response_id IS NOT NULL")),
        Index(
            "uq_web_conversations_client_msg_id",
            "user_id",
            "client_msg_id",
            unique=True,
            postgresql_where=text("client_msg_id IS NOT NULL"),
        ),
        Index("idx_web_conversations_pending", "user_id", "bot_name", postgresql_where=text("status = 'pending'")),
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
    run_seq: int | None = Field(
        default=None, sa_type=BigInteger, description="The event that began the newest call of the bot; else seq."
    )
    finish_reason: str | None = Field(default=None, max_length=16)
    stop_requested_at: datetime | None = timestamptz(nullable=True)
    version: int = Field(default=1, sa_column_kwargs={"server_default": "1"}, description="Grows with every edit.")
    edited_at: datetime | None = timestamptz(nullable=True)
    deleted_at: datetime | None = timestamptz(nullable=True)
    response_deleted_at: datetime | None = timestamptz(nullable=True)
    source: str | None = Field(default=None, max_length=16, description="By which door: none, `api` or `gateway`.")
    api_key_id: UUID | None = Field(default=None)
    client_conversation: str | None = Field(default=None, max_length=100, description="What a client calls it.")


class WebStream(SQLModel, table=True):
    """The counter of one user's stream: taken in the transaction of the event, so commit order is seq order."""

    __tablename__ = "web_streams"

    user_id: str = Field(primary_key=True, max_length=100)
    epoch: UUID
    last_seq: int = Field(default=0, sa_type=BigInteger)
    last_instance: UUID | None = Field(default=None, description="The process that stored this user's last message.")
    previous_instance: UUID | None = Field(default=None, description="The one that stored the message before it.")


class WebThread(SQLModel, table=True):
    """One user's conversation with one bot: what a list of conversations shows without counting."""

    __tablename__ = "web_threads"

    user_id: str = Field(primary_key=True, max_length=100)
    bot_name: str = Field(primary_key=True, max_length=50)
    exchange_count: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})
    read_up_to: int = Field(default=0, sa_type=BigInteger, sa_column_kwargs={"server_default": "0"})


class WebEvent(SQLModel, table=True):
    """One durable event of a user's stream. The texts are in the exchange, what else it says in ``payload``.

    Kept for seven days. Source: protocol, "resumed".
    """

    __tablename__ = "web_events"
    __table_args__ = (Index("idx_web_events_created", "created_at", postgresql_using="brin"),)

    user_id: str = Field(primary_key=True, max_length=100)
    seq: int = Field(primary_key=True, sa_type=BigInteger)
    kind: str = Field(max_length=20)
    conversation_id: UUID | None = Field(default=None)
    created_at: datetime = timestamptz()
    payload: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class WebMessageVersion(SQLModel, table=True):
    """What a message said before it was edited."""

    __tablename__ = "web_message_versions"

    message_id: UUID = Field(primary_key=True, foreign_key="web_conversations.id", ondelete="CASCADE")
    version: int = Field(primary_key=True)
    content: str = Field(sa_type=Text)
    replaced_at: datetime = timestamptz()


class WebReaction(SQLModel, table=True):
    """One emoji of the owner on one message or answer of an exchange."""

    __tablename__ = "web_reactions"

    message_id: UUID = Field(primary_key=True)
    emoji: str = Field(primary_key=True, max_length=32)
    conversation_id: UUID = Field(foreign_key="web_conversations.id", ondelete="CASCADE", index=True)
    created_at: datetime = timestamptz()


class WebInstance(SQLModel, table=True):
    """A process that calls bots, and when it last said so: what tells a running exchange from an interrupted one."""

    __tablename__ = "web_instances"

    id: UUID = Field(primary_key=True)
    started_at: datetime = timestamptz()
    heartbeat_at: datetime = timestamptz()
