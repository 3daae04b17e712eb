"""What goes over the chat WebSocket, as JSON texts.

Source: specification, "WebSocket /ws/{token}", for base clients; protocol, "WebSocket", for clients that sent a hello.
"""

from typing import Any

import orjson

from chat_api.core.errors import AppError, Interrupted, error_of
from chat_api.messages.schemas import DeltaEvent, EventKind, Exchange, StreamEvent, Submission, TypingEvent

Frame = dict[str, Any]


def encoded(frame: Frame) -> str:
    """The encoded frame; made once, however many connections it goes to."""
    return orjson.dumps(frame).decode()


# For base clients


def base_frame(event: StreamEvent) -> Frame | None:
    """The frame that a base client gets for an event, ``None`` for what the specification has no type for."""
    exchange = event.exchange
    if exchange is None:
        return None
    if event.is_superseded:
        return None
    if event.kind is EventKind.ANSWER:
        return _answer(event.seq, exchange)
    if event.kind is EventKind.FAILED:
        extra = {"message_id": str(exchange.message_id), "bot_name": exchange.bot_name, "seq": event.seq}
        return error_frame(_failure(event), client_msg_id=exchange.client_msg_id) | extra
    return None


def typing_frame(event: TypingEvent) -> Frame:
    """A bot started or stopped typing."""
    return {"type": "bot_typing", "bot_name": event.bot_name, "is_typing": event.is_typing}


def error_frame(error: AppError, *, client_msg_id: str | None = None) -> Frame:
    """A typed error; ``message`` is the specification's key, the rest is added."""
    frame: Frame = {"type": "error", "message": error.message, "code": error.code, "retryable": error.is_retryable}
    if error.retry_after_s is not None:
        frame["retry_after"] = round(error.retry_after_s, 1)
    if client_msg_id is not None:
        frame["client_msg_id"] = client_msg_id
    return frame | dict(error.extra)


# For clients that sent a hello


def event_frame(event: StreamEvent) -> Frame:
    """The frame of a durable event. Each has its ``seq``, so that a client notices gaps."""
    exchange = event.exchange
    if exchange is None:  # a read mark
        return {"type": event.kind.value, "seq": event.seq, **event.payload}
    if event.kind is EventKind.ANSWER and not event.is_superseded:
        return _answer(event.seq, exchange)
    if event.kind is EventKind.MESSAGE:
        return _own_message(event.seq, exchange)
    # Instead of an answer that was replaced, say what happened to it: the message was retried.
    kind = EventKind.RETRIED if event.is_superseded else event.kind
    frame: Frame = {
        "type": kind.value,
        "seq": event.seq,
        "message_id": str(exchange.message_id),
        "bot_name": exchange.bot_name,
        **event.payload,
    }
    if event.kind is EventKind.FAILED:
        error = _failure(event)
        frame |= {"message": error.message, "retryable": error.is_retryable, "client_msg_id": exchange.client_msg_id}
    elif event.kind is EventKind.EDITED:
        # As it is now: of edits that follow each other, each shows the last one's text.
        frame |= {"content": exchange.content, "version": exchange.version}
    return frame


def ack_frame(event: StreamEvent) -> Frame:
    """Acknowledge to the sending connection that a message is stored, with its position in the stream."""
    assert event.exchange is not None
    return _ack(event.exchange, "stored")


def duplicate_frame(submission: Submission) -> Frame:
    """Answer to the sending connection that a repeated message is already stored."""
    return _ack(submission.exchange, "duplicate") | {"message_status": submission.exchange.status.value}


def delta_frame(event: DeltaEvent) -> Frame:
    """A piece of an answer that is being streamed."""
    return {
        "type": "answer_delta",
        "message_id": str(event.message_id),
        "reply_to": str(event.reply_to),
        "bot_name": event.bot_name,
        "offset": event.offset,
        "text": event.text,
    }


def _ack(exchange: Exchange, status: str) -> Frame:
    return {
        "type": "ack",
        "client_msg_id": exchange.client_msg_id,
        "message_id": str(exchange.message_id),
        "seq": exchange.seq,
        "timestamp": exchange.timestamp.isoformat(),
        "status": status,
    }


def _own_message(seq: int, exchange: Exchange) -> Frame:
    return {
        "type": "message",
        "seq": seq,
        "data": {
            "role": "user",
            "content": exchange.content,
            "bot_name": exchange.bot_name,
            "timestamp": exchange.timestamp.isoformat(),
            "message_id": str(exchange.message_id),
            "seq": seq,
            "client_msg_id": exchange.client_msg_id,
            "version": exchange.version,
        },
    }


def _answer(seq: int, exchange: Exchange) -> Frame:
    return {
        "type": "message",
        "seq": seq,
        "data": {
            "role": "bot",
            "content": exchange.response,
            "bot_name": exchange.bot_name,
            "timestamp": exchange.answered_at.isoformat() if exchange.answered_at else None,
            "message_id": str(exchange.response_id),
            "seq": seq,
            "reply_to": str(exchange.message_id),
            "client_msg_id": exchange.client_msg_id,
            "finish_reason": exchange.finish_reason.value if exchange.finish_reason else None,
        },
    }


def _failure(event: StreamEvent) -> AppError:
    """The error of a failed message as it was at that event: a later retry may have succeeded."""
    stored = event.exchange.error_code if event.exchange else None
    return error_of(str(event.payload.get("code") or stored or Interrupted.code))()
