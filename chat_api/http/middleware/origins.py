"""Cross-site requests: refused where they could change something, and on every WebSocket."""

from collections.abc import Iterable

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from chat_api.core.errors import PermissionDenied
from chat_api.core.origins import parsed_origin, web_scheme
from chat_api.http.middleware.answers import send_error
from chat_api.http.middleware.cors import IS_ADMITTED

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
CLOSE_FORBIDDEN = 4403
_TELLING = frozenset({b"origin", b"sec-fetch-site"})


def foreign_origin() -> PermissionDenied:
    """The refusal of a request that another site's page makes."""
    return PermissionDenied(
        "Requests from other sites are not allowed. If this is your own console behind a proxy, the proxy has to pass"
        " on the Host header, or WEB_UI_PUBLIC_URL has to name the address that browsers use."
    )


class OriginGuard:
    """Lets a browser's page through only from our own origin or an allowed one; programs send no ``Origin``."""

    def __init__(self, app: ASGIApp, *, allowed_origins: Iterable[str]) -> None:
        self._app = app
        self._allowed = {parsed_origin(origin.rstrip("/")) for origin in allowed_origins} - {None}

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
        if scope.get("state", {}).get(IS_ADMITTED):
            return True
        headers = Headers(scope=scope)
        origin = headers.get("origin")
        if origin is None:
            return headers.get("sec-fetch-site", "none") in {"none", "same-origin"}
        # The port of a scheme goes without saying: some proxies say it in Host, browsers never do in Origin.
        given = parsed_origin(origin)
        own = parsed_origin(f"{web_scheme(scope['scheme'])}://{headers.get('host', '')}")
        return given is not None and (given in self._allowed or given == own)
