"""The outermost guard: a request id, one access line, the metrics, and a calm answer to the unexpected."""

import asyncio
import logging
import secrets
import time

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_api.core.errors import AppError, ShuttingDown
from chat_api.core.language import speak, wanted_language
from chat_api.core.logging import get_logger, is_logged
from chat_api.core.metrics import Metrics
from chat_api.http.middleware.answers import send_error
from chat_api.http.middleware.headers import secured

log = get_logger(__name__)

_KNOWN_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
# Where in a request's state stands what its answer says as well, whatever it is: what is left of a limit.
ANSWER_HEADERS = "answer_headers"
QUIET_PREFIXES = ("/_nicegui", "/health", "/metrics", "/assets")


class RequestContext:
    """Gives each request its language, and an id that its log lines, errors and ``X-Request-ID`` header share."""

    def __init__(self, app: ASGIApp, *, metrics: Metrics, default_language: str) -> None:
        self._app = app
        self._metrics = metrics
        self._default_language = default_language

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on inside the context."""
        if scope["type"] not in {"http", "websocket"}:
            return await self._app(scope, receive, send)
        # Always our own: an id from outside could forge another request's lines.
        request_id = secrets.token_hex(8)
        scope.setdefault("state", {})["request_id"] = request_id
        speak(wanted_language(scope["headers"], default=self._default_language))
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            if scope["type"] == "websocket":
                return await self._app(scope, receive, send)
            await self._http(scope, receive, send, request_id)

    async def _http(self, scope: Scope, receive: Receive, send: Send, request_id: str) -> None:
        started_s = time.perf_counter()
        status = 500
        has_started = False

        async def noted(message: Message) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                has_started = True
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-ID"] = request_id
                message["headers"].extend(scope["state"].get(ANSWER_HEADERS, ()))
            await send(message)

        try:
            await self._app(scope, receive, noted)
        except asyncio.CancelledError:  # by the server, at the end of the process
            if has_started:
                raise
            await send_error(scope, receive, secured(scope, noted), ShuttingDown())
        except Exception:
            log.exception("request_failed", method=scope["method"], path=_route(scope))
            if has_started:
                raise
            await send_error(scope, receive, secured(scope, noted), AppError())
        finally:
            account(self._metrics, scope, status, time.perf_counter() - started_s)


def account(metrics: Metrics, scope: Scope, status: int, duration_s: float) -> None:
    """Count a request that was answered, and write its line."""
    route = _route(scope)
    metrics.record_request(_method(scope), route, status, duration_s)
    if is_logged(logging.INFO) and not scope["path"].startswith(QUIET_PREFIXES):
        request_id = scope["state"]["request_id"]
        log.info(
            "request",
            method=scope["method"],
            route=route,
            status=status,
            duration_s=round(duration_s, 4),
            request_id=request_id,
        )


def _route(scope: Scope) -> str:
    """The route's pattern, never the path: paths hold ids and tokens, and are without number."""
    path = getattr(scope.get("route"), "path", None)
    return path if isinstance(path, str) and path else "unmatched"


def _method(scope: Scope) -> str:
    return scope["method"] if scope["method"] in _KNOWN_METHODS else "other"
