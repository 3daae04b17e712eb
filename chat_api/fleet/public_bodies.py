"""The fleet as the chat API gives it."""

from typing import Literal

from pydantic import Field

from chat_api.http.base_models import Answer


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
