"""What the frames of a connection mean: for what was sent, and for who reads."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from whisperengine_client.connection import Connection, Disconnected
from whisperengine_client.errors import ChatError, ServerFailed, TryLater, error_of_frame
from whisperengine_client.event_buffer import EventBuffer
from whisperengine_client.events import Event, Frame, MessageEvent
from whisperengine_client.frames import event_of, event_of_ack
from whisperengine_client.histories import missed_events
from whisperengine_client.http import Http
from whisperengine_client.outbox import Outbox, Pending
from whisperengine_client.retry_policy import at_least
from whisperengine_client.values import Position, Sent, position_of

REFUSED_WAIT_S = 1.0  # where the server does not say how long


class Traffic:
    """Sends what is due while the connection is live, and sorts what it brings."""

    def __init__(self, buffer: EventBuffer, outbox: Outbox, *, on_live: Callable[[], None]) -> None:
        self.buffer = buffer
        self.outbox = outbox
        self.connection: Connection | None = None
        self.is_live = False
        self._on_live = on_live
        self._resync_to: Position | None = None

    def begin(self, connection: Connection) -> None:
        """Use a new connection; what was missed comes first, if anything can have been."""
        self.connection = connection
        if self.buffer.position is None:
            self.buffer.start_at(connection.position)
            self._go_live()

    def end(self) -> None:
        """The connection is lost."""
        self.connection = None
        self.is_live = False
        self.outbox.rewind()

    def post(self, frame: Frame) -> None:
        """Send a frame that nobody misses where there is no connection."""
        if self.connection is not None and self.is_live:
            self.connection.post(frame)

    def pump(self) -> None:
        """Send the messages that are due."""
        if self.connection is not None and self.is_live:
            for pending in self.outbox.take_due():
                self.connection.post(pending.frame)

    async def catch_up(self, http: Http) -> None:
        """Read from the histories what the server does not replay. Raises: ChatError."""
        if self._resync_to is None:
            return
        known, target = self.buffer.position, self._resync_to
        assert known is not None
        events = await missed_events(http, known, target, self.buffer.unanswered)
        self._resync_to = None
        await self.buffer.take_missed([self._recognised(event) for event in events], target)

    async def handle(self, frame: Frame) -> None:
        """Take one frame. Raises: Lost where the connection is of no more use, ServerFailed."""
        try:
            match frame["type"]:
                case "ack":
                    await self._acknowledged(frame)
                case "resumed":
                    self._go_live()
                case "resync" if self.buffer.is_lagging:
                    self._go_live()  # a later resync will bring what this one would
                case "resync":
                    # The histories are read between two connections, for a socket must not be left unread meanwhile.
                    self._resync_to = position_of(frame)
                    raise Disconnected("too much was missed", is_immediate=True)
                case "error" if pending := self.outbox.get(frame.get("client_msg_id")):
                    self._refused(pending, error_of_frame(frame))
                case _:
                    await self.buffer.take(self._recognised(event_of(frame)))
        except (KeyError, TypeError, ValueError) as error:
            raise ServerFailed("The server sent a frame that cannot be understood.") from error

    async def _acknowledged(self, frame: Frame) -> None:
        is_duplicate = frame["status"] == "duplicate"
        sent = Sent(
            message_id=frame["message_id"],
            client_msg_id=frame["client_msg_id"],
            seq=frame["seq"],
            is_duplicate=is_duplicate,
        )
        pending = self.outbox.acknowledge(sent.client_msg_id, sent)
        self.pump()
        if is_duplicate:
            return
        if pending is None:
            raise Disconnected("a message was acknowledged that is not ours")  # the replay has it
        await self.buffer.take(event_of_ack(frame, bot_name=pending.bot_name, content=pending.content))

    def _recognised(self, event: Event) -> Event:
        """Own messages in a replay acknowledge themselves."""
        if not isinstance(event, MessageEvent) or self.outbox.get(event.client_msg_id) is None:
            return event
        sent = Sent(
            message_id=event.message_id, client_msg_id=event.client_msg_id or "", seq=event.seq, is_duplicate=False
        )
        self.outbox.acknowledge(sent.client_msg_id, sent)
        self.pump()
        return replace(event, is_own=True)

    def _refused(self, pending: Pending, error: ChatError) -> None:
        if isinstance(error, TryLater):
            self.outbox.postpone(pending, error)
            wait_s = at_least(error.retry_after_s, REFUSED_WAIT_S if error.retry_after_s is None else 0)
            asyncio.get_running_loop().call_later(wait_s, self._again, pending)
        else:
            self.outbox.refuse(pending, error)
            self.pump()

    def _again(self, pending: Pending) -> None:
        self.outbox.resume(pending)
        self.pump()

    def _go_live(self) -> None:
        self.is_live = True
        self._on_live()
        self.pump()
