"""The gateway's bodies for the OpenAPI document. What is sent is read by :mod:`chat_api.gateway.reading`."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class ModelAnswer(BaseModel):
    """A bot as a model."""

    id: str = Field(examples=["elena"])
    object: Literal["model"] = "model"
    created: int = Field(description="When the bot was first seen, Unix seconds; 0 where nobody knows.")
    owned_by: str = "whisperengine"


class ModelList(BaseModel):
    """The bots that a key is for."""

    object: Literal["list"] = "list"
    data: list[ModelAnswer]


class ChatCompletionBody(BaseModel):
    """Of all that OpenAI's API knows, what means something here; everything else is ignored."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(description="A bot.", examples=["elena"])
    messages: list[dict[str, Any]] = Field(
        min_length=1,
        description="Only the last message, which has to be the user's, reaches the bot: it remembers the others.",
        examples=[[{"role": "user", "content": "Hello!"}]],
    )
    stream: bool | None = Field(None, description="Server-sent events.", examples=[False])
    stream_options: dict[str, Any] | None = Field(None, examples=[{"include_usage": True}])
    user: str | None = Field(
        None, max_length=256, description="A person of the key's account; none: the account itself.", examples=["anna"]
    )
    metadata: dict[str, Any] | None = Field(
        None,
        description="`conversation_id` is kept with the message; `background: true` asks for an answer without history"
        " and memory.",
        examples=[{"conversation_id": "c-17"}],
    )


class ResponsesBody(BaseModel):
    """Of all that OpenAI's API knows, what means something here; everything else is ignored."""

    model_config = ConfigDict(extra="allow")

    model: str = Field(description="A bot.", examples=["elena"])
    input: str | list[dict[str, Any]] = Field(
        description="Only the last message of the user reaches the bot.", examples=["Hello!"]
    )
    instructions: str | None = Field(None, description="Not given to the bot.", examples=["Be brief."])
    stream: bool | None = Field(None, description="Server-sent events.", examples=[False])
    user: str | None = Field(None, max_length=256, description="A person of the key's account.", examples=["anna"])


class OpenAIErrorDetail(BaseModel):
    """One error."""

    message: str
    type: str = Field(examples=["invalid_request_error"])
    param: str | None = Field(None, examples=["messages[0].content[1]"])
    code: str | None = Field(None, examples=["model_not_found"])


class OpenAIErrorBody(BaseModel):
    """How errors look below ``/v1``."""

    error: OpenAIErrorDetail
