"""How an error looks, whatever door it leaves by. Source: protocol, "REST"."""

import math
from typing import Any

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from chat_api.core.errors import AppError
from chat_api.http.openai_errors import is_openai_path, openai_error, openai_headers, openai_status


def error_body(error: AppError, *, request_id: str) -> dict[str, Any]:
    """``{"error": {"code", "message", "request_id"}}`` and what the error adds, such as ``message_id``."""
    return {"error": {"code": error.code, "message": error.message, "request_id": request_id, **error.extra}}


def error_response(error: AppError, *, request_id: str, path: str) -> JSONResponse:
    """The response for an error of a path, with ``Retry-After`` where waiting helps."""
    headers = {}
    if error.retry_after_s is not None or error.status in {429, 503}:
        headers["Retry-After"] = str(math.ceil(error.retry_after_s or 1))
    if error.status == 401:
        headers["WWW-Authenticate"] = "Bearer"
    if error.status == 413:
        headers["Connection"] = "close"  # else the server would read the rest, only to throw it away
    if is_openai_path(path):
        return JSONResponse(openai_error(error), openai_status(error), headers | openai_headers(error))
    return JSONResponse(error_body(error, request_id=request_id), error.status, headers)


async def send_error(scope: Scope, receive: Receive, send: Send, error: AppError) -> None:
    """Answer an HTTP request with an error from a middleware."""
    request_id = scope.get("state", {}).get("request_id", "")
    await error_response(error, request_id=request_id, path=scope["path"])(scope, receive, send)
