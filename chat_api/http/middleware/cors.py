"""Pages of other sites that call us with an API key: whom the allow-list names may, and read the answers.

A cookie is never taken from there: what has no key of its own is refused as before, see :mod:`.origins`. A preflight is
answered before everything else, since a browser sends no credentials with it. Source: Fetch Standard, "CORS protocol".
"""

import re
from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from chat_api.core.origins import parsed_origin
from chat_api.core.security import KEY_PREFIX
from chat_api.http.openai_errors import is_openai_path

EVERYBODY = "*"
METHODS = "GET, POST, PUT, PATCH, DELETE, OPTIONS"
EXPOSED = ", ".join(
    (
        "Retry-After",
        "X-Request-ID",
        "x-ratelimit-limit-requests",
        "x-ratelimit-remaining-requests",
        "x-ratelimit-reset-requests",
        "x-should-retry",
    )
)
PREFLIGHT_LIVES_S = 600
# In a request's state: its page may do this although it is another site's.
IS_ADMITTED = "is_cors_admitted"
_HEADER_NAMES = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+(?:\s*,\s*[A-Za-z0-9!#$%&'*+.^_`|~-]+)*")
_BY_KEY = f"bearer {KEY_PREFIX}"
_PREFIXES = ("/api", "/v1")


class Cors:
    """Answers preflights, and adds what lets a page of the allow-list read an answer."""

    def __init__(self, app: ASGIApp, *, allowed_origins: Iterable[str]) -> None:
        origins = list(allowed_origins)
        self._app = app
        self._is_for_all = EVERYBODY in origins
        self._allowed = {parsed_origin(origin.rstrip("/")) for origin in origins} - {None}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a preflight, or go on."""
        headers = self.headers(scope)
        if not headers:
            return await self._app(scope, receive, send)
        if scope["method"] == "OPTIONS" and _has(scope, b"access-control-request-method"):
            return await self._preflight(scope, headers)(scope, receive, send)

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        self.admit(scope)
        await self._app(scope, receive, with_headers)

    def headers(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        """What an answer has besides; nothing where its page is not on the list, or is none."""
        if scope["type"] != "http" or not _has(scope, b"origin") or not scope["path"].startswith(_PREFIXES):
            return []
        origin = Headers(scope=scope).get("origin", "")
        if not self._is_for_all and parsed_origin(origin) not in self._allowed:
            return []
        allowed = EVERYBODY if self._is_for_all else origin
        headers = [
            (b"access-control-allow-origin", allowed.encode("latin-1", "replace")),
            (b"access-control-expose-headers", EXPOSED.encode()),
        ]
        return headers if self._is_for_all else [*headers, (b"vary", b"Origin")]

    def admit(self, scope: Scope) -> None:
        """Let a page of the list through the guard against other sites, where it cannot act by a cookie."""
        authorization = Headers(scope=scope).get("authorization", "")
        if is_openai_path(scope["path"]) or authorization.lower().startswith(_BY_KEY):
            scope.setdefault("state", {})[IS_ADMITTED] = True

    def _preflight(self, scope: Scope, headers: list[tuple[bytes, bytes]]) -> Response:
        asked = Headers(scope=scope).get("access-control-request-headers", "")
        response = Response(status_code=204)
        response.raw_headers.extend(headers)
        response.headers["Access-Control-Allow-Methods"] = METHODS
        response.headers["Access-Control-Max-Age"] = str(PREFLIGHT_LIVES_S)
        if _HEADER_NAMES.fullmatch(asked.strip()):
            response.headers["Access-Control-Allow-Headers"] = asked.strip()
        return response


def _has(scope: Scope, name: bytes) -> bool:
    return any(key == name for key, _ in scope["headers"])
