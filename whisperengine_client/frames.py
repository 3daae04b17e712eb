"""From the WebSocket's frames, and the histories' lines, to events."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from whisperengine_client.events import (
    AnswerDelta,
    AnswerEvent,
    BotStatus,
    Deleted,
    Edited,
    Event,
    Failed,
    Frame,
    MessageEvent,
    Other,
    Problem,
    Reaction,
    Read,
    Retried,
    Typing,
)
from whisperengine_client.values import Line


def event_of(frame: Frame) -> Event:
    """The event that a frame tells. Raises: KeyError, TypeError, ValueError for a frame that lacks something."""
    kind = str(frame["type"])
    if kind == "message":
        return message_event_of(frame)
    make = _BY_TYPE.get(kind)
    return make(frame) if make else Other(seq=frame.get("seq"), frame=frame)


def message_event_of(frame: Frame) -> MessageEvent | AnswerEvent:
    """What was said, by either side."""
    data = frame["data"]
    common: dict[str, Any] = {
        "seq": frame.get("seq", data.get("seq")),
        "message_id": data["message_id"],
        "bot_name": data["bot_name"],
        "content": data["content"],
        "timestamp": datetime.fromisoformat(data["timestamp"]),
        "client_msg_id": data.get("client_msg_id"),
    }
    if data.get("role") == "user":
        return MessageEvent(**common, version=data.get("version") or 1)
    return AnswerEvent(**common, reply_to=data["reply_to"], finish_reason=data.get("finish_reason") or "stop")


def event_of_ack(frame: Frame, *, bot_name: str, content: str) -> MessageEvent:
    """The event of a message of ours: its sender gets the acknowledgement instead of an echo."""
    timestamp = frame.get("timestamp")
    return MessageEvent(
        seq=frame["seq"],
        message_id=frame["message_id"],
        bot_name=bot_name,
        content=content,
        timestamp=datetime.fromisoformat(timestamp) if timestamp else datetime.now(UTC),
        client_msg_id=frame["client_msg_id"],
        is_own=True,
    )


def event_of_line(line: Line, *, client_msg_id: str | None) -> MessageEvent | AnswerEvent:
    """The event of a line of a history; ``client_msg_id`` is that of the message, as answers have it too."""
    common: dict[str, Any] = {
        "seq": line.seq,
        "message_id": line.message_id,
        "bot_name": line.bot_name,
        "content": line.content,
        "timestamp": line.timestamp,
        "client_msg_id": client_msg_id,
    }
    if line.role == "user":
        return MessageEvent(**common, version=line.version)
    return AnswerEvent(**common, reply_to=line.reply_to or "", finish_reason=line.finish_reason or "stop")


def failure_of_line(line: Line) -> Failed | None:
    """The failure of a message of a history, ``None`` where it has not failed."""
    if line.status not in {"failed", "interrupted"}:
        return None
    return Failed(
        seq=None,
        message_id=line.message_id,
        bot_name=line.bot_name,
        client_msg_id=line.client_msg_id,
        code=line.error_code or line.status,
        message="The bot has not answered this message.",
        is_retryable=True,
    )


def _failed(frame: Frame) -> Failed:
    return Failed(
        **_only(frame, "seq", "message_id", "bot_name", "code", "message"),
        client_msg_id=frame.get("client_msg_id"),
        is_retryable=bool(frame.get("retryable")),
    )


def _reaction(frame: Frame) -> Reaction:
    names = ("seq", "message_id", "bot_name", "emoji")
    return Reaction(**_only(frame, *names), is_added=frame["action"] == "added")


def _only(frame: Frame, *names: str) -> dict[str, Any]:
    return {name: frame[name] for name in names}


_BY_TYPE: dict[str, Callable[[Frame], Event]] = {
    "failed": _failed,
    "reaction": _reaction,
    "retried": lambda frame: Retried(**_only(frame, "seq", "message_id", "bot_name")),
    "edited": lambda frame: Edited(**_only(frame, "seq", "message_id", "bot_name", "content", "version")),
    "deleted": lambda frame: Deleted(**_only(frame, "seq", "message_id", "bot_name")),
    "read": lambda frame: Read(**_only(frame, "seq", "bot_name", "up_to")),
    "answer_delta": lambda frame: AnswerDelta(
        **_only(frame, "message_id", "reply_to", "bot_name", "offset", "text"),
    ),
    "bot_typing": lambda frame: Typing(**_only(frame, "bot_name", "is_typing")),
    "bot_status": lambda frame: BotStatus(**_only(frame, "bot_name", "status")),
    "error": lambda frame: Problem(code=str(frame.get("code", "")), message=str(frame.get("message", ""))),
}
