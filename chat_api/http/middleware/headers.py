"""Security headers on every response."""

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# NiceGUI compiles its templates in the browser and writes inline scripts: hence the two "unsafe" words. Everything is
# served by ourselves, nothing may frame us, and no form or base address can be turned elsewhere.
PAGE_POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; style-src 'self' 'unsafe-inline';"
    " img-src 'self' data: blob:; font-src 'self' data:; connect-src 'self'; object-src 'none'; base-uri 'self';"
    " form-action 'self'; frame-ancestors 'none'"
)
HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(self)",
    "Content-Security-Policy": PAGE_POLICY,
}
HSTS = "max-age=31536000"


class SecurityHeaders:
    """Adds the headers; answers of the API are never cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Go on, and add the headers when the response starts."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)

        await self._app(scope, receive, secured(scope, send))


def secured(scope: Scope, send: Send) -> Send:
    """``send`` with the security headers on what it starts."""

    async def with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in HEADERS.items():
                headers.setdefault(name, value)
            if scope["scheme"] == "https":
                headers.setdefault("Strict-Transport-Security", HSTS)
            if scope["path"].startswith(("/api", "/v1")):
                headers.setdefault("Cache-Control", "no-store")
        await send(message)

    return with_headers
