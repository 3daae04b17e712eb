"""People's streams, for their open chat pages: each event is sent once, to all pages of its person in a language.

It goes past NiceGUI's outbox, which is built for one page and sends ten times a second. A page knows the place in the
stream that it was told up to, sees by the numbers what it missed (while it was not connected, say), and asks for that.
"""

import asyncio
from collections import deque
from typing import Final
from weakref import WeakKeyDictionary

from nicegui import Client, background_tasks, core

from chat_api.core.language import language, speaking
from chat_api.messages.feeds import Feeds
from chat_api.messages.schemas import DeltaEvent, GapEvent, LiveEvent, StreamEvent, StreamPosition, TypingEvent
from console.live.open_pages import open_pages
from console.live.sockets import sockets_of
from console.pages.chat.data import Json, delta_data, event_data, position_data

EVENT: Final = "chat"
MAX_EVENTS_WAITING: Final = 256


class ChatFeed:
    """The streams that open pages follow. It lives as long as the feeds that it listens to."""

    def __init__(self, feeds: Feeds) -> None:
        self._feeds = feeds
        self._people: dict[tuple[str, str], _Person] = {}

    async def follow(self, client: Client, user_id: str) -> StreamPosition:
        """Tell a page what happens after the position that is returned, from its first connection until it is gone.

        Raises: DatabaseUnavailable.
        """
        key = user_id, language()
        person = self._people.get(key)
        if person is None:
            person = self._people[key] = _Person(self._feeds, *key)
        person.pages.add(client.id)
        client.on_delete(lambda: self._leave(person, client))
        try:
            built_at = await person.follow()
        except BaseException:
            self._leave(person, client)
            raise
        is_new = True

        async def connected() -> None:
            nonlocal is_new
            if client not in open_pages():
                return  # the session ended; a page that stays all the same hears nothing
            for sid in sockets_of(client.id):
                await core.sio.enter_room(sid, person.room)
            if not is_new or person.sent != built_at:
                await _emit([{"kind": "position", **position_data(person.sent)}], room=client.id)
            is_new = False

        client.on_connect(connected)
        return built_at

    async def catch_up(self, client: Client, user_id: str, *, epoch: str, after: int) -> None:
        """Tell one page all that it missed since a place in the stream, or to ask anew when that cannot be told.

        Raises: DatabaseUnavailable.
        """
        now = self._feeds.position(user_id)
        if now is None:
            return
        is_same = str(now.epoch) == epoch
        missed = await self._feeds.replay(user_id, after=after, up_to=now.seq) if is_same else None
        sent = [_resync(now)] if missed is None else [await event_data(event) for event in missed]
        if client in open_pages():
            await _emit(sent, room=client.id)

    def _leave(self, person: "_Person", client: Client) -> None:
        person.pages.discard(client.id)
        if not person.pages:
            person.unfollow()
            key = person.user_id, person.language
            if self._people.get(key) is person:
                del self._people[key]


class _Person:
    """One person's stream in one language. ``pages`` are the ids of those that follow it, ``sent`` is how far."""

    sent: StreamPosition

    def __init__(self, feeds: Feeds, user_id: str, code: str) -> None:
        self.user_id = user_id
        self.language = code
        self.room = f"chat of {user_id} in {code}"
        self.pages: set[str] = set()
        self._feeds = feeds
        self._opening = asyncio.Lock()
        self._is_followed = False
        self._waiting: deque[StreamEvent | LiveEvent] = deque()
        self._telling: asyncio.Task[None] | None = None

    async def follow(self) -> StreamPosition:
        """How far the pages have been told, once the stream is followed. Raises: DatabaseUnavailable."""
        async with self._opening:
            if not self._is_followed:
                self.sent = await self._feeds.follow(self.user_id, self._on_event, self._on_event)
                self._is_followed = True
        return self.sent

    def unfollow(self) -> None:
        """Hear nothing more."""
        self._feeds.unfollow(self.user_id, self._on_event)

    def _on_event(self, event: StreamEvent | LiveEvent) -> None:
        if isinstance(event, TypingEvent):
            return  # a message that is pending says it
        if isinstance(event, GapEvent) or len(self._waiting) >= MAX_EVENTS_WAITING:
            self._waiting.clear()
            event = GapEvent(user_id=self.user_id)
        self._waiting.append(event)
        if self._telling is None or self._telling.done():
            self._telling = background_tasks.create(self._tell(), name=f"chat events of {self.user_id}")

    async def _tell(self) -> None:
        """Pass on what was heard, in order: together what came while the last of it was rendered and sent."""
        while self._waiting:
            events, self._waiting = self._waiting, deque()
            with speaking(self.language):
                frame = [await self._data(event) for event in events]
            await _emit(frame, room=self.room)
            last = next((sent for sent in reversed(frame) if "seq" in sent), None)
            if last is not None:
                self.sent = StreamPosition(epoch=self._now.epoch, seq=last["seq"])

    async def _data(self, event: StreamEvent | LiveEvent) -> Json:
        if isinstance(event, StreamEvent):
            return await event_data(event)
        return delta_data(event) if isinstance(event, DeltaEvent) else _resync(self._now)

    @property
    def _now(self) -> StreamPosition:
        return self._feeds.position(self.user_id) or self.sent


def chat_feed(feeds: Feeds) -> ChatFeed:
    """The one feed for pages of these streams."""
    if feeds not in _chat_feeds:
        _chat_feeds[feeds] = ChatFeed(feeds)
    return _chat_feeds[feeds]


async def _emit(events: list[Json], *, room: str) -> None:
    await core.sio.emit(EVENT, events, room=room)


def _resync(now: StreamPosition) -> Json:
    return {"kind": "resync", **position_data(now)}


_chat_feeds: WeakKeyDictionary[Feeds, ChatFeed] = WeakKeyDictionary()
