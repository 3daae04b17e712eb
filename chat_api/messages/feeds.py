"""Users' streams as this process delivers them: every event in order, without gaps, once, whoever stored it.

There is a feed for each user with a listener in this process. What this process stores is delivered directly; what
another process stores is announced by pub/sub and read from PostgreSQL. Gaps are filled from PostgreSQL too, so a lost,
duplicate or late message only costs time. While pub/sub is down, the streams are polled.
"""

import asyncio
from collections.abc import Callable, Iterable
from typing import Any
from uuid import UUID

from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.pubsub import PubSub
from chat_api.messages import streams_repository as streams
from chat_api.messages.schemas import DeltaEvent, GapEvent, LiveEvent, StreamEvent, StreamPosition, TypingEvent

log = get_logger(__name__)

# Source: protocol, "resumed": up to 300 events, for 7 days.
MAX_REPLAY = 300
KEEP_EVENTS_S = 7 * 24 * 3600.0
PRUNE_BATCH = 5_000
# Without Redis events are delivered within two seconds. Source: protocol.
POLL_EVERY_S = 1.0
POLL_ANYWAY_EVERY_S = 15.0
# Events that this process stored at the same time may arrive out of order: no reason to query the database.
GRACE_S = 0.02
RETRY_S = 0.5
STREAM, LIVE = "stream", "live"

Listener = Callable[[StreamEvent], None]
LiveListener = Callable[[LiveEvent], None]


class _Feed:
    """One user's stream here. ``position`` is that of the last event handed to the listeners.

    While it is being opened (``opener_count``), pub/sub messages only set ``is_behind``.
    """

    def __init__(self) -> None:
        self.position: StreamPosition | None = None
        self.listeners: dict[Listener, LiveListener] = {}
        self.early: dict[int, StreamEvent] = {}
        self.opening = asyncio.Lock()
        self.opener_count = 0
        self.is_behind = False


class Feeds:
    """Follows users' streams. Listeners are called on the event loop and must not block."""

    def __init__(self, database: Database, pubsub: PubSub) -> None:
        self._database = database
        self._pubsub = pubsub
        self._feeds: dict[str, _Feed] = {}
        self._behind: set[str] = set()
        self._wake = asyncio.Event()
        self._is_all_suspect = False
        pubsub.subscribe(STREAM, self._on_stream)
        pubsub.subscribe(LIVE, self._on_live)
        pubsub.on_gap(self._suspect_all)

    @property
    def is_live(self) -> bool:
        """Whether events of other processes arrive at once; otherwise polling finds them within two seconds."""
        return self._pubsub.is_live

    # Following

    async def follow(self, user_id: str, listener: Listener, live_listener: LiveListener) -> StreamPosition:
        """Call ``listener`` with every event of a user after the position that is returned, until :meth:`unfollow`.

        ``live_listener`` gets the events that are not stored. Raises: DatabaseUnavailable.
        """
        feed = self._feeds.setdefault(user_id, _Feed())
        feed.opener_count += 1
        try:
            async with feed.opening:
                if feed.position is None:
                    feed.position = await streams.position(self._database, user_id)
            # Only now: a caller that fails to open the feed must not affect those queued behind it.
            feed.listeners[listener] = live_listener
            self._hand_over(user_id, feed)
            if feed.is_behind:
                feed.is_behind = False
                self._ask(user_id)
        finally:
            feed.opener_count -= 1
            self._evict_unused(user_id, feed)
        return feed.position

    def unfollow(self, user_id: str, listener: Listener) -> None:
        """Stop calling a listener; does nothing if it isn't registered."""
        feed = self._feeds.get(user_id)
        if feed is not None:
            feed.listeners.pop(listener, None)
            self._evict_unused(user_id, feed)

    def position(self, user_id: str) -> StreamPosition | None:
        """The position up to which a user's listeners are informed; ``None`` if there are none here."""
        feed = self._feeds.get(user_id)
        return feed.position if feed else None

    def is_followed(self, user_id: str) -> bool:
        """Whether a user has listeners in this process."""
        return user_id in self._feeds

    async def catch_up(self, user_id: str) -> StreamPosition | None:
        """Deliver what other processes have stored by now; returns the position reached.

        Raises: DatabaseUnavailable.
        """
        await self._read([user_id])
        return self.position(user_id)

    async def read_position(self, user_id: str) -> StreamPosition:
        """Where a user's stream stands in the database. Raises: DatabaseUnavailable."""
        return await streams.position(self._database, user_id)

    async def turn(self) -> int:
        """A number greater than any before, in any process: the later caller gets the greater one."""
        return await streams.turn(self._database)

    async def replay(self, user_id: str, *, after: int, up_to: int) -> list[StreamEvent] | None:
        """The events after one position up to another; ``None`` if some of them are gone."""
        if not 0 <= up_to - after <= MAX_REPLAY:
            return None
        found = (await streams.since(self._database, {user_id: after}, limit=up_to - after))[user_id]
        return found if [event.seq for event in found] == list(range(after + 1, up_to + 1)) else None

    # Publishing

    def publish(self, events: Iterable[StreamEvent]) -> None:
        """Publish what this process has committed, here and to other processes. Never blocks."""
        payload = []
        for event in events:
            payload.append([event.user_id, event.seq])
            self._take(event)
        if payload:
            self._pubsub.publish(STREAM, payload)

    def remind(self, user_id: str, *, seq: int) -> None:
        """Announce that a stream has reached at least this position: whoever is behind reads it."""
        payload = [[user_id, seq]]
        self._on_stream(payload)
        self._pubsub.publish(STREAM, payload)

    def publish_live(self, event: LiveEvent, *, is_for_others: bool = True) -> None:
        """Publish a live event to whoever is connected now."""
        feed = self._feeds.get(event.user_id)
        if feed is not None:
            for live_listener in tuple(feed.listeners.values()):
                _call(live_listener, event)
        if is_for_others:
            self.tell_others(event)

    def tell_others(self, event: LiveEvent) -> None:
        """Publish a live event to the other processes only."""
        if not isinstance(event, GapEvent):  # each process finds its own
            self._pubsub.publish(LIVE, _encoded(event))

    # Keeping up

    async def run(self) -> None:
        """Read what other processes stored, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._catch_up())
            tasks.create_task(self._poll())

    async def prune(self) -> None:
        """Delete events that are too old to be replayed, a batch at a time."""
        is_full_batch = True
        while is_full_batch:
            count = await streams.prune(self._database, older_than_s=KEEP_EVENTS_S, limit=PRUNE_BATCH)
            is_full_batch = count == PRUNE_BATCH

    def _evict_unused(self, user_id: str, feed: _Feed) -> None:
        if not feed.listeners and not feed.opener_count:
            del self._feeds[user_id]

    def _take(self, event: StreamEvent) -> None:
        feed = self._feeds.get(event.user_id)
        if feed is None:
            return
        if feed.position is None or event.seq > feed.position.seq:
            feed.early[event.seq] = event
        self._hand_over(event.user_id, feed)

    def _hand_over(self, user_id: str, feed: _Feed) -> None:
        """Deliver the events that are next in order, and request the missing ones before those that came early."""
        if feed.position is None:
            return
        seq = feed.position.seq
        while (event := feed.early.pop(seq + 1, None)) is not None:
            seq += 1
            feed.position = StreamPosition(epoch=feed.position.epoch, seq=seq)
            for listener in tuple(feed.listeners):
                _call(listener, event)
        if feed.early:
            feed.early = {slot: event for slot, event in feed.early.items() if slot > seq}
        if feed.early and user_id not in self._behind:
            asyncio.get_running_loop().call_later(GRACE_S, self._check, user_id)

    def _check(self, user_id: str) -> None:
        feed = self._feeds.get(user_id)
        if feed is not None and feed.early:
            self._ask(user_id)

    def _ask(self, user_id: str) -> None:
        self._behind.add(user_id)
        self._wake.set()

    def _on_stream(self, payload: Any) -> None:
        for user_id, seq in payload:
            feed = self._feeds.get(user_id)
            if feed is None:
                continue
            if feed.position is None:
                feed.is_behind = True
            elif seq > feed.position.seq:
                self._ask(user_id)

    def _on_live(self, payload: Any) -> None:
        self.publish_live(_decoded(payload), is_for_others=False)

    def _suspect_all(self) -> None:
        self._is_all_suspect = True

    async def _catch_up(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            behind, self._behind = self._behind, set()
            try:
                await self._read(behind)
            except AppError as error:
                log.warning("streams_not_read", code=error.code, detail=error.detail)
                await asyncio.sleep(RETRY_S)
                for user_id in behind:
                    self._ask(user_id)

    async def _read(self, user_ids: Iterable[str]) -> None:
        positions = {
            user_id: feed.position.seq
            for user_id in user_ids
            if (feed := self._feeds.get(user_id)) is not None and feed.position is not None
        }
        while positions:
            found = await streams.since(self._database, positions, limit=MAX_REPLAY)
            for user_id, events in found.items():
                if events:
                    self._skip_hole(user_id, before=events[0].seq)
                for event in events:
                    self._take(event)
            positions = {user_id: events[-1].seq for user_id, events in found.items() if len(events) == MAX_REPLAY}

    def _skip_hole(self, user_id: str, *, before: int) -> None:
        """Commits are in the order of seq, so events missing before this one no longer exist."""
        feed = self._feeds.get(user_id)
        if feed is not None and feed.position is not None and feed.position.seq < before - 1:
            self._restart(user_id, feed, StreamPosition(epoch=feed.position.epoch, seq=before - 1))

    def _restart(self, user_id: str, feed: _Feed, position: StreamPosition) -> None:
        feed.position = position
        feed.early = {}
        log.warning("stream_gap", user_id=user_id)
        self.publish_live(GapEvent(user_id=user_id), is_for_others=False)

    async def _poll(self) -> None:
        """Compare every followed stream with the database: each second while pub/sub is down."""
        since_poll_s = 0.0
        while True:
            await asyncio.sleep(POLL_EVERY_S)
            since_poll_s += POLL_EVERY_S
            if self._pubsub.is_live and not self._is_all_suspect and since_poll_s < POLL_ANYWAY_EVERY_S:
                continue
            self._is_all_suspect = False
            try:
                await self._compare()
                since_poll_s = 0.0
            except AppError as error:
                self._is_all_suspect = True
                log.warning("streams_not_compared", code=error.code)

    async def _compare(self) -> None:
        known = list(self._feeds)
        found = await streams.positions(self._database, known) if known else {}
        for user_id, position in found.items():
            feed = self._feeds.get(user_id)
            if feed is None:
                continue
            if feed.position is None:
                feed.is_behind = True
            elif position.epoch != feed.position.epoch:
                self._restart(user_id, feed, position)
            elif position.seq > feed.position.seq:
                self._ask(user_id)


def _call(listener: Callable[[Any], None], event: StreamEvent | LiveEvent) -> None:
    try:
        listener(event)
    except Exception:  # One page must not keep the stream from the others.
        log.exception("stream_listener_failed", user_id=event.user_id)


def _encoded(event: TypingEvent | DeltaEvent) -> list[Any]:
    if isinstance(event, TypingEvent):
        return [event.user_id, event.bot_name, event.is_typing]
    return [event.user_id, event.bot_name, str(event.message_id), str(event.reply_to), event.offset, event.text]


def _decoded(payload: Any) -> TypingEvent | DeltaEvent:
    if len(payload) == 3:
        return TypingEvent(user_id=payload[0], bot_name=payload[1], is_typing=payload[2], is_lasting=True)
    return DeltaEvent(
        user_id=payload[0],
        bot_name=payload[1],
        message_id=UUID(payload[2]),
        reply_to=UUID(payload[3]),
        offset=payload[4],
        text=payload[5],
    )
