"""The one tree of errors that services raise and doors render.

::

    AppError
    ├── InvalidInput            422 invalid_input
    ├── MalformedRequest        400 malformed_request
    ├── PayloadTooLarge         413 payload_too_large
    │   └── HeadersTooLarge     431 headers_too_large
    ├── RequestTimeout          408 request_timeout         the client took too long to say what it wants
    ├── UnsupportedMedia        415 unsupported_media_type
    ├── NotAuthenticated        401 not_authenticated
    ├── PermissionDenied        403 permission_denied
    │   ├── FeatureOff              feature_off             an operator has switched it off
    │   └── OutOfScope              out_of_scope            the API key was not made for this
    ├── NotFound                404 not_found
    │   └── UnknownModel            model_not_found         no bot of this name, or not one of the API key's
    ├── MethodNotAllowed        405 method_not_allowed
    ├── Conflict                409 conflict
    │   └── Stopped                 stopped                 the user stopped the answer before there was any
    ├── RateLimited             429 rate_limited            (+ Retry-After)
    │   └── BudgetSpent             429 budget_spent            the API key's messages of this day
    ├── Unavailable             503 unavailable             (+ Retry-After)
    │   ├── DatabaseUnavailable     database_unavailable
    │   │   └── WritesRefused           the same code       it can be read, and takes no writes
    │   ├── ShuttingDown            shutting_down
    │   └── Maintenance             maintenance             the chat takes no new messages; the operator's words
    └── Upstream                502 upstream_failed
        ├── BotFailed               502 bot_failed          answered, but not with a usable answer
        ├── BotUnavailable          503 bot_unavailable     not reached, not ready, or its breaker is open
        │   ├── BotMisaddressed         503 bot_misaddressed    another bot answers at its address: nobody is asked
        │   └── BotStarting             503 bot_starting        it says that its parts are not ready yet
        ├── BotBusy                 503 bot_busy            its bulkhead is full
        ├── BotTimeout              504 bot_timeout
        ├── Interrupted             502 interrupted         the process died, or was stopped, while the bot answered
        ├── EngineUnavailable       503 engine_unavailable  no container engine answers
        └── EngineFailed            502 engine_failed       the engine refused

The public message is safe for a stranger to read, and in their language: what is a literal at the ``raise`` is in the
catalogues by that. What only an operator may see belongs in ``detail``, which is logged and never rendered.
"""

from collections.abc import Mapping
from typing import ClassVar

from chat_api.core.language import N_, _


class AppError(Exception):
    """A fault with a stable ``code``, an HTTP ``status`` and a message that a user may read.

    ``field`` is what was given and is at fault, by its name in the API; the message begins with it, ``reason`` does
    not.
    """

    code: ClassVar[str] = "internal_error"
    status: ClassVar[int] = 500
    public_message: ClassVar[str] = N_("Something went wrong on our side.")
    is_retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str | None = None,
        *,
        field: str | None = None,
        detail: str | None = None,
        retry_after_s: float | None = None,
        extra: Mapping[str, object] | None = None,
    ) -> None:
        self.reason = _(message or self.public_message)
        self.field = field
        self.message = f"{field}: {self.reason}" if field else self.reason
        self.detail = detail
        self.retry_after_s = retry_after_s
        self.extra: Mapping[str, object] = ({"field": field} if field else {}) | dict(extra or {})
        super().__init__(self.message)


class InvalidInput(AppError):
    """A value that the service does not accept; ``field`` names it, and the value is never repeated."""

    code = "invalid_input"
    status = 422
    public_message = N_("The request is not valid.")


class MalformedRequest(AppError):
    """A body that cannot be read at all."""

    code = "malformed_request"
    status = 400
    public_message = N_("The request couldn't be read.")


class PayloadTooLarge(AppError):
    """A body over the limit."""

    code = "payload_too_large"
    status = 413
    public_message = N_("The request is too large.")


class HeadersTooLarge(PayloadTooLarge):
    """A request line and headers over the limit."""

    code = "headers_too_large"
    status = 431
    public_message = N_("The address and the headers of this request are too large.")


class RequestTimeout(AppError):
    """The client took too long to send its request."""

    code = "request_timeout"
    status = 408
    public_message = N_("The request took too long to arrive.")
    is_retryable = True


class UnsupportedMedia(AppError):
    """A content type that the door does not speak."""

    code = "unsupported_media_type"
    status = 415
    public_message = N_("This content type is not supported.")


class NotAuthenticated(AppError):
    """No principal: the token is missing, expired, revoked or not ours."""

    code = "not_authenticated"
    status = 401
    public_message = N_("Please sign in.")


class PermissionDenied(AppError):
    """The principal may not do this."""

    code = "permission_denied"
    status = 403
    public_message = N_("You don't have permission to do this.")


class FeatureOff(PermissionDenied):
    """An operator has switched off what was asked for."""

    code = "feature_off"
    public_message = N_("This is turned off right now.")


class OutOfScope(PermissionDenied):
    """An API key was not made for this, whatever its owner may do."""

    code = "out_of_scope"
    public_message = N_("This API key doesn't allow this.")


class NotFound(AppError):
    """It does not exist, or it belongs to somebody else: the caller cannot tell which."""

    code = "not_found"
    status = 404
    public_message = N_("Not found.")


class UnknownModel(NotFound):
    """There is no bot of this name, or the API key is not for it: the caller cannot tell which."""

    code = "model_not_found"
    public_message = N_("There is no such model. The bots you can use are listed at /v1/models.")


class MethodNotAllowed(AppError):
    """The path exists, but not with this method."""

    code = "method_not_allowed"
    status = 405
    public_message = N_("This method is not allowed here.")


class Conflict(AppError):
    """The state of the thing does not permit this now."""

    code = "conflict"
    status = 409
    public_message = N_("This conflicts with the current state.")


class Stopped(Conflict):
    """The user stopped the answer before a word of it had come."""

    code = "stopped"
    public_message = N_("You stopped this answer.")
    is_retryable = True


class RateLimited(AppError):
    """Too many requests, connections or attempts."""

    code = "rate_limited"
    status = 429
    public_message = N_("Too many requests. Please slow down.")
    is_retryable = True


class BudgetSpent(RateLimited):
    """An API key has sent all the messages of its day."""

    code = "budget_spent"
    public_message = N_("This API key has used up its messages for today.")
    is_retryable = False


class Unavailable(AppError):
    """Something that the service needs is away for the moment."""

    code = "unavailable"
    status = 503
    public_message = N_("The service is not available right now.")
    is_retryable = True


class DatabaseUnavailable(Unavailable):
    """PostgreSQL does not answer or refuses writes."""

    code = "database_unavailable"
    public_message = N_("The database is not available right now. Nothing was lost. Please try again.")


class WritesRefused(DatabaseUnavailable):
    """PostgreSQL answers and takes no writes: its disk is full, or it is read-only."""

    public_message = (
        "The database takes no writes right now, so nothing can be saved and nobody can sign in. "
        "What is stored can still be read. Please try again later."
    )


class ShuttingDown(Unavailable):
    """This process is draining."""

    code = "shutting_down"
    public_message = N_("The service is restarting. Please try again.")


class Maintenance(Unavailable):
    """The chat is in maintenance: what is stored can be read, and no new message is taken."""

    code = "maintenance"
    public_message = N_("The chat isn't taking new messages right now.")


class Upstream(AppError):
    """A part of the fleet failed."""

    code = "upstream_failed"
    status = 502
    public_message = N_("A part of the fleet didn't answer.")
    is_retryable = True


class BotFailed(Upstream):
    """The bot answered, but not with something a user can be shown."""

    code = "bot_failed"
    public_message = N_("The bot couldn't answer this message.")


class BotUnavailable(Upstream):
    """The bot could not be reached, is not ready, or is skipped for a while after many failures."""

    code = "bot_unavailable"
    status = 503
    public_message = N_("The bot is not available right now.")


class BotMisaddressed(BotUnavailable):
    """Another bot answers at this bot's address, or nobody can tell which one does: no call is made."""

    code = "bot_misaddressed"
    public_message = N_(
        "This bot can't be reached: another bot answers at its address. An operator needs to correct it."
    )


class BotStarting(BotUnavailable):
    """The bot runs, and says that it is not ready for messages yet."""

    code = "bot_starting"
    public_message = N_("This bot is still starting. Please try again in a moment.")


class BotBusy(Upstream):
    """The bot already serves as many calls as it may at once."""

    code = "bot_busy"
    status = 503
    public_message = N_("The bot is busy. Please try again in a moment.")


class BotTimeout(Upstream):
    """The bot did not answer in time."""

    code = "bot_timeout"
    status = 504
    public_message = N_("The bot took too long to answer.")


class Interrupted(Upstream):
    """The process that waited for the bot's answer ended first."""

    code = "interrupted"
    public_message = N_("The answer was interrupted. You can try again.")


class EngineUnavailable(Upstream):
    """No container engine answers."""

    code = "engine_unavailable"
    status = 503
    public_message = N_("No container engine is available.")


class EngineFailed(Upstream):
    """The container engine refused or failed the operation."""

    code = "engine_failed"
    public_message = N_("The container engine couldn't do this.")


def error_of(code: str) -> type[AppError]:
    """The class of a stored ``code``; ``Upstream`` for one that is not (any longer) known."""
    return _BY_CODE.get(code, Upstream)


def _tree(root: type[AppError]) -> list[type[AppError]]:
    return [root, *(leaf for branch in root.__subclasses__() for leaf in _tree(branch))]


# Of several with one code, the most general.
_BY_CODE = {error.code: error for error in reversed(_tree(AppError))}
