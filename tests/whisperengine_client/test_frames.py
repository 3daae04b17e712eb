"""Every frame of the protocol has its event."""

from datetime import UTC, datetime
from typing import Any

import pytest

from whisperengine_client import (
    AnswerDelta,
    AnswerEvent,
    BotFailed,
    BotStatus,
    ChatError,
    Deleted,
    Edited,
    Event,
    Failed,
    InvalidInput,
    MessageEvent,
    NotAuthenticated,
    Other,
    Problem,
    RateLimited,
    Reaction,
    Read,
    Refused,
    Retried,
    TryLater,
    Typing,
    Unavailable,
)
from whisperengine_client.errors import error_of_close, error_of_frame, error_of_status
from whisperengine_client.frames import event_of

AT = datetime(2026, 11, 22, 22, 48, tzinfo=UTC)
SAID: dict[str, Any] = {"content": "Hi", "bot_name": "elena", "timestamp": AT.isoformat(), "message_id": "m"}
ABOUT: dict[str, Any] = {"seq": 7, "message_id": "m", "bot_name": "elena"}
SEEN: dict[str, Any] = {"seq": 7, "message_id": "m", "bot_name": "elena", "content": "Hi", "timestamp": AT}


@pytest.mark.parametrize(
    ("frame", "event"),
    [
        (
            {"type": "message", "seq": 7, "data": SAID | {"role": "user", "client_msg_id": "a", "version": 2}},
            MessageEvent(**SEEN, client_msg_id="a", version=2),
        ),
        (
            {"type": "message", "seq": 7, "data": SAID | {"role": "bot", "reply_to": "q", "finish_reason": "stopped"}},
            AnswerEvent(**SEEN, client_msg_id=None, reply_to="q", finish_reason="stopped"),
        ),
        (
            {"type": "failed", **ABOUT, "client_msg_id": "a", "code": "x", "message": "no", "retryable": True},
            Failed(**ABOUT, client_msg_id="a", code="x", message="no", is_retryable=True),
        ),
        ({"type": "retried", **ABOUT}, Retried(**ABOUT)),
        ({"type": "edited", **ABOUT, "content": "Ho", "version": 2}, Edited(**ABOUT, content="Ho", version=2)),
        ({"type": "deleted", **ABOUT}, Deleted(**ABOUT)),
        ({"type": "reaction", **ABOUT, "emoji": "👍", "action": "added"}, Reaction(**ABOUT, emoji="👍", is_added=True)),
        ({"type": "read", "seq": 7, "bot_name": "elena", "up_to": 5}, Read(seq=7, bot_name="elena", up_to=5)),
        (
            {"type": "answer_delta", "message_id": "m", "reply_to": "q", "bot_name": "elena", "offset": 3, "text": "x"},
            AnswerDelta(message_id="m", reply_to="q", bot_name="elena", offset=3, text="x"),
        ),
        ({"type": "bot_typing", "bot_name": "elena", "is_typing": True}, Typing(bot_name="elena", is_typing=True)),
        ({"type": "bot_status", "bot_name": "elena", "status": "busy"}, BotStatus(bot_name="elena", status="busy")),
        ({"type": "error", "code": "not_found", "message": "no"}, Problem(code="not_found", message="no")),
    ],
)
def test_a_frame_is_an_event(frame: dict[str, Any], event: Event) -> None:
    """Typed, with all that the frame says; keys of a newer server are passed over."""
    assert event_of(frame | {"new": 1}) == event


def test_what_is_not_known_keeps_its_place() -> None:
    """An event of a newer server is no gap."""
    frame = {"type": "pinned", "seq": 8, "message_id": "m"}
    assert event_of(frame) == Other(seq=8, frame=frame)


@pytest.mark.parametrize("frame", [{"type": "deleted", "seq": 1}, {"type": "message", "seq": 1}, {}])
def test_a_frame_that_lacks_something(frame: dict[str, Any]) -> None:
    """Is not guessed at."""
    with pytest.raises(KeyError):
        event_of(frame)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (error_of_status(503, {"code": "bot_unavailable"}), Unavailable),  # nothing is stored without a message_id
        (error_of_status(502, {"code": "bot_failed", "message_id": "m"}), BotFailed),
        (error_of_status(502, {}), Unavailable),
        (error_of_status(418, {}), InvalidInput),
        (error_of_frame({"code": "rate_limited", "retry_after": 3}), RateLimited),
        (error_of_frame({"code": "new", "retryable": True}), TryLater),
        (error_of_frame({"code": "new", "retryable": False}), InvalidInput),
        (error_of_close(4401), NotAuthenticated),
        (error_of_close(4450), Refused),
    ],
)
def test_errors_are_typed(error: ChatError, kind: type[ChatError]) -> None:
    """By their code, else by what is known of them."""
    assert type(error) is kind


@pytest.mark.parametrize("code", [1000, 1001, 1006, 1011, 1012, 4001, 4008, 4010, 4012, 4029])
def test_codes_that_invite_to_come_back(code: int) -> None:
    """Are no error."""
    assert error_of_close(code) is None
