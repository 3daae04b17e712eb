"""A real HTTP server that receives what apprise sends, and can be told to refuse it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

SECRET = "Tr0ub4dor-secret-path"


@dataclass(kw_only=True)
class Receiver:
    """``messages`` are what arrived and was accepted, oldest first; ``refused`` counts the rest."""

    url: str = ""
    status: int = 200
    refused: int = 0
    pings: int = 0
    messages: list[dict[str, Any]] = field(default_factory=list)

    @property
    def channel_url(self) -> str:
        """What a channel has as its address; with a secret in it, as real ones have."""
        return self.url.replace("http://", "json://") + f"/{SECRET}"

    @property
    def titles(self) -> list[str]:
        """What arrived."""
        return [message["title"] for message in self.messages]


@asynccontextmanager
async def alert_receiver() -> AsyncIterator[Receiver]:
    """Serve while the block runs."""
    receiver = Receiver()

    async def take(request: web.Request) -> web.Response:
        if receiver.status >= 400:
            receiver.refused += 1
        else:
            receiver.messages.append(await request.json())
        return web.Response(status=receiver.status)

    async def ping(_: web.Request) -> web.Response:
        receiver.pings += 1
        return web.Response(text="OK")

    app = web.Application()
    app.router.add_post("/{path:.*}", take)
    app.router.add_get("/{path:.*}", ping)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    receiver.url = f"http://127.0.0.1:{port}"
    try:
        yield receiver
    finally:
        await runner.cleanup()
