"""What the API answers, as values. Keys that a newer server adds are ignored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in a user's stream of events. Another ``epoch`` is another stream: its numbers begin anew."""

    epoch: str
    seq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """A login. ``is_guest``: the name belongs to somebody else."""

    token: str = field(repr=False)
    user_id: str
    username: str
    display_name: str
    is_guest: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Me:
    """Who is signed in. ``role`` is an administrator's."""

    user_id: str
    username: str
    display_name: str
    is_guest: bool
    is_admin: bool
    role: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """One bot; ``status`` is ``online``, ``offline`` or ``busy``."""

    name: str
    display_name: str
    description: str
    emoji: str
    status: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A bot's answer over REST: to ``message_id``, stored as ``response_id`` at ``seq`` of the stream.

    ``finish_reason``: ``stop``, ``stopped`` (by the user), ``silent`` (the bot chose not to answer: no content) or
    ``truncated`` (the bot broke off).
    """

    message_id: str
    bot_name: str
    content: str
    timestamp: datetime
    processing_time_s: float
    response_id: str
    seq: int
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What became of a message whose answer was stopped; ``content`` is what there was of the answer."""

    message_id: str
    status: str
    content: str
    finish_reason: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A stored message. ``is_duplicate``: an earlier attempt under the same ``client_msg_id`` had stored it."""

    message_id: str
    client_msg_id: str
    seq: int
    is_duplicate: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What a message said until ``replaced_at``."""

    version: int
    content: str
    replaced_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of a history. ``role`` is ``user`` or ``bot``; of an answer, ``reply_to`` is what it answers.

    ``status`` is ``pending``, ``answered``, ``failed`` or ``interrupted``; the latter two come with ``error_code``.
    ``versions``: what it said before, oldest first; only where one message was asked for.
    """

    message_id: str
    bot_name: str
    role: str
    content: str
    timestamp: datetime
    status: str
    seq: int
    error_code: str | None = None
    client_msg_id: str | None = None
    reply_to: str | None = None
    version: int = 1
    edited_at: datetime | None = None
    finish_reason: str | None = None
    reactions: tuple[str, ...] = ()
    versions: tuple[Version, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One bot that the user has talked with, and the last thing said. ``unread_count`` stops at 100."""

    bot_name: str
    exchange_count: int
    unread_count: int
    read_up_to: int
    last_message: Line


def position_of(body: Json) -> Position:
    """A place as a frame or ``GET /api/stream`` gives it."""
    return Position(epoch=str(body["epoch"]), seq=int(body["seq"]))


def session_of(body: Json) -> Session:
    """The answer of ``POST /api/login``."""
    return Session(
        token=body["session_token"],
        user_id=body["user_id"],
        username=body["username"],
        display_name=body["display_name"],
        is_guest=body["is_guest"],
        expires_at=datetime.fromisoformat(body["expires_at"]),
    )


def me_of(body: Json) -> Me:
    """The answer of ``GET /api/me``."""
    return Me(**_only(body, "user_id", "username", "display_name", "is_guest", "is_admin", "role"))


def bot_of(body: Json) -> Bot:
    """One entry of ``GET /api/bots``."""
    return Bot(**_only(body, "name", "display_name", "description", "emoji", "status"))


def answer_of(body: Json) -> Answer:
    """The answer of ``POST /api/chat``."""
    return Answer(
        **_only(body, "message_id", "bot_name", "response_id", "seq"),
        content=body["response"],
        timestamp=datetime.fromisoformat(body["timestamp"]),
        processing_time_s=body["processing_time"],
        finish_reason=body.get("finish_reason") or "stop",
    )


def outcome_of(body: Json) -> Outcome:
    """The answer of ``POST /api/chat/{message_id}/stop``."""
    return Outcome(**_only(body, "message_id", "status", "finish_reason"), content=body["response"])


def line_of(body: Json) -> Line:
    """One line of a history."""
    edited_at = body.get("edited_at")
    return Line(
        **_only(body, "message_id", "bot_name", "role", "content", "status", "seq"),
        timestamp=datetime.fromisoformat(body["timestamp"]),
        error_code=body.get("error_code"),
        client_msg_id=body.get("client_msg_id"),
        reply_to=body.get("reply_to"),
        version=body.get("version") or 1,
        edited_at=datetime.fromisoformat(edited_at) if edited_at else None,
        finish_reason=body.get("finish_reason"),
        reactions=tuple(body.get("reactions") or ()),
        versions=tuple(_version_of(version) for version in body.get("versions") or ()),
    )


def conversation_of(body: Json) -> Conversation:
    """One entry of ``GET /api/conversations``."""
    return Conversation(
        bot_name=body["bot_name"],
        exchange_count=body["exchange_count"],
        unread_count=body["unread_count"],
        read_up_to=body["read_up_to"],
        last_message=line_of(body["last_message"]),
    )


def _version_of(body: Json) -> Version:
    return Version(
        **_only(body, "version", "content"),
        replaced_at=datetime.fromisoformat(body["replaced_at"]),
    )


def _only(body: Json, *names: str) -> dict[str, Any]:
    return {name: body[name] for name in names}
