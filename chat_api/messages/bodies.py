"""What the chat API takes and gives, as OpenAPI describes it."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictInt, StrictStr

from chat_api.http.base_models import Answer, Body
from chat_api.messages.schemas import ConversationSummary, Exchange
from chat_api.messages.service import MAX_MESSAGE_CHARS


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
    seq: int = Field(description="The answer's position in your stream.")
    finish_reason: Literal["stop", "stopped", "silent", "truncated"] | None = Field(
        "stop",
        description="`stopped` by you, `silent`: the bot chose not to answer (there is no text), or `truncated`: it"
        " broke off, and this is what had come.",
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
    finish_reason: Literal["stop", "stopped", "silent", "truncated"] | None = None


class EditBody(Body):
    """Another text for a message."""

    content: StrictStr = Field(min_length=1, max_length=MAX_MESSAGE_CHARS, examples=["Hi Elena, how are you?"])
    version: StrictInt = Field(ge=1, le=2**31 - 1, description="The version that was edited.", examples=[1])


class ReadBody(Body):
    """How far was read."""

    seq: StrictInt = Field(ge=0, le=2**62, description="The position in your stream.", examples=[42])


class ConversationList(Answer):
    """Your conversations, the most recent first."""

    conversations: tuple[ConversationSummary, ...]
