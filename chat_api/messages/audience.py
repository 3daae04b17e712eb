"""Sends one user's stream to their connections; each frame is encoded once, however many need it."""

from collections.abc import Sequence

from chat_api.core.metrics import Metrics
from chat_api.messages.frames import Frame, ack_frame, base_frame, delta_frame, encoded, event_frame, typing_frame
from chat_api.messages.schemas import DeltaEvent, EventKind, GapEvent, LiveEvent, StreamEvent, TypingEvent
from chat_api.messages.socket_connection import CloseCode, Connection


class Audience:
    """All connections of one user in this process."""

    def __init__(self, metrics: Metrics) -> None:
        self.connections: dict[str, Connection] = {}
        self._metrics = metrics
        # Bots that base clients were told are typing, so that each start and end is sent once.
        self._typing: set[str] = set()

    def __len__(self) -> int:
        return len(self.connections)

    def on_event(self, event: StreamEvent) -> None:
        """Send a durable event to every connection."""
        simple: list[Connection] = []
        full: list[Connection] = []
        for connection in self.connections.values():
            if not connection.is_v2:
                simple.append(connection)
            elif connection.held is not None:
                connection.hold(event)
            elif event.origin == connection.connection_id and event.kind is EventKind.MESSAGE:
                self._offer([connection], ack_frame(event))
            else:
                full.append(connection)
        if full:
            self._offer(full, event_frame(event))
        if simple and (frame := base_frame(event)) is not None:
            self._offer(simple, frame)

    def on_live_event(self, event: LiveEvent) -> None:
        """Send a live event to the connections that want it."""
        full = [connection for connection in self.connections.values() if connection.is_v2]
        if isinstance(event, GapEvent):
            for connection in full:
                connection.close(CloseCode.GAP)
        elif isinstance(event, DeltaEvent):
            self._offer(full, delta_frame(event), is_transient=True)
        elif not event.is_typing:
            self._end_typing(event)
        else:
            # Clients that sent a hello get no typing event for short answers, and none for the end: the answer says it.
            targets = full if event.is_lasting else []
            if event.bot_name not in self._typing:
                self._typing.add(event.bot_name)
                targets = targets + self._simple
            self._offer(targets, typing_frame(event), is_transient=True)

    def _end_typing(self, event: TypingEvent) -> None:
        if event.bot_name in self._typing:
            self._typing.discard(event.bot_name)
            self._offer(self._simple, typing_frame(event), is_transient=True)

    @property
    def _simple(self) -> list[Connection]:
        return [connection for connection in self.connections.values() if not connection.is_v2]

    def replace(self, client_id: str, *, before: int) -> None:
        """Close the earlier connections of a tab that reconnected: those with a turn ``before`` its own."""
        for connection in tuple(self.connections.values()):
            if connection.client_id == client_id and connection.turn < before:
                connection.close(CloseCode.REPLACED)

    def _offer(self, connections: Sequence[Connection], frame: Frame, *, is_transient: bool = False) -> None:
        if connections:
            text = encoded(frame)
            for connection in connections:
                connection.offer(text, is_transient=is_transient)
            self._metrics.count_frames_out(frame["type"], len(connections))
