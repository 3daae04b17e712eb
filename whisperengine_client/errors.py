"""The one tree of errors that the client raises.

::

    ChatError
    ├── Unreachable            no connection, or the reply was lost; whether it was done is not known
    ├── Refused                the server has understood, and says no: the same again will not work
    │   ├── InvalidInput           422, 400, 413, 415, close code 4400
    │   ├── NotAuthenticated       401, close code 4401
    │   ├── PermissionDenied       403, close code 4403
    │   ├── NotFound               404
    │   ├── Conflict               409; of an edit: ``current_version``
    │   ├── TooManyConnections     close code 4409
    │   └── Replaced               close code 4000: another stream has come with this one's ``client_id``
    ├── TryLater               nothing was done; ``retry_after_s``
    │   ├── RateLimited            429
    │   └── Unavailable            503, and what a proxy says instead
    ├── AnswerFailed           the message is stored, the bot has not answered it: ``message_id`` for a retry
    │   ├── BotFailed              502 bot_failed
    │   ├── BotUnavailable         503 bot_unavailable, bot_misaddressed, bot_starting
    │   ├── BotBusy                503 bot_busy
    │   ├── BotTimeout             504 bot_timeout
    │   ├── Interrupted            502 interrupted, 503 shutting_down with a message_id
    │   └── Stopped                409 stopped: by the user, before there was a word
    ├── ServerFailed           500, or an answer that is none
    └── StreamEnded            the stream was closed by this side

``code`` is the server's name of the error, stable; the message may be shown to a person.
"""

from collections.abc import Mapping
from typing import Any


class ChatError(Exception):
    """Something that did not work.

    ``code``: the server's name of it. ``status``: of HTTP; ``close_code``: of the WebSocket. ``request_id`` finds the
    lines in the operator's log. ``retry_after_s``: seconds to wait, where the server said so. ``was_repeated``: an
    earlier attempt of the same call may have worked, for its reply was lost.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        status: int | None = None,
        close_code: int | None = None,
        retry_after_s: float | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.status = status
        self.close_code = close_code
        self.retry_after_s = retry_after_s
        self.extra: Mapping[str, Any] = extra or {}
        self.was_repeated = False

    @property
    def request_id(self) -> str | None:
        """The reference for the operator's log, of an error that came over REST."""
        return self._text("request_id")

    @property
    def message_id(self) -> str | None:
        """The stored message that it is about, if it is about one."""
        return self._text("message_id")

    def _text(self, name: str) -> str | None:
        value = self.extra.get(name)
        return value if isinstance(value, str) else None


class Unreachable(ChatError):
    """No connection, or one that was lost before the reply: whether anything was done is not known."""


class Refused(ChatError):
    """The server has understood, and says no: the same again will not work."""


class InvalidInput(Refused):
    """A value that the server does not take; the message names the field."""


class NotAuthenticated(Refused):
    """There is no session (any more)."""


class PermissionDenied(Refused):
    """The account may not do this, or is suspended."""


class NotFound(Refused):
    """It does not exist, or it is somebody else's."""


class Conflict(Refused):
    """The state of the thing does not permit this now."""

    @property
    def current_version(self) -> int | None:
        """The version of the message that was to be edited, when it is another than the edit was made of."""
        value = self.extra.get("current_version")
        return value if isinstance(value, int) else None


class TooManyConnections(Refused):
    """This user, or the server, has as many WebSockets open as it may."""


class Replaced(Refused):
    """Another stream has connected with the ``client_id`` of this one."""


class TryLater(ChatError):
    """Nothing was done, and the same may work later: after ``retry_after_s``, where known."""


class RateLimited(TryLater):
    """Too many requests."""


class Unavailable(TryLater):
    """The server, or something that it needs, is away for the moment."""


class AnswerFailed(ChatError):
    """The message is stored, under ``message_id``, but the bot has not answered it."""


class BotFailed(AnswerFailed):
    """The bot answered, but not with something to show."""


class BotUnavailable(AnswerFailed):
    """The bot is not reached, not ready, or left alone after repeated failures."""


class BotBusy(AnswerFailed):
    """The bot serves as many calls as it may."""


class BotTimeout(AnswerFailed):
    """The bot took too long."""


class Interrupted(AnswerFailed):
    """The server's process ended while the bot answered."""


class Stopped(AnswerFailed):
    """The user stopped the answer before a word of it had come."""


class ServerFailed(ChatError):
    """The server failed, or said something that this client does not understand."""


class StreamEnded(ChatError):
    """The stream was closed by this side."""


_BY_CODE: dict[str, type[ChatError]] = {
    "not_authenticated": NotAuthenticated,
    "permission_denied": PermissionDenied,
    "not_found": NotFound,
    "conflict": Conflict,
    "rate_limited": RateLimited,
    "too_many_connections": TooManyConnections,
    "bot_failed": BotFailed,
    "bot_unavailable": BotUnavailable,
    "bot_misaddressed": BotUnavailable,
    "bot_starting": BotUnavailable,
    "bot_busy": BotBusy,
    "bot_timeout": BotTimeout,
    "interrupted": Interrupted,
    "stopped": Stopped,
    "upstream_failed": AnswerFailed,
    "unavailable": Unavailable,
    "database_unavailable": Unavailable,
    "shutting_down": Interrupted,  # with a message_id; else nothing was stored, as below
    "maintenance": Unavailable,
    "internal_error": ServerFailed,
}
_BY_STATUS: dict[int, type[ChatError]] = {
    401: NotAuthenticated,
    403: PermissionDenied,
    404: NotFound,
    409: Conflict,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
}
_BY_CLOSE_CODE: dict[int, tuple[type[Refused], str]] = {
    4000: (Replaced, "Another connection has taken this one's place."),
    4400: (InvalidInput, "The server did not take a frame of ours."),
    4401: (NotAuthenticated, "The session is not valid, or has ended."),
    4403: (PermissionDenied, "This is not allowed."),
    4409: (TooManyConnections, "There are too many connections."),
}


def error_of_status(status: int, error: Mapping[str, Any], *, retry_after_s: float | None = None) -> ChatError:
    """The error that an HTTP answer with the body ``{"error": error}`` stands for."""
    code = str(error.get("code", ""))
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status) or (InvalidInput if 400 <= status < 500 else ServerFailed)
    if issubclass(kind, AnswerFailed) and "message_id" not in error:
        kind = Unavailable  # nothing was stored
    return kind(
        str(error.get("message") or f"The server answered {status}."),
        code=code,
        status=status,
        retry_after_s=retry_after_s,
        extra=error,
    )


def error_of_frame(frame: Mapping[str, Any]) -> ChatError:
    """The error that an ``error`` frame of the WebSocket stands for."""
    code = str(frame.get("code", ""))
    kind = _BY_CODE.get(code) or (TryLater if frame.get("retryable") else InvalidInput)
    if issubclass(kind, AnswerFailed) and "message_id" not in frame:
        kind = Unavailable
    retry_after = frame.get("retry_after")
    return kind(
        str(frame.get("message") or "The server refused a frame."),
        code=code,
        retry_after_s=float(retry_after) if isinstance(retry_after, int | float) else None,
        extra=frame,
    )


def error_of_close(close_code: int) -> Refused | None:
    """The error that a close code stands for; ``None`` for those that invite to come back. Source: protocol."""
    known = _BY_CLOSE_CODE.get(close_code)
    if known is not None:
        return known[0](known[1], close_code=close_code)
    # The protocol's codes from 4400 on are final, those that do not exist yet as well.
    return Refused("The server closed the connection for good.", close_code=close_code) if close_code >= 4400 else None
