"""The System page's live data: asked for once for all viewers, every few seconds, and only while somebody watches."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from nicegui import Client

from chat_api.core.principals import Permission, Principal
from chat_api.core.slow_queries import SlowQuery
from chat_api.system.schemas import SystemView
from chat_api.system.service import SystemService
from console.context import kept
from console.live.open_pages import OpenPages

PUSH_EVERY_S: Final = 2.0

Show = Callable[[SystemView, Sequence[SlowQuery]], None]


class SystemFeed:
    """The pages that show this service itself; each leaves when NiceGUI deletes its client."""

    def __init__(self, system: SystemService, pages: OpenPages) -> None:
        self._system = system
        self._pages = pages
        self._viewers: dict[str, tuple[Client, Show]] = {}
        self._wake = asyncio.Event()

    def follow(self, client: Client, principal: Principal, show: Show) -> None:
        """Call ``show`` in the page's context from when it connects. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SYSTEM)
        self._viewers[client.id] = client, show
        client.on_connect(self._wake.set)
        client.on_delete(lambda: self._evict(client.id))

    async def run(self) -> None:
        """Show how all is while there are viewers, until cancelled."""
        while True:
            self._wake.clear()
            if not self._watching():
                await self._wake.wait()
            view = await self._system.current()
            slow_queries = self._system.slow_queries(view)
            for client, show in self._watching():
                with self._pages.entered(client):
                    show(view, slow_queries)
            with suppress(TimeoutError):
                async with asyncio.timeout(PUSH_EVERY_S):
                    await self._wake.wait()

    def _watching(self) -> list[tuple[Client, Show]]:
        """The pages that are in a browser; one whose session ended is shown nothing more."""
        found = self._viewers.values()
        return [(client, show) for client, show in found if client.has_socket_connection and client in self._pages]

    def _evict(self, client_id: str) -> None:
        self._viewers.pop(client_id, None)


def system_feed() -> SystemFeed:
    """The one stream of this service's own figures to all pages that show them."""
    return kept("system_feed", SystemFeed)
