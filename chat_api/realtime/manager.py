"""Every open chat WebSocket of this process. Source: specification, "WebSocketManager"."""

import asyncio
import random
from collections import defaultdict
from uuid import UUID

from starlette.types import Message
from starlette.websockets import WebSocket

from chat_api.core.bus import Topic
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.metrics import Metrics
from chat_api.realtime.connection import CloseCode, Connection
from chat_api.realtime.frames import Frame, frame_of
from chat_api.schemas.messages import StreamEvent, TypingEvent
from chat_api.services.auth import AuthService

log = get_logger(__name__)

# Logout, expiry, demotion and ban take effect within five seconds. Source: protocol.
SESSION_CHECK_S = 2.0
SHUTDOWN_SPREAD_S = 1.0


class WebSocketManager:
    """Keeps the connections of each user, and hands every event to all of them without ever waiting for a peer."""

    def __init__(
        self,
        events: Topic[StreamEvent | TypingEvent],
        auth: AuthService,
        metrics: Metrics,
        *,
        max_connections: int,
        max_connections_per_user: int,
    ) -> None:
        self._events = events
        self._auth = auth
        self._metrics = metrics
        self._max_connections = max_connections
        self._max_per_user = max_connections_per_user
        self._by_user: dict[str, dict[str, Connection]] = defaultdict(dict)
        self._by_websocket: dict[WebSocket, Connection] = {}
        self._is_draining = False
        events.listen(self._deliver)

    @property
    def connection_count(self) -> int:
        """How many WebSockets are open."""
        return len(self._by_websocket)

    async def connect(self, websocket: WebSocket, user_id: str, session_id: UUID | None = None) -> str | None:
        """Accept a WebSocket for a user; every tab and device of one is connected at once.

        Returns: the connection's id, or ``None`` when it was closed for want of room.
        """
        await websocket.accept()
        connection = Connection(websocket, user_id, session_id)
        refusal = self._refusal(user_id)
        if refusal is not None:
            self._metrics.ws_closed.labels(int(refusal)).inc()
            await websocket.close(refusal)
            return None
        self._by_user[user_id][connection.connection_id] = connection
        self._by_websocket[websocket] = connection
        self._metrics.ws_connections.set(self.connection_count)
        connection.start()
        log.info("websocket_connected", user_id=user_id, connection_id=connection.connection_id)
        return connection.connection_id

    async def receive(self, websocket: WebSocket) -> Message | None:
        """The next message of a connection, ``None`` when we have closed it."""
        connection = self._by_websocket.get(websocket)
        return await connection.receive() if connection is not None else None

    async def disconnect(self, websocket: WebSocket) -> None:
        """Forget a WebSocket whose peer is gone; harmless when it is forgotten already."""
        connection = self._by_websocket.pop(websocket, None)
        if connection is None:
            return
        mine = self._by_user[connection.user_id]
        mine.pop(connection.connection_id, None)
        if not mine:
            del self._by_user[connection.user_id]
        self._metrics.ws_connections.set(self.connection_count)
        if connection.close_code is not None:
            self._metrics.ws_closed.labels(int(connection.close_code)).inc()
        await connection.finish()
        log.info(
            "websocket_disconnected",
            user_id=connection.user_id,
            connection_id=connection.connection_id,
            code=connection.close_code,
        )

    async def send_to_user(self, user_id: str, message: Frame) -> bool:
        """Queue a frame on every connection of a user; returns whether there was one."""
        return self._offer(user_id, message) > 0

    async def broadcast(self, message: Frame) -> int:
        """Queue a frame on every connection; returns on how many."""
        return sum(self._offer(user_id, message) for user_id in list(self._by_user))

    def reply(self, websocket: WebSocket, frame: Frame) -> None:
        """Queue a frame on one connection only."""
        connection = self._by_websocket.get(websocket)
        if connection is not None:
            connection.offer(frame)
            self._metrics.ws_frames.labels("out", frame["type"]).inc()

    def close(self, websocket: WebSocket, code: CloseCode) -> None:
        """Close one connection from our side."""
        connection = self._by_websocket.get(websocket)
        if connection is not None:
            connection.close(code)

    async def watch_sessions(self) -> None:
        """Close the connections of sessions that have ended, until cancelled."""
        while True:
            await asyncio.sleep(SESSION_CHECK_S)
            open_sessions = {c.session_id for c in self._by_websocket.values() if c.session_id is not None}
            if not open_sessions:
                continue
            try:
                living = await self._auth.living(open_sessions)
            except AppError as error:
                # Not knowing is no reason to throw everybody out: without the database no message is accepted either.
                log.warning("sessions_not_checked", code=error.code)
                continue
            for connection in list(self._by_websocket.values()):
                if connection.session_id in open_sessions - living.keys():
                    connection.close(CloseCode.NOT_AUTHENTICATED)

    async def drain(self) -> None:
        """Close every connection, a little apart so that clients do not all come back at once."""
        self._is_draining = True
        self._events.forget(self._deliver)
        connections = list(self._by_websocket.values())

        async def close(connection: Connection) -> None:
            await asyncio.sleep(random.uniform(0, min(SHUTDOWN_SPREAD_S, len(connections) / 100)))
            connection.close(CloseCode.SHUTTING_DOWN)

        await asyncio.gather(*(close(connection) for connection in connections))

    def _deliver(self, event: StreamEvent | TypingEvent) -> None:
        if event.user_id in self._by_user:
            frame = frame_of(event)
            if frame is not None:
                self._offer(event.user_id, frame, is_transient=isinstance(event, TypingEvent))

    def _offer(self, user_id: str, frame: Frame, *, is_transient: bool = False) -> int:
        connections = list(self._by_user.get(user_id, {}).values())
        count = sum(connection.offer(frame, is_transient=is_transient) for connection in connections)
        self._metrics.ws_frames.labels("out", frame["type"]).inc(count)
        return count

    def _refusal(self, user_id: str) -> CloseCode | None:
        if self._is_draining:
            return CloseCode.SHUTTING_DOWN
        is_full = self.connection_count >= self._max_connections
        is_user_full = len(self._by_user.get(user_id, ())) >= self._max_per_user
        return CloseCode.TOO_MANY_CONNECTIONS if is_full or is_user_full else None
