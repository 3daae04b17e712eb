"""What goes over the chat WebSocket. Source: specification, "WebSocket /ws/{token}"; protocol adds the extra keys."""

from typing import Any

from chat_api.core.errors import AppError, error_of
from chat_api.schemas.messages import EventKind, StreamEvent, TypingEvent

Frame = dict[str, Any]


def frame_of(event: StreamEvent | TypingEvent) -> Frame | None:
    """The frame that a base client gets for an event, ``None`` for what the specification has no type for."""
    if isinstance(event, TypingEvent):
        return {"type": "bot_typing", "bot_name": event.bot_name, "is_typing": event.is_typing}
    exchange = event.exchange
    if event.kind is EventKind.ANSWER:
        return {
            "type": "message",
            "data": {
                "content": exchange.response,
                "bot_name": exchange.bot_name,
                "timestamp": exchange.answered_at.isoformat() if exchange.answered_at else None,
                "message_id": str(exchange.response_id),
                "seq": event.seq,
                "reply_to": str(exchange.message_id),
                "client_msg_id": exchange.client_msg_id,
            },
        }
    if event.kind is EventKind.FAILED:
        error = error_of(exchange.error_code or "")()
        extra = {"message_id": str(exchange.message_id), "bot_name": exchange.bot_name, "seq": event.seq}
        return error_frame(error, client_msg_id=exchange.client_msg_id) | extra
    return None


def error_frame(error: AppError, *, client_msg_id: str | None = None) -> Frame:
    """A typed error; ``message`` is the specification's key, the rest is added."""
    frame: Frame = {"type": "error", "message": error.message, "code": error.code, "retryable": error.is_retryable}
    if error.retry_after_s is not None:
        frame["retry_after"] = round(error.retry_after_s, 1)
    if client_msg_id is not None:
        frame["client_msg_id"] = client_msg_id
    return frame
