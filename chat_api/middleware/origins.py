"""Cross-site requests: refused where they could change something, and on every WebSocket."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chat_api.core.errors import PermissionDenied
from chat_api.middleware.answers import send_error

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CLOSE_FORBIDDEN = 4403
_TELLING = frozenset({b"origin", b"sec-fetch-site"})


def foreign_origin() -> PermissionDenied:
    """The refusal of a request that another site's page makes."""
    return PermissionDenied("Requests from other sites are not allowed.")


class OriginGuard:
    """Lets a browser's page through only from our own origin or an allowed one; programs send no ``Origin``."""

    def __init__(self, app: ASGIApp, *, allowed_origins: Iterable[str]) -> None:
        self._app = app
        self._allowed = {origin.rstrip("/").lower() for origin in allowed_origins}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuse with 403 (or close code 4403), or go on."""
        if scope["type"] == "websocket" and not self.is_allowed(scope):
            # Denied before it is accepted: the browser's page learns nothing, not even that there is a WebSocket.
            await receive()
            await send({"type": "websocket.close", "code": CLOSE_FORBIDDEN})
            return
        if scope["type"] == "http" and scope["method"] not in SAFE_METHODS and not self.is_allowed(scope):
            await send_error(scope, receive, send, foreign_origin())
            return
        await self._app(scope, receive, send)

    def is_allowed(self, scope: Scope) -> bool:
        """Whether the ``Origin`` of a request is ours. Source: RFC 6454; Fetch Metadata."""
        if not any(name in _TELLING for name, _ in scope["headers"]):
            return True  # a program, or a browser too old to tell
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        if origin.lower() in self._allowed:
            return True
        own_scheme = {"ws": "http", "wss": "https"}.get(scope["scheme"], scope["scheme"])
        try:
            parts = urlsplit(origin)
        except ValueError:
            return False
        return parts.netloc.lower() == headers.get("host", "").lower() and parts.scheme == own_scheme
