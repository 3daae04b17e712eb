"""Every failure leaves by one of these handlers, in one shape."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route, compile_path
from starlette.types import Receive, Scope, Send

from chat_api.core.errors import (
    AppError,
    InvalidInput,
    MalformedRequest,
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    PayloadTooLarge,
    PermissionDenied,
    UnsupportedMedia,
    error_of,
)
from chat_api.core.logging import get_logger
from chat_api.core.validation import describe
from chat_api.http.middleware.answers import error_response
from chat_api.http.middleware.body_limits import is_json

log = get_logger(__name__)

_BY_STATUS: dict[int, type[AppError]] = {
    400: MalformedRequest,
    401: NotAuthenticated,
    403: PermissionDenied,
    404: NotFound,
    405: MethodNotAllowed,
    413: PayloadTooLarge,
    415: UnsupportedMedia,
    422: InvalidInput,
}

# Rules whose words come from our models alone; others may quote what was sent, as that of a UUID does.


def add_error_handlers(app: FastAPI) -> None:
    """Answer our errors, the framework's, and paths that do not exist."""
    app.add_exception_handler(AppError, _app_error)
    app.add_exception_handler(RequestValidationError, _validation_error)
    app.add_exception_handler(HTTPException, _http_error)


async def error_answer(request: Request, error: AppError | RequestValidationError) -> Response:
    """The answer to one of the errors that a door raises."""
    return await (_app_error if isinstance(error, AppError) else _validation_error)(request, error)


def add_unknown_paths(
    app: FastAPI, prefixes: tuple[str, ...], *, describe: Callable[[], Awaitable[dict[str, Any]]]
) -> None:
    """Answer what lies under our prefixes and is no route of ours, before anything mounted at the root sees it.

    ``describe`` gives the OpenAPI description, which says what is ours.
    """
    unknown = _UnknownPath(describe)
    for prefix in prefixes:
        app.router.routes.append(Route(prefix + "{unknown:path}", unknown, name="unknown", include_in_schema=False))


class _UnknownPath:
    """An ASGI application and no function, for a route of a function takes GET only."""

    def __init__(self, describe: Callable[[], Awaitable[dict[str, Any]]]) -> None:
        self._describe = describe
        # Every path that we describe, with its methods.
        self._known: list[tuple[re.Pattern[str], str]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """404; 405 where the path is ours and only the method is not."""
        request = Request(scope, receive)
        if self._known is None:
            described = await self._describe()
            self._known = [
                (compile_path(path)[0], ", ".join(sorted(methods)).upper())
                for path, methods in described["paths"].items()
            ]
        allowed = next((methods for pattern, methods in self._known if pattern.match(scope["path"])), None)
        response = _render(request, MethodNotAllowed() if allowed else NotFound())
        if allowed:
            response.headers["Allow"] = allowed
        await response(scope, receive, send)


# What every door of the console may answer, what every one that changes something may, and what every one with a body.
CONSOLE = ("not_authenticated", "permission_denied", "rate_limited", "unavailable")
WRITES = ("permission_denied",)
BODIES = (*WRITES, "malformed_request", "payload_too_large", "unsupported_media_type", "invalid_input")


# By reference: for every answer that names its model FastAPI builds a validator that nothing uses, 3 MB in all.
# `GET /health` names it, which puts it among the document's components.
_ERROR_BODY = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorBody"}}}


def errors(*codes: str) -> dict[int | str, dict[str, Any]]:
    """The ``responses`` of a route that may fail in these ways, for OpenAPI."""
    by_status: dict[int | str, dict[str, Any]] = {}
    for code in dict.fromkeys(codes):
        error = error_of(code)
        entry = by_status.setdefault(error.status, {"description": "", "content": _ERROR_BODY})
        entry["description"] = f"{entry['description']} `{error.code}`: {error.public_message}".strip()
    return by_status


def _render(request: Request, error: AppError) -> Response:
    return error_response(error, request_id=getattr(request.state, "request_id", ""), path=request.scope["path"])


async def _app_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, AppError)
    if error.detail:
        log.warning("request_refused", code=error.code, detail=error.detail)
    return _render(request, error)


async def _validation_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    if first["loc"] == ("body",) and not is_json(request.headers.get("content-type", "")):
        return _render(request, UnsupportedMedia("Send application/json."))
    if first["type"] == "json_invalid":
        return _render(request, MalformedRequest("The body is not valid JSON."))
    # The place and the rule, never the value: what was sent may be a password, or hostile.
    place = ".".join(str(part) for part in first["loc"][1:] if isinstance(part, (str, int)))[:60] or "body"
    return _render(request, InvalidInput(describe(first), field=place))


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _BY_STATUS.get(error.status_code, InvalidInput if error.status_code < 500 else AppError)
    response = _render(request, kind())
    for name, value in (error.headers or {}).items():
        response.headers[name] = value
    return response
