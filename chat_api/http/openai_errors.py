"""Errors as OpenAI's API has them, for every path below ``/v1``. Source: OpenAI, "Error codes"."""

from typing import Any

from chat_api.core.errors import AppError

PREFIX = "/v1"
# What clients of that API know by another name than ours.
_CODES = {
    "not_authenticated": "invalid_api_key",
    "not_found": "unknown_url",
    "rate_limited": "rate_limit_exceeded",
    "budget_spent": "insufficient_quota",
    "invalid_input": None,
    "malformed_request": None,
}


def is_openai_path(path: str) -> bool:
    """Whether what lies there speaks as OpenAI's API does."""
    return path == PREFIX or path.startswith(f"{PREFIX}/")


def openai_status(error: AppError) -> int:
    """The status: what is not valid is 400 there."""
    return 400 if error.status == 422 else error.status


def openai_error(error: AppError) -> dict[str, Any]:
    """``{"error": {"message", "type", "param", "code"}}``; our request id is in a header."""
    return {
        "error": {
            "message": error.message,
            "type": _type(error),
            "param": error.field,
            "code": _CODES.get(error.code, error.code),
        }
    }


def openai_headers(error: AppError) -> dict[str, str]:
    """Tells the official clients not to send a message again that was stored, or that no time will help."""
    is_final = "message_id" in error.extra or (error.status == 429 and not error.is_retryable)
    return {"x-should-retry": "false"} if is_final else {}


def _type(error: AppError) -> str:
    if error.status >= 500:
        return "server_error"
    if error.code == "budget_spent":
        return "insufficient_quota"
    return {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        error.status, "invalid_request_error"
    )
