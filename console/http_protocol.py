"""uvicorn's protocols, with bounds on what a client may send and on how long it may take.

uvicorn keeps what comes of a request line and of headers without limit, and waits for the rest for ever. Here both
are bounded before a request is known, and a connection has a seat in the :mod:`console.connections` book. Nothing is
done for each header or each byte: sizes are counted by the piece that came from the network.
"""

import asyncio
import contextlib
import math
from typing import Any, Final

import httptools
import orjson
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState
from websockets.exceptions import InvalidState

from chat_api.core.errors import AppError, HeadersTooLarge, MalformedRequest, RequestTimeout
from chat_api.http.middleware.answers import error_body
from console.connections import ConnectionBook, Seat, Timeouts

MAX_HEAD_BYTES: Final = 64 * 1024
MAX_HEADERS: Final = 100
# A handshake is read again by the WebSocket library, which takes lines of 8 KiB.
MAX_HANDSHAKE_LINE_BYTES: Final = 8000
MAX_PIPELINED: Final = 16
# What encloses the pieces of a body (their sizes, a trailer), beside its bytes; pieces of one byte have six around it.
MAX_FRAMING_BYTES: Final = 64 * 1024
MAX_FRAMING_PER_BYTE: Final = 8
# What is read of a body that nobody wants any more, so that its sender can read our answer.
MAX_UNWANTED_BYTES: Final = 512 * 1024
# How long a refused client may go on sending: closed at once, it would never read why.
LINGER_S: Final = 1.0


class GuardedState(ServerState):
    """What uvicorn's protocols share, and the book of connections."""

    def __init__(self, book: ConnectionBook, timeouts: Timeouts) -> None:
        super().__init__()
        self.book = book
        self.timeouts = timeouts


class GuardedWebSocket(WebSocketsSansIOProtocol):
    """A WebSocket; it has the seat of the connection that asked for it."""

    seat: Seat | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the seat back."""
        if self.seat is not None:
            self.seat.leave()
        super().connection_lost(exc)

    def shutdown(self) -> None:
        """Close at the end of the process; harmless when the closing has begun, or the handshake was refused."""
        if not self.conn.eof_sent:
            with contextlib.suppress(InvalidState):
                super().shutdown()
        self.loop.call_later(LINGER_S, self.transport.abort)  # for a peer that reads nothing


class GuardedHttp(HttpToolsProtocol):
    """One HTTP connection."""

    server_state: GuardedState

    def __init__(
        self,
        config: Config,
        server_state: GuardedState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.deadline_s = math.inf
        self._seat: Seat | None = None
        self._fault: AppError | None = None
        self._is_refused = False
        # Where the parser is: within a body, else between two requests or within a head.
        self._is_in_body = False
        self._has_ended_message = False
        self._head_bytes = 0
        self._chunk_bytes = 0
        self._raw_bytes = 0
        self._body_bytes = 0
        self._body_began_s = 0.0

    # The connection

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a seat, or go."""
        super().connection_made(transport)
        self.deadline_s = self.loop.time() + self.server_state.timeouts.head_s
        self._seat = self.server_state.book.enter(self, self.client[0] if self.client else None)
        if self._seat is None:
            self._is_refused = True
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the seat back."""
        if self._seat is not None:
            self._seat.leave()
        super().connection_lost(exc)

    def evict(self) -> None:
        """Another connection needs the place."""
        self._is_refused = True
        self._leave_answer()
        self.transport.close()

    def expire(self, now_s: float) -> None:
        """The client took too long."""
        if self._is_in_body:
            timeouts = self.server_state.timeouts
            allowed_s = self._body_began_s + timeouts.body_s + self._body_bytes / timeouts.body_bytes_per_s
            if now_s < allowed_s:
                self.deadline_s = allowed_s
                return
        if self._is_in_body or self._head_bytes:
            self._refuse(RequestTimeout())
        else:
            self.transport.close()  # it never said anything that could be answered

    # What comes

    def data_received(self, data: bytes) -> None:
        """Parse what came, and look at how much it was."""
        if self._is_refused:
            return
        was_in_body = self._is_in_body
        self._has_ended_message = False
        self._chunk_bytes = len(data)
        super().data_received(data)
        if not self._is_refused and self._seat is not None:
            self._on_bytes(len(data), was_in_body=was_in_body)

    def _on_bytes(self, size: int, *, was_in_body: bool) -> None:
        """Count what came. Of a piece that ended a request, what belongs to the next is not counted."""
        assert self._seat is not None
        if self._is_in_body:
            self._count_body(size if was_in_body and not self._has_ended_message else 0)
        else:
            self._count_head(0 if was_in_body or self._has_ended_message else size)
        if self._is_in_body or self.cycle is None or self.cycle.response_complete:
            self._seat.wait()
        else:
            self._seat.work()

    def _count_head(self, fed_bytes: int) -> None:
        if fed_bytes and self.deadline_s == math.inf:
            self.deadline_s = self.loop.time() + self.server_state.timeouts.head_s
        self._head_bytes += fed_bytes
        if self._head_bytes > MAX_HEAD_BYTES or (self.headers is not None and len(self.headers) > MAX_HEADERS):
            self._refuse(HeadersTooLarge())

    def _count_body(self, fed_bytes: int) -> None:
        if not self._body_began_s:
            self._body_began_s = self.loop.time()
            self.deadline_s = self._body_began_s + self.server_state.timeouts.body_s
        self._raw_bytes += fed_bytes
        framing = self._raw_bytes - self._body_bytes
        is_endless = framing > MAX_FRAMING_BYTES + MAX_FRAMING_PER_BYTE * self._body_bytes
        if is_endless or (self.cycle.response_complete and self._body_bytes > MAX_UNWANTED_BYTES):
            self._refuse(MalformedRequest())

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over, with its seat."""
        lines = [self.url, *(name + value for name, value in self.headers)]
        if len(lines) > MAX_HEADERS or max(map(len, lines)) > MAX_HANDSHAKE_LINE_BYTES:
            self._refuse(HeadersTooLarge())
            return
        seat, self._seat = self._seat, None
        try:
            super().handle_websocket_upgrade()
            protocol = self.transport.get_protocol()
            assert isinstance(protocol, GuardedWebSocket)
        except (ValueError, AssertionError):  # what the WebSocket library does not take
            self._seat = seat
            others = [other for other in self.connections if other.transport is self.transport]
            self.connections.difference_update(others)
            self.connections.add(self)
            self._refuse(MalformedRequest())
            return
        if seat is not None:
            seat.work()
        protocol.seat = seat

    # The parser's calls

    def on_headers_complete(self) -> None:
        """A head is whole: look at its size, then serve it."""
        is_large = self._head_bytes + self._chunk_bytes > MAX_HEAD_BYTES and self._size_of_head() > MAX_HEAD_BYTES
        if is_large or len(self.headers) > MAX_HEADERS:
            self._fault = HeadersTooLarge()
        elif len(self.pipeline) >= MAX_PIPELINED or self._names_several_hosts():
            self._fault = MalformedRequest()
        if self._fault is not None:
            raise httptools.HttpParserError("refused")
        self._is_in_body = True
        self._head_bytes = self._raw_bytes = self._body_bytes = 0
        self._body_began_s = 0.0
        super().on_headers_complete()
        if not self.parser.should_upgrade() or not self._should_upgrade():
            # What comes from now on as a header is of a trailer. It must not change the request that is being served.
            self.headers = []

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        self._body_bytes += len(body)
        super().on_body(body)

    def on_message_complete(self) -> None:
        """A request is whole."""
        self._is_in_body = False
        self._has_ended_message = True
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """An answer is written: the client has its turn, unless it asked for more already."""
        super().on_response_complete()
        if self._seat is not None and self.cycle.response_complete:
            timeouts, now_s = self.server_state.timeouts, self.loop.time()
            if self._is_in_body:
                self.deadline_s = now_s + timeouts.body_s
            else:  # an idle one is uvicorn's to close
                self.deadline_s = now_s + timeouts.head_s if self._head_bytes else math.inf
            self._seat.wait()

    # Refusals

    def send_400_response(self, msg: str) -> None:
        """What could not be parsed, in the shape of our errors."""
        self._refuse(self._fault or MalformedRequest())

    def _refuse(self, error: AppError) -> None:
        """Say why, and close; what still comes is not looked at."""
        self._is_refused = True
        self._unset_keepalive_if_required()
        if self._is_answering or self.transport.is_closing():
            self._leave_answer()
            self.transport.close()
            return
        self._leave_answer()
        body = orjson.dumps(error_body(error, request_id=""))
        self.transport.write(
            STATUS_LINE[error.status]
            + b"content-type: application/json\r\nconnection: close\r\ncontent-length: %d\r\n\r\n" % len(body)
            + body
        )
        self.flow.resume_reading()
        self.transport.write_eof()
        self.deadline_s = math.inf
        self.loop.call_later(LINGER_S, self.transport.abort)

    @property
    def _is_answering(self) -> bool:
        """Whether an answer is due or on its way: what we say would be taken for it."""
        if self.cycle is None or self.cycle.response_complete:
            return False
        return not self._is_in_body or self.cycle.response_started or bool(self.pipeline)

    def _leave_answer(self) -> None:
        """Let whoever reads a request's body know that no more of it comes."""
        if self.cycle is not None and not self.cycle.response_complete:
            self.cycle.disconnected = True
            self.cycle.message_event.set()

    def _names_several_hosts(self) -> bool:
        """Which of them counts, a proxy and we might see differently. Source: RFC 9112, 3.2."""
        return [name for name, _ in self.headers].count(b"host") > 1

    def _size_of_head(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
