"""How all is, on every page of the console: the badges of its menu and the title of its tab, live.

One broadcast for each change, however many pages are open; `assets/console.js` shows it.
"""

from typing import Any, Final
from weakref import WeakKeyDictionary

from nicegui import Client, background_tasks, core

from chat_api.fleet.schemas import FleetView, ServiceStatus
from chat_api.fleet.service import FleetService
from console.live.open_pages import open_pages
from console.live.sockets import sockets_of

EVENT: Final = "pulse"
ROOM: Final = "pulse"


class PulseFeed:
    """Tells pages of people who may see the fleet. It lives as long as the service that it listens to."""

    def __init__(self, fleet: FleetService) -> None:
        self._fleet = fleet
        self._sent = pulse_data(fleet.current())
        fleet.changes.listen(self._take)

    @property
    def current(self) -> dict[str, Any]:
        """How all is now."""
        return pulse_data(self._fleet.current())

    def follow(self, client: Client) -> None:
        """Tell a page at each of its connections, and from then on of every change."""

        async def connected() -> None:
            if client not in open_pages():
                return
            for sid in sockets_of(client.id):
                await core.sio.enter_room(sid, ROOM)
            await core.sio.emit(EVENT, self.current, room=client.id)

        client.on_connect(connected)

    def _take(self, view: FleetView) -> None:
        data = pulse_data(view)
        if data != self._sent:
            self._sent = data
            background_tasks.create(core.sio.emit(EVENT, data, room=ROOM), name=EVENT)


def pulse_feed(fleet: FleetService) -> PulseFeed:
    """The one feed of a service."""
    if fleet not in _feeds:
        _feeds[fleet] = PulseFeed(fleet)
    return _feeds[fleet]


def pulse_data(view: FleetView) -> dict[str, Any]:
    """The state of the whole, and how much there is to look at on which page."""
    down = sum(service.status is ServiceStatus.UNHEALTHY for service in view.services)
    return {
        "status": view.status,
        "fleet": view.attention + down,
        "alerts": len(view.alerts),
        "incidents": len(view.incidents),
    }


_feeds: WeakKeyDictionary[FleetService, PulseFeed] = WeakKeyDictionary()
