"""The System page's live data: asked for once for all viewers, every few seconds, and only while somebody watches."""

import asyncio
from contextlib import suppress
from datetime import datetime
from typing import Any, Final

from nicegui import Client, core

from chat_api.core.principals import Permission, Principal
from chat_api.system.schemas import SystemView
from chat_api.system.service import SystemService
from console.context import kept
from console.live.open_pages import OpenPages
from console.live.sockets import sockets_of

ROOM: Final = "system"
PUSH_EVERY_S: Final = 2.0


class SystemFeed:
    """Pushes the whole view; it is some kilobytes, and its figures all change from one to the next."""

    def __init__(self, system: SystemService, pages: OpenPages) -> None:
        self._system = system
        self._pages = pages
        self._wake = asyncio.Event()

    def follow(self, client: Client, principal: Principal) -> None:
        """Push to a page from when it connects. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_SYSTEM)

        async def connected() -> None:
            if client not in self._pages:
                return  # the session ended; a page that stays all the same hears nothing
            for sid in sockets_of(client.id):
                await core.sio.enter_room(sid, ROOM)
            self._wake.set()

        client.on_connect(connected)

    async def run(self) -> None:
        """Push while there are viewers, until cancelled."""
        while True:
            self._wake.clear()
            if not _has_viewers():
                await self._wake.wait()
            view = await self._system.current()
            await core.sio.emit(ROOM, system_data(view, self._system), room=ROOM)
            with suppress(TimeoutError):
                async with asyncio.timeout(PUSH_EVERY_S):
                    await self._wake.wait()


def system_data(view: SystemView, system: SystemService) -> dict[str, Any]:
    """The view as the page's script reads it; times are Unix seconds."""
    told: dict[str, Any] = _plain(view)
    told["slow_queries"] = _plain(system.slow_queries(view))
    for process in told["processes"]:
        process.pop("slow_queries")
    return told


def _plain(value: Any) -> Any:
    """Dataclasses, tuples and times as what JSON has."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    fields = getattr(value, "__dataclass_fields__", None)
    return {name: _plain(getattr(value, name)) for name in fields} if fields else str(value)


def _has_viewers() -> bool:
    return bool(core.sio.manager.rooms.get("/", {}).get(ROOM))


def system_feed() -> SystemFeed:
    """The one stream of this service's own figures to all pages that show them."""
    return kept("system_feed", SystemFeed)
