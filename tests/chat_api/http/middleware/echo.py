"""A tiny application behind one guard, called from a peer of the test's choice."""

from typing import Any

import httpx
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send


async def echo(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers what it was given: client, scheme and the size of the body."""
    request = Request(scope, receive)
    body = await request.body()
    client = request.client.host if request.client else None
    await JSONResponse({"client": client, "scheme": request.url.scheme, "size": len(body)})(scope, receive, send)


def client_of(app: ASGIApp, *, peer: str = "198.51.100.7", **options: Any) -> httpx.AsyncClient:
    """A client that seems to call from ``peer``."""
    transport = httpx.ASGITransport(app=app, client=(peer, 40_000))
    return httpx.AsyncClient(transport=transport, base_url="http://chat.example.org", **options)
