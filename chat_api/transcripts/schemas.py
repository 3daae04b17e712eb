"""Conversations as administrators find, read and delete them."""

from dataclasses import dataclass
from datetime import datetime

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
class Finds:
    """Conversations with exchanges that were found, the latest first, and without a word of them.

    ``exchanges`` are those that were found. ``next_until`` goes on with the search further back, ``None`` at its end;
    ``looked_at`` is how many exchanges were compared.
    """

    threads: tuple[ThreadView, ...]
    next_until: datetime | None
    looked_at: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TranscriptPage:
    """Some lines of one conversation, newest first; ``next_before`` continues it."""

    user_id: str
    username: str
    bot_name: str
    messages: tuple[Message, ...]
    next_before: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """What was deleted of a conversation, and how many of its messages are still being answered."""

    messages: int
    still_pending: int
