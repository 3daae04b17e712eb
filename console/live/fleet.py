"""Sends changes of the fleet to all open pages at once.

It is done once for the process, however many pages are open: one comparison and one Socket.IO broadcast for each
change. The broadcast goes past NiceGUI's outbox, which is built for one page.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from nicegui import Client, core

from chat_api.core.logging import get_logger
from chat_api.core.principals import Principal
from chat_api.fleet.schemas import BotView, FleetView, RestartView
from chat_api.fleet.service import FleetService
from console.context import kept
from console.live.fleet_snapshots import fleet_patch, fleet_snapshot
from console.live.open_pages import OpenPages
from console.live.sockets import sockets_of

log = get_logger(__name__)

FLEET_ROOM: Final = "fleet"
ShowBot = Callable[[BotView | None, FleetView], None]


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
        self._bot_pages: dict[str, tuple[Client, str, ShowBot]] = {}

    def on_restart(self, client: Client, shown: Callable[[RestartView], None]) -> None:
        """Call ``shown`` in the page's context for every step of every restart, while its session lasts."""
        self._restart_pages[client.id] = (client, shown)
        client.on_delete(lambda: self._evict(client.id))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Hear of changes while the block runs."""
        with self._fleet.changes.listening(self._take):
            yield

    def on_bot(self, client: Client, bot_name: str, shown: ShowBot) -> None:
        """Call ``shown`` in the page's context when this bot changes, or what it stands on, while its session lasts."""
        if self._sent is None:  # what changes is found by comparing with what was there
            self._sent = self._fleet.current()
        self._bot_pages[client.id] = (client, bot_name, shown)
        client.on_delete(lambda: self._evict(client.id))

    def follow(self, client: Client, principal: Principal) -> None:
        """Send a page everything whenever it connects, and from then on what changes.

        Raises: PermissionDenied, NotAuthenticated.
        """
        self._fleet.view(principal)

        async def connected() -> None:
            if client not in self._pages:
                return  # the session ended; a page that stays all the same hears nothing
            for sid in sockets_of(client.id):
                await core.sio.enter_room(sid, FLEET_ROOM)
            await self.send_all(client, principal)

        client.on_connect(connected)

    async def send_all(self, client: Client, principal: Principal) -> None:
        """Send a page everything as of the last change. Raises: PermissionDenied, NotAuthenticated."""
        if client in self._pages:
            await core.sio.emit("fleet", self.whole(principal), room=client.id)

    def whole(self, principal: Principal) -> dict[str, Any]:
        """Everything as of the last change. Raises: PermissionDenied, NotAuthenticated."""
        view = self._fleet.view(principal)
        if self._sent is None:
            self._sent = view
        return {"seq": self._seq, "now": time.time(), "all": self._snapshot(self._sent)}

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
                self._show_bots(before, latest)

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
                with self._pages.entered(client):
                    for restart in moved:
                        shown(restart)

    def _show_bots(self, before: FleetView, latest: FleetView) -> None:
        if not self._bot_pages:
            return
        known, bots = ({bot.name: bot for bot in view.bots} for view in (before, latest))
        for client, name, shown in tuple(self._bot_pages.values()):
            is_same = bots.get(name) == known.get(name) and latest.services == before.services
            if not is_same and client in self._pages:
                with self._pages.entered(client):
                    shown(bots.get(name), latest)

    def _evict(self, client_id: str) -> None:
        self._restart_pages.pop(client_id, None)
        self._bot_pages.pop(client_id, None)

    def _take(self, view: FleetView) -> None:
        self._latest = view
        self._changed.set()


def fleet_feed() -> FleetFeed:
    """The one stream of fleet changes to all pages that show the fleet."""
    return kept("fleet_feed", FleetFeed)
