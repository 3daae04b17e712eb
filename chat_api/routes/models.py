"""What the API takes and gives, as OpenAPI describes it: what all doors share, and those of the chat."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictInt, StrictStr

from chat_api.schemas.messages import Exchange, MessageDetails
from chat_api.services.messages import MAX_MESSAGE_CHARS


class Body(BaseModel):
    """A request body. Unknown keys are ignored, as base clients may send more; types are never coerced."""

    model_config = ConfigDict(strict=True, extra="ignore")


class Answer(BaseModel):
    """What the API gives. Made of a service's value by the names of its fields, with ``model_validate``."""

    model_config = ConfigDict(from_attributes=True, populate_by_name=True)


# The id of something, a UUID here, as any text to those who read it.
TextId = Annotated[str, BeforeValidator(str)]
# A time in a body: from JSON it is a text, which a strict type would refuse.
Moment = Annotated[AwareDatetime, Field(strict=False)]


class ErrorDetail(BaseModel):
    """One error."""

    model_config = ConfigDict(extra="allow")

    code: str = Field(description="Stable name of the error.", examples=["not_authenticated"])
    message: str = Field(description="What to tell a person.", examples=["Please sign in."])
    request_id: str = Field(description="Reference for the operator's log.", examples=["a91f0c4be2d17730"])


class ErrorBody(BaseModel):
    """How every error looks."""

    error: ErrorDetail


class Success(Answer):
    """It is done."""

    success: bool = True


class BotEntry(Answer):
    """One bot. Source: specification, ``GET /api/bots``."""

    name: str = Field(examples=["elena"])
    display_name: str = Field(examples=["Elena Rodriguez"])
    description: str = Field(examples=["Marine biologist AI companion"])
    emoji: str = Field(examples=["🌊"])
    status: Literal["online", "offline", "busy"]


class BotList(Answer):
    """The fleet."""

    bots: list[BotEntry]


class ChatBody(Body):
    """A message to a bot."""

    content: StrictStr = Field(min_length=1, max_length=MAX_MESSAGE_CHARS, examples=["Hi Elena!"])
    bot_name: StrictStr = Field(min_length=1, max_length=50, examples=["elena"])
    message_type: Literal["text", "voice", "image"] = Field("text", examples=["text"])
    client_msg_id: Annotated[StrictStr, Field(min_length=1, max_length=100)] | None = Field(
        None,
        description="Your own id: the same one again gives the stored answer. Twin of `Idempotency-Key`.",
        examples=["0190d0f2-7c1e"],
    )


class ChatAnswer(BaseModel):
    """A bot's answer. Source: specification, ``POST /api/chat``."""

    message_id: str = Field(description="The id of the stored message that was answered.")
    response: str
    timestamp: datetime
    bot_name: str
    processing_time: float = Field(description="Seconds the bot took.")
    response_id: str = Field(description="The id of the answer in the history.")
    seq: int = Field(description="The answer's place in your stream.")
    finish_reason: Literal["stop", "stopped", "truncated"] | None = Field(
        "stop", description="`stopped` by you, or `truncated`: it broke off, and this is what had come."
    )

    @classmethod
    def of(cls, exchange: Exchange) -> "ChatAnswer":
        """The answer of an answered exchange, past the checks: its values are typed already."""
        return cls.model_construct(
            message_id=str(exchange.message_id),
            response=exchange.response,
            timestamp=exchange.answered_at or exchange.timestamp,
            bot_name=exchange.bot_name,
            processing_time=exchange.processing_time or 0.0,
            response_id=str(exchange.response_id),
            seq=exchange.response_seq or 0,
            finish_reason=exchange.finish_reason.value if exchange.finish_reason else None,
        )


class StoppedAnswer(BaseModel):
    """What became of a message whose answer was stopped."""

    message_id: str
    status: Literal["pending", "answered", "failed", "interrupted"]
    response: str = Field(description="What was streamed of the answer; it stays.")
    finish_reason: Literal["stop", "stopped", "truncated"] | None = None


class EditBody(Body):
    """Another text for a message."""

    content: StrictStr = Field(min_length=1, max_length=MAX_MESSAGE_CHARS, examples=["Hi Elena, how are you?"])
    version: StrictInt = Field(ge=1, le=2**31 - 1, description="The version that was edited.", examples=[1])


class ReadBody(Body):
    """How far was read."""

    seq: StrictInt = Field(ge=0, le=2**62, description="The place in your stream.", examples=[42])


class StreamAnswer(Answer):
    """Where a stream stands."""

    epoch: TextId = Field(description="Changes when the stream begins anew.")
    seq: int


class MessageEntry(Answer):
    """One line of a history."""

    message_id: TextId
    bot_name: str
    role: Literal["user", "bot"]
    content: str
    timestamp: datetime
    status: Literal["pending", "answered", "failed", "interrupted"]
    seq: int
    error_code: str | None = None
    client_msg_id: str | None = None
    reply_to: TextId | None = Field(None, description="Of an answer: the message it answers.")
    finish_reason: Literal["stop", "stopped", "truncated"] | None = Field(
        None, description="Of an answer: `stopped` by you, or `truncated`: it broke off, and this is what had come."
    )
    version: int = 1
    edited_at: datetime | None = None
    reactions: list[str] = []


class VersionEntry(Answer):
    """What a message said before it was edited."""

    version: int
    content: str
    replaced_at: datetime


class MessageDetailsAnswer(MessageEntry):
    """One message with its history."""

    versions: list[VersionEntry]

    @classmethod
    def of(cls, details: MessageDetails) -> "MessageDetailsAnswer":
        """The message as JSON gives it."""
        return cls(**dict(MessageEntry.model_validate(details.line)), versions=details.versions)


class MessageList(Answer):
    """One page of a history, newest first."""

    messages: list[MessageEntry]
    next_before: int | None = Field(description="Pass as `before` for the page before this one; null at the start.")


class ConversationEntry(Answer):
    """One bot you have talked with."""

    bot_name: str
    exchange_count: int
    unread_count: int = Field(description="Answers that were not marked as read, at most 100.")
    read_up_to: int
    last_message: MessageEntry


class ConversationList(Answer):
    """Your conversations, the most recent first."""

    conversations: list[ConversationEntry]
