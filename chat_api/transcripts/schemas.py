"""Conversations as administrators find, read and delete them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from chat_api.core.read_models import ReadModel
from chat_api.messages.schemas import Message
from chat_api.people.schemas import ThreadView


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """What a conversation must have: a person's name or id, a bot, words, a time."""

    user: str | None = None
    bot_name: str | None = None
    words: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Finds(ReadModel):
    """Conversations with what was found in them, the latest first, and without a word of them."""

    threads: tuple[ThreadView, ...]
    next_until: Annotated[
        datetime | None, Field(description="Pass as `until` to search further back; null at the end.")
    ]
    looked_at: Annotated[int, Field(description="How many exchanges were compared.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPage(ReadModel):
    """Some lines of one conversation, newest first."""

    user_id: str
    username: str
    bot_name: str
    messages: tuple[Message, ...]
    next_before: Annotated[int | None, Field(description="Pass as `before` to read on; null at the beginning.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion(ReadModel):
    """What was deleted of a conversation."""

    messages: int
    still_pending: Annotated[int, Field(description="Messages that are still being answered.")]
