"""The connections of one user, as their stream is told to them: each frame is made once, whoever needs it."""

from chat_api.realtime.connection import CloseCode, Connection
from chat_api.realtime.frames import ack_frame, base_frame, delta_frame, encoded, event_frame, typing_frame
from chat_api.schemas.messages import DeltaEvent, EventKind, GapEvent, LiveEvent, StreamEvent


class Audience:
    """All connections of one user in this process."""

    def __init__(self) -> None:
        self.connections: dict[str, Connection] = {}

    def __len__(self) -> int:
        return len(self.connections)

    def hear(self, event: StreamEvent) -> None:
        """Tell everybody of a durable event."""
        base: str | None = None
        full: str | None = None
        has_base = False
        for connection in tuple(self.connections.values()):
            if connection.held is not None:
                connection.hold(event)
            elif connection.is_v2:
                if event.origin == connection.connection_id and event.kind is EventKind.MESSAGE:
                    connection.offer(encoded(ack_frame(event)))
                    continue
                full = full or encoded(event_frame(event))
                connection.offer(full)
            else:
                if not has_base:
                    has_base, frame = True, base_frame(event)
                    base = encoded(frame) if frame else None
                if base is not None:
                    connection.offer(base)

    def hear_live(self, event: LiveEvent) -> None:
        """Tell those whom it concerns of what is of the moment."""
        if isinstance(event, GapEvent):
            self._close_v2(CloseCode.GAP)
        elif isinstance(event, DeltaEvent):
            text = encoded(delta_frame(event))
            for connection in self.connections.values():
                if connection.is_v2:
                    connection.offer(text, is_transient=True)
        else:
            text = encoded(typing_frame(event))
            for connection in self.connections.values():
                # Clients that said hello see the end of typing by the answer or the failure that follows.
                if event.is_typing or not connection.is_v2:
                    connection.offer(text, is_transient=True)

    def replace(self, client_id: str, *, by: str) -> None:
        """Close the predecessors of a tab that has come back."""
        for connection in tuple(self.connections.values()):
            if connection.client_id == client_id and connection.connection_id != by:
                connection.close(CloseCode.REPLACED)

    def _close_v2(self, code: CloseCode) -> None:
        for connection in tuple(self.connections.values()):
            if connection.is_v2:
                connection.close(code)
