"""What keeps open pages true: the end of a session closes its pages, and a change of the fleet reaches all at once.

Both are done once for the process, however many pages are open: one query every two seconds, one comparison and one
Socket.IO broadcast for each change. The broadcast goes past NiceGUI's outbox, which is built for one page.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Any, Final

from fastapi import FastAPI
from nicegui import Client, core

from chat_api.core.errors import DatabaseUnavailable
from chat_api.core.logging import get_logger
from chat_api.schemas.fleet import FleetView, RestartView
from chat_api.schemas.principals import Principal
from chat_api.services.auth import AuthService
from chat_api.services.fleet import FleetService
from chat_api.workers.supervisor import Supervisor, every
from console.guard import sockets_of
from console.notices import notices_feed
from console.widgets.fleet_data import bot_snapshot, fleet_patch, fleet_snapshot

log = get_logger(__name__)

SESSION_CHECK_S: Final = 2.0
FLEET_ROOM: Final = "fleet"


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """A page in a browser, and for whom it was built. Without ``sign_in`` it returns to itself when that ends."""

    client: Client
    principal: Principal
    sign_in: str | None


class OpenPages:
    """The registry of open pages; a page leaves it when NiceGUI deletes its client."""

    def __init__(self, auth: AuthService) -> None:
        self._auth = auth
        self._pages: dict[str, OpenPage] = {}

    def __len__(self) -> int:
        return len(self._pages)

    def __contains__(self, client: Client) -> bool:
        return client.id in self._pages

    def add(self, client: Client, principal: Principal, *, sign_in: str | None) -> None:
        """Follow a page until it is closed or its session ends."""
        self._pages[client.id] = OpenPage(client=client, principal=principal, sign_in=sign_in)
        client.on_delete(lambda: self._forget(client.id))

    async def principal(self, principal: Principal) -> Principal | None:
        """Who this session is at this moment (its role may have changed), or ``None`` when it has ended."""
        return (await self._auth.living([principal.session_id])).get(principal.session_id)

    async def check_sessions(self) -> None:
        """Close the pages of sessions that ended, and rebuild those whose role changed."""
        asked = tuple(self._pages.values())  # a page that is opened while we ask was not asked for
        if not asked:
            return
        try:
            living = await self._auth.living({page.principal.session_id for page in asked})
        except DatabaseUnavailable:
            return  # an operator needs the page most now; what it asks for is checked again by the services
        for page in asked:
            now = living.get(page.principal.session_id)
            if now is None:
                await self.end(page.client)
            elif now.role is not page.principal.role and page.client in self:
                page.client.run_javascript("window.location.reload()")

    async def end(self, client: Client) -> None:
        """Send a page to where one signs in, and push nothing to it any more."""
        page = self._pages.pop(client.id, None)
        if page is None:
            return
        for sid in sockets_of(client.id):
            for room in core.sio.rooms(sid):
                if room not in {sid, client.id}:  # what is said to many; it still has to hear where to go
                    await core.sio.leave_room(sid, room)
        # Only the browser knows where it is: the address has what was filtered for, or with whom one talks.
        back = "encodeURIComponent(location.pathname + location.search)"
        go = f"location.assign({json.dumps(page.sign_in)} + '?next=' + {back})" if page.sign_in else "location.reload()"
        client.run_javascript(go)

    def _forget(self, client_id: str) -> None:
        self._pages.pop(client_id, None)


class FleetFeed:
    """Numbered changes of the fleet, the same for every page: a page that misses one asks for everything."""

    def __init__(self, fleet: FleetService, pages: OpenPages) -> None:
        self._fleet = fleet
        self._pages = pages
        self._sent: FleetView | None = None
        self._latest: FleetView | None = None
        self._whole: tuple[FleetView, dict[str, Any]] | None = None
        self._seq = 0
        self._changed = asyncio.Event()
        self._restart_pages: dict[str, tuple[Client, Callable[[RestartView], None]]] = {}

    def on_restart(self, client: Client, shown: Callable[[RestartView], None]) -> None:
        """Call ``shown`` in the page's context for every step of every restart, while its session lasts."""
        self._restart_pages[client.id] = (client, shown)
        client.on_delete(lambda: self._forget(client.id))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of changes while the block runs."""
        with self._fleet.changes.listening(self._take):
            yield

    def follow(self, client: Client, principal: Principal, *, bot_name: str | None = None) -> None:
        """Send a page everything whenever it connects, and from then on what changes.

        The page of one bot names it: it is sent that bot alone at first, and picks it out of what changes.
        Raises: PermissionDenied, NotAuthenticated.
        """
        self._fleet.view(principal)

        async def connected() -> None:
            if client not in self._pages:
                return  # the session ended; a page that stays all the same hears nothing
            for sid in sockets_of(client.id):
                await core.sio.enter_room(sid, FLEET_ROOM)
            await self.send_all(client, principal, bot_name=bot_name)

        client.on_connect(connected)

    async def send_all(self, client: Client, principal: Principal, *, bot_name: str | None = None) -> None:
        """Send a page everything as of the last change. Raises: PermissionDenied, NotAuthenticated."""
        if client not in self._pages:
            return
        view = self._fleet.view(principal)
        if self._sent is None:
            self._sent = view
        whole = self._snapshot(self._sent) if bot_name is None else bot_snapshot(self._sent, bot_name)
        message = {"seq": self._seq, "now": time.time(), "all": whole}
        await core.sio.emit("fleet", message, room=client.id)

    async def run(self) -> None:
        """Send what changed, as it changes."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            latest, before = self._latest, self._sent
            self._sent = latest
            if latest is None or before is None:
                continue
            patch = fleet_patch(before, latest)
            if patch:
                self._seq += 1
                message = {"seq": self._seq, "now": time.time(), "changes": patch}
                await core.sio.emit("fleet", message, room=FLEET_ROOM)
                self._show_restarts(before, latest)

    def _snapshot(self, view: FleetView) -> dict[str, Any]:
        """Made once for all pages that are opened before the next change."""
        if self._whole is None or self._whole[0] is not view:
            self._whole = view, fleet_snapshot(view)
        return self._whole[1]

    def _show_restarts(self, before: FleetView, latest: FleetView) -> None:
        known = {bot.name: bot.restart for bot in before.bots}
        moved = [bot.restart for bot in latest.bots if bot.restart and bot.restart != known.get(bot.name)]
        if not moved:
            return
        for client, shown in tuple(self._restart_pages.values()):
            if client in self._pages:
                with client:
                    for restart in moved:
                        shown(restart)

    def _forget(self, client_id: str) -> None:
        self._restart_pages.pop(client_id, None)

    def _take(self, view: FleetView) -> None:
        self._latest = view
        self._changed.set()


@asynccontextmanager
async def following(host: FastAPI) -> AsyncIterator[None]:
    """Follow open pages and the fleet while the services are open."""
    from console.system_feed import SystemFeed  # it needs OpenPages from here

    services = host.state.services
    notices_feed(services.switches)
    host.state.open_pages = pages = OpenPages(services.auth)
    host.state.fleet_feed = feed = FleetFeed(services.fleet, pages)
    host.state.system_feed = system_feed = SystemFeed(services.system, pages)
    supervisor = Supervisor(
        {
            "console_sessions": lambda: every(SESSION_CHECK_S, pages.check_sessions),
            "console_fleet": feed.run,
            "console_system": system_feed.run,
        },
        book=services.system.book,
    )
    supervisor.start()
    try:
        with feed.listening():
            yield
    finally:
        await supervisor.stop()
