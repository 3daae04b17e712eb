"""What comes in: checked for gaps, once, in order, and no more than its reader takes."""

from collections.abc import Callable, Mapping

from whisperengine_client.connection import Disconnected
from whisperengine_client.errors import ChatError
from whisperengine_client.events import AnswerEvent, Deleted, Event, Failed, MessageEvent, Resynced, Retried
from whisperengine_client.inbox import Inbox
from whisperengine_client.values import Position

ROOM_TIMEOUT_S = 1.0
MAX_UNANSWERED = 1000


class EventBuffer:
    """The events of one stream, over any number of connections.

    A reader that is too slow makes it *lag*: nothing more is taken in, though acknowledgements go on, until everything
    that waits was read; then the stream resumes from there. So memory is bounded, and a program that only sends is
    never held up by events that it does not read.
    """

    def __init__(self, *, since: Position | None, max_events: int, on_drained: Callable[[], None]) -> None:
        self.position = since  # of the last event that was taken in
        self.read_position = since  # of the last event that was read
        self.is_lagging = False
        self._inbox = Inbox(max_events)
        self._unanswered: dict[str, str | None] = {}
        self._on_drained = on_drained

    @property
    def unanswered(self) -> Mapping[str, str | None]:
        """The messages that were told, but not how they ended, with their ``client_msg_id``."""
        return self._unanswered

    def start_at(self, position: Position) -> None:
        """Take in what comes after this place, if there is no other yet."""
        if self.position is None:
            self.position = self.read_position = position

    async def take(self, event: Event) -> None:
        """Take in what the connection brings. Raises: Lost at a gap."""
        seq = getattr(event, "seq", None)
        if seq is None:
            if not self.is_lagging:
                self._inbox.offer(event)  # live only: dropped when there is no room
            return
        assert self.position is not None
        if self.is_lagging or seq <= self.position.seq:
            return
        if seq != self.position.seq + 1:
            raise Disconnected(f"a gap: {seq} comes after {self.position.seq}")
        await self._put(event, Position(epoch=self.position.epoch, seq=seq))

    async def take_missed(self, events: list[Event], target: Position) -> None:
        """Take in what histories tell, and go on from ``target``; less, where the reader is too slow."""
        assert self.position is not None
        for event in events:
            await self._put(event, _after(event, self.position))
            if self.is_lagging:
                return
        self.position = target

    async def next(self) -> Event:
        """The next event to be read. Raises: as :meth:`Inbox.get`."""
        if self.is_lagging and not len(self._inbox):
            self.is_lagging = False
            self._on_drained()
        event = await self._inbox.get()
        assert self.read_position is not None
        self.read_position = _after(event, self.read_position)
        return event

    def close(self, error: ChatError | None) -> None:
        """Take in nothing more; what is there can be read."""
        self._inbox.close(error)

    async def _put(self, event: Event, position: Position) -> None:
        if await self._inbox.put(event, timeout_s=ROOM_TIMEOUT_S):
            self.position = position
            self._mind(event)
        else:
            self.is_lagging = True

    def _mind(self, event: Event) -> None:
        match event:
            case MessageEvent(message_id=message_id, client_msg_id=client_msg_id):
                self._unanswered[message_id] = client_msg_id
            case Retried(message_id=message_id):
                self._unanswered[message_id] = None
            case AnswerEvent(reply_to=message_id) | Failed(message_id=message_id) | Deleted(message_id=message_id):
                self._unanswered.pop(message_id, None)
        if len(self._unanswered) > MAX_UNANSWERED:
            del self._unanswered[next(iter(self._unanswered))]


def _after(event: Event, before: Position) -> Position:
    """Where a stream stands after an event."""
    if isinstance(event, Resynced):  # its ``seq`` is reached only with the last of the events that follow
        return Position(epoch=event.epoch, seq=0 if event.is_new_stream else before.seq)
    seq = getattr(event, "seq", None)
    return before if seq is None else Position(epoch=before.epoch, seq=seq)
