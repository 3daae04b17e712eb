"""What happens in a user's stream, typed. Source: protocol, "WebSocket /ws/{token}"."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

Frame = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something that happened."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DurableEvent(Event):
    """Something that is stored, at place ``seq`` of the stream: seen once, in order, over any number of connections."""

    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageEvent(DurableEvent):
    """A message of the user. ``is_own``: this very stream has sent it; then ``timestamp`` is this machine's."""

    message_id: str
    bot_name: str
    content: str
    timestamp: datetime
    client_msg_id: str | None
    version: int = 1
    is_own: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerEvent(DurableEvent):
    """A bot's answer to ``reply_to``.

    ``finish_reason``: ``stop``, ``stopped`` (by the user), ``silent`` (the bot chose not to answer: no content) or
    ``truncated``.
    """

    message_id: str
    bot_name: str
    content: str
    timestamp: datetime
    reply_to: str
    client_msg_id: str | None
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed(Event):
    """The bot has not answered. ``seq`` is ``None`` where it was learned from a history, after a ``Resynced``."""

    seq: int | None
    message_id: str
    bot_name: str
    client_msg_id: str | None
    code: str
    message: str
    is_retryable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Retried(DurableEvent):
    """A failed message is being answered again."""

    message_id: str
    bot_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edited(DurableEvent):
    """A message has another text now."""

    message_id: str
    bot_name: str
    content: str
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted(DurableEvent):
    """A message is gone."""

    message_id: str
    bot_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reaction(DurableEvent):
    """A reaction was added to a message, or removed."""

    message_id: str
    bot_name: str
    emoji: str
    is_added: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(DurableEvent):
    """The user has read a conversation up to a place of the stream."""

    bot_name: str
    up_to: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerDelta(Event):
    """The next piece of an answer that is still being said, at ``offset`` characters.

    Live only: some may be missed, and the last words come with the whole :class:`AnswerEvent`.
    """

    message_id: str
    reply_to: str
    bot_name: str
    offset: int
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Typing(Event):
    """A bot begins or has ended to work on a message. Live only."""

    bot_name: str
    is_typing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStatus(Event):
    """A bot is ``online``, ``offline`` or ``busy`` now. Live only."""

    bot_name: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Resynced(Event):
    """Too much was missed to be replayed. Missed messages and answers follow, up to ``seq``, from the histories.

    Edits, deletions, reactions and read marks of *older* messages are not told again: load anew what you show of
    them. ``is_new_stream``: the server's stream began anew, and every message there is follows.
    """

    epoch: str
    seq: int
    is_new_stream: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem(Event):
    """The server refused something that is not a message, such as a typing notice. Live only."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Other(Event):
    """An event of a newer server. ``seq`` is its place in the stream, if it has one."""

    seq: int | None
    frame: Frame
