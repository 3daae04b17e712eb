"""How the bots are, for chat pages: one comparison and one broadcast for each change, however many pages are open."""

from dataclasses import dataclass
from typing import Final
from weakref import WeakKeyDictionary

import orjson
from nicegui import Client, background_tasks, core

from chat_api.fleet.schemas import FleetView
from chat_api.fleet.service import FleetService, PublicBot
from console.live.sockets import sockets_of
from console.pages.chat.data import Json, bot_data

ROOM: Final = "chat_bots"


@dataclass(frozen=True, slots=True, kw_only=True)
class BotsData:
    """The bots at some moment, as a page is built with them; the same for all pages that are built then."""

    names: frozenset[str]
    json: str


class BotsFeed:
    """The public side of the fleet. It lives as long as the fleet service that it listens to."""

    def __init__(self, fleet: FleetService) -> None:
        self._fleet = fleet.public_bots
        self._sent = self._fleet()
        self._data = _data(self._sent)
        fleet.changes.listen(self._take)

    def follow(self, client: Client) -> BotsData:
        """The bots as they are now, for a page to be built with; what changes afterwards is sent to it."""
        built_with, data = self._sent, self._data

        async def connected() -> None:
            for sid in sockets_of(client.id):
                await core.sio.enter_room(sid, ROOM)
            if built_with != self._sent:
                await core.sio.emit(ROOM, _changes((), self._sent), room=client.id)

        client.on_connect(connected)
        return data

    def _take(self, _: FleetView) -> None:
        before, self._sent = self._sent, self._fleet()
        if self._sent != before:
            self._data = _data(self._sent)
            background_tasks.create(core.sio.emit(ROOM, _changes(before, self._sent), room=ROOM), name="chat_bots")


def bots_feed(fleet: FleetService) -> BotsFeed:
    """The one feed of a fleet service."""
    if fleet not in _feeds:
        _feeds[fleet] = BotsFeed(fleet)
    return _feeds[fleet]


def _data(bots: tuple[PublicBot, ...]) -> BotsData:
    bots_json = orjson.dumps([bot_data(bot) for bot in bots]).decode()
    return BotsData(names=frozenset(bot.name for bot in bots), json=bots_json)


def _changes(before: tuple[PublicBot, ...], now: tuple[PublicBot, ...]) -> Json:
    """The bots that are new or different, and the names of all in their order."""
    known = set(before)
    return {"bots": [bot_data(bot) for bot in now if bot not in known], "names": [bot.name for bot in now]}


_feeds: WeakKeyDictionary[FleetService, BotsFeed] = WeakKeyDictionary()
