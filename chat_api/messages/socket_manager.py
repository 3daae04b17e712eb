"""Every open chat WebSocket of this process. Source: specification, "WebSocketManager"."""

import asyncio
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from starlette.websockets import WebSocket

from chat_api.core.addresses import address_key
from chat_api.core.errors import AppError, InvalidInput
from chat_api.core.logging import get_logger
from chat_api.core.metrics import Metrics
from chat_api.core.pubsub import PubSub
from chat_api.core.tally import Tally
from chat_api.fleet.schemas import FleetView
from chat_api.fleet.service import FleetService
from chat_api.messages.audience import Audience
from chat_api.messages.feeds import MAX_REPLAY, Feeds
from chat_api.messages.frames import Frame, encoded, event_frame
from chat_api.messages.schemas import StreamPosition
from chat_api.messages.service import MAX_MESSAGE_CHARS
from chat_api.messages.socket_connection import MAX_QUEUED_BYTES, MAX_QUEUED_FRAMES, CloseCode, Connection
from chat_api.people.auth import AuthService

log = get_logger(__name__)

# Logout, expiry, demotion and ban take effect within five seconds. Source: protocol.
SESSION_CHECK_S = 3.0
SHUTDOWN_SPREAD_S = 1.0
# Source: protocol, "ping / pong".
PING_S = 25.0
# Rounds of one second within which a pong must arrive. Counted in rounds, so our own stalls don't count.
ROUND_S = 1.0
PONG_ROUNDS = 8
MAX_FRAME_CHARS = 64 * 1024
REPLACED = "replaced"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """A client's hello. ``since`` is its position in the stream, if it was connected before."""

    client_id: str
    since: StreamPosition | None


class WebSocketManager:
    """Keeps each user's connections and sends every event to all of them without waiting for a peer."""

    def __init__(
        self,
        feeds: Feeds,
        auth: AuthService,
        fleet: FleetService,
        pubsub: PubSub,
        metrics: Metrics,
        *,
        max_connections: int,
        max_connections_per_user: int,
        max_frames_per_s: int,
        by_address: Tally,
    ) -> None:
        self._feeds = feeds
        self._auth = auth
        self._fleet = fleet
        self._pubsub = pubsub
        self._metrics = metrics
        self._max_connections = max_connections
        self._max_per_user = max_connections_per_user
        self._max_frames_per_s = max_frames_per_s
        self._by_address = by_address
        self._by_user: dict[str, Audience] = {}
        self._by_websocket: dict[WebSocket, Connection] = {}
        self._statuses: dict[str, str] = {}
        self._is_draining = False
        fleet.changes.listen(self._tell_statuses)
        auth.ended.listen(self._end_session)
        pubsub.subscribe(REPLACED, self._on_replaced)

    @property
    def connection_count(self) -> int:
        """How many WebSockets are open."""
        return len(self._by_websocket)

    def set_limits(self, *, max_connections: int, max_connections_per_user: int, max_frames_per_s: int) -> None:
        """Change the limits; open connections keep theirs."""
        self._max_connections = max_connections
        self._max_per_user = max_connections_per_user
        self._max_frames_per_s = max_frames_per_s

    # The specification's surface

    async def connect(self, websocket: WebSocket, user_id: str, session_id: UUID | None = None) -> str | None:
        """Accept a WebSocket for a user, who may have several tabs and devices connected.

        Returns: the connection's id, or ``None`` if there was no room for it. Raises: DatabaseUnavailable.
        """
        address = address_key(websocket.client.host if websocket.client else None)
        try:
            # Before the client can lose it: any connection that it opens later gets a later turn.
            turn = 0 if self._refusal(user_id, address) else await self._feeds.turn()
        finally:
            await websocket.accept()
        connection = Connection(websocket, user_id, session_id, turn=turn, max_frames_per_s=self._max_frames_per_s)
        refusal = self._refusal(user_id, address)
        if refusal is not None:
            self._metrics.ws_closed.labels(int(refusal)).inc()
            await websocket.close(refusal)
            return None
        audience = self._by_user.setdefault(user_id, Audience(self._metrics))
        audience.connections[connection.connection_id] = connection
        self._by_websocket[websocket] = connection
        self._by_address.take(address)
        self._metrics.ws_connections.set(self.connection_count)
        connection.start()
        try:
            await self._feeds.follow(user_id, audience.on_event, audience.on_live_event)
        except BaseException:
            await self.disconnect(websocket)
            raise
        log.info("websocket_connected", user_id=user_id, connection_id=connection.connection_id)
        return connection.connection_id

    async def disconnect(self, websocket: WebSocket) -> None:
        """Remove a WebSocket whose peer is gone; does nothing if it is already removed."""
        connection = self._by_websocket.pop(websocket, None)
        if connection is None:
            return
        self._by_address.leave(address_key(websocket.client.host if websocket.client else None))
        audience = self._by_user[connection.user_id]
        audience.connections.pop(connection.connection_id, None)
        if not audience:
            self._feeds.unfollow(connection.user_id, audience.on_event)
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
        audience = self._by_user.get(user_id)
        return audience is not None and self._offer(audience.connections.values(), message) > 0

    async def broadcast(self, message: Frame) -> int:
        """Queue a frame on every connection; returns on how many."""
        return self._offer(self._by_websocket.values(), message)

    # One connection

    def connection(self, websocket: WebSocket) -> Connection | None:
        """The connection of a WebSocket; ``None`` if it was removed."""
        return self._by_websocket.get(websocket)

    def reply(self, connection: Connection, frame: Frame) -> None:
        """Queue a frame on one connection only."""
        self._offer([connection], frame)

    async def greet(self, connection: Connection, hello: Hello) -> None:
        """Answer a hello and replay what the client missed, in order; or tell it to reload its history.

        Raises: InvalidInput for a second hello.
        """
        position = self._feeds.position(connection.user_id)
        if connection.is_v2 or position is None:
            raise InvalidInput("hello comes once, as the first frame", field="type")
        connection.is_v2, connection.client_id = True, hello.client_id
        self._by_user[connection.user_id].replace(hello.client_id, before=connection.turn)
        self._pubsub.publish(REPLACED, [connection.user_id, hello.client_id, connection.turn])
        self.reply(connection, _welcome(position, frames_per_s=self._max_frames_per_s))
        if hello.since is not None:
            connection.held = []
            await self._catch_up(connection, hello.since, position)

    async def _catch_up(self, connection: Connection, since: StreamPosition, position: StreamPosition) -> None:
        missed = None
        if since.epoch == position.epoch:
            try:
                if since.seq > position.seq:  # another process has sent it more than we know of
                    position = await self._feeds.catch_up(connection.user_id) or position
                    connection.held = []
                missed = await self._feeds.replay(connection.user_id, after=since.seq, up_to=position.seq)
            except AppError as error:
                log.warning("replay_failed", user_id=connection.user_id, code=error.code)
                connection.close(CloseCode.SHUTTING_DOWN)
                return
        if missed is None:
            self.reply(connection, {"type": "resync", "epoch": str(position.epoch), "seq": position.seq})
        else:
            for event in missed:
                await connection.offer_patiently(encoded(event_frame(event)))
            self.reply(connection, {"type": "resumed", "seq": position.seq})
        while connection.held:
            await connection.offer_patiently(encoded(event_frame(connection.held.pop(0))))
        connection.held = None

    # All connections

    async def watch_sessions(self) -> None:
        """Close the connections of sessions that have ended, until cancelled."""
        while True:
            await asyncio.sleep(SESSION_CHECK_S)
            open_sessions = {c.session_id for c in self._by_websocket.values() if c.session_id is not None}
            try:
                ended = await self._auth.ended_among(open_sessions) if open_sessions else ()
            except AppError as error:
                # An outage is no reason to disconnect everybody: without the database no message is accepted either.
                log.warning("sessions_not_checked", code=error.code)
                continue
            for session_id in ended:
                self._end_session(session_id)

    async def watch_peers(self) -> None:
        """Ping clients that sent a hello and close those that do not answer, until cancelled."""
        ping = encoded({"type": "ping"})
        while True:
            await asyncio.sleep(ROUND_S)
            now_s = time.monotonic()
            for connection in tuple(self._by_websocket.values()):
                if not connection.is_v2:
                    continue
                if connection.pinged_rounds is not None:
                    connection.pinged_rounds += 1
                    if connection.pinged_rounds > PONG_ROUNDS:
                        connection.close(CloseCode.NO_PONG)
                elif now_s - connection.last_received_s > PING_S:
                    connection.pinged_rounds = 0
                    connection.offer(ping)

    async def drain(self) -> None:
        """Close every connection, slightly staggered so that clients do not all reconnect at once."""
        self._is_draining = True
        self._fleet.changes.forget(self._tell_statuses)
        connections = list(self._by_websocket.values())

        async def close(connection: Connection) -> None:
            await asyncio.sleep(random.uniform(0, min(SHUTDOWN_SPREAD_S, len(connections) / 100)))
            connection.close(CloseCode.SHUTTING_DOWN)
            await connection.closed()  # otherwise the server would close it first, with its own code

        await asyncio.gather(*(close(connection) for connection in connections))

    def _end_session(self, session_id: UUID) -> None:
        self._close(lambda connection: connection.session_id == session_id, CloseCode.NOT_AUTHENTICATED)

    def _close(self, is_meant: Callable[[Connection], bool], code: CloseCode) -> None:
        for connection in tuple(self._by_websocket.values()):
            if is_meant(connection):
                connection.close(code)

    def _on_replaced(self, payload: Any) -> None:
        user_id, client_id, turn = payload
        audience = self._by_user.get(user_id)
        if audience is not None:
            audience.replace(client_id, before=turn)

    def _tell_statuses(self, _: FleetView) -> None:
        statuses = {bot.name: bot.status for bot in self._fleet.public_bots()}
        for name, status in statuses.items():
            if self._statuses.get(name, status) != status:
                frame = {"type": "bot_status", "bot_name": name, "status": status}
                self._offer([c for c in self._by_websocket.values() if c.is_v2], frame, is_transient=True)
        self._statuses = dict(statuses)

    def _offer(self, connections: Iterable[Connection], frame: Frame, *, is_transient: bool = False) -> int:
        text = encoded(frame)
        count = sum(connection.offer(text, is_transient=is_transient) for connection in tuple(connections))
        self._metrics.count_frames_out(frame["type"], count)
        return count

    def _refusal(self, user_id: str, address: str) -> CloseCode | None:
        if self._is_draining:
            return CloseCode.SHUTTING_DOWN
        is_full = self.connection_count >= self._max_connections
        is_user_full = len(self._by_user.get(user_id, ())) >= self._max_per_user
        is_any_full = is_full or is_user_full or not self._by_address.has_room(address)
        return CloseCode.TOO_MANY_CONNECTIONS if is_any_full else None


def _welcome(position: StreamPosition, *, frames_per_s: int) -> Frame:
    return {
        "type": "welcome",
        "epoch": str(position.epoch),
        "seq": position.seq,
        "ping_s": PING_S,
        "limits": {
            "message_chars": MAX_MESSAGE_CHARS,
            "frame_chars": MAX_FRAME_CHARS,
            "frames_per_s": frames_per_s,
            "queue_frames": MAX_QUEUED_FRAMES,
            "queue_bytes": MAX_QUEUED_BYTES,
            "replay_events": MAX_REPLAY,
        },
    }
