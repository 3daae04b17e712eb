"""The web server of this process: one socket taken early, signals that end things in order."""

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Callable, Coroutine, Iterator
from typing import TYPE_CHECKING

import uvicorn
import uvloop

from chat_api.core.errors import Conflict, Unavailable
from console.connections import Timeouts, connection_book
from console.http_protocol import GuardedHttp, GuardedState, GuardedWebSocket

if TYPE_CHECKING:
    from fastapi import FastAPI

BACKLOG = 2048
REQUEST_DRAIN_S = 4  # for requests; answers under way have the lifespan's drain after it, all within 25 s
FORCE_POLL_S = 0.2  # how soon a second Ctrl-C is seen
WS_MAX_BYTES = 1024 * 1024
WS_PING_S = 25
WS_PONG_S = 20
PEER_GONE_AFTER_MS = 60_000
# A message makes some hundred short-lived objects and hardly a cycle: looking for garbage seven times for every hundred
# messages cost an eighth of all work.
GC_THRESHOLDS = (10_000, 10, 10)
ENDING = (signal.SIGINT, signal.SIGTERM)


class PortBusy(Conflict):
    """Something else listens on the port."""

    code = "port_busy"


def listen(host: str, port: int, *, is_shared: bool = False) -> socket.socket:
    """Take the port before anything is started; ``is_shared``: others of the same account may take it, too.

    Raises: PortBusy, or Conflict when the address is not ours.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if is_shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        # A peer that takes nothing for so long is gone. Else the kernel would keep what we wrote for a quarter hour.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, PEER_GONE_AFTER_MS)
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as exc:
        listener.close()
        if exc.errno == 98:  # EADDRINUSE
            raise PortBusy(f"Port {port} on {host} is already in use.") from exc
        raise Conflict(f"Can't listen on {host}:{port}: {exc.strerror}.") from exc
    listener.setblocking(False)
    return listener


def run(main: Coroutine[object, object, None]) -> int:
    """Run ``main`` to its end; SIGINT or SIGTERM before it serves cancels it. Returns the exit code."""
    gc.disable()  # a start makes many objects and no garbage; serve() turns it on
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(_cancelled_by_signals(main))
        except asyncio.CancelledError:
            return 130
    return 0


async def serve(app: "FastAPI", listener: socket.socket, *, on_ready: Callable[[], None]) -> None:
    """Serve ``app`` until SIGINT or SIGTERM, then drain. Raises: Unavailable when the application does not start."""
    server = _Server(app, on_ready=on_ready)
    loop = asyncio.get_running_loop()
    for number in ENDING:
        loop.add_signal_handler(number, server.handle_exit, number, None)
    try:
        await server.serve(sockets=[listener])
    except SystemExit as exc:  # uvicorn's way to say so; ours lets everything be closed first
        raise Unavailable("The application didn't start. See its log.") from exc


class GuardedServer(uvicorn.Server):
    """uvicorn with our bounds for clients, without its own signal handlers, and with an end that keeps promises.

    Its signal handlers would end the process before we have cleaned up.
    """

    def __init__(self, app: "FastAPI", *, timeouts: Timeouts | None = None) -> None:
        config = uvicorn.Config(
            app,
            http=GuardedHttp,
            ws=GuardedWebSocket,
            ws_per_message_deflate=False,  # 70 KB less for each connection
            ws_max_size=WS_MAX_BYTES,
            ws_ping_interval=WS_PING_S,  # finds peers that are gone, and keeps proxies from closing quiet sockets
            ws_ping_timeout=WS_PONG_S,
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,  # forwarded addresses count only from TRUSTED_PROXIES, which the application knows
            timeout_graceful_shutdown=REQUEST_DRAIN_S,
            lifespan="on",
        )
        super().__init__(config)
        self._app = app
        self._book = connection_book(app.state.settings)
        self.server_state = GuardedState(self._book, timeouts or Timeouts())

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals to serve()."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, and look after the connections."""
        await super().startup(sockets)
        self._book.start()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Tell sockets why they close, and let every request have its answer, before uvicorn cuts them off."""
        state = self._app.state
        finishing = asyncio.ensure_future(state.finish()) if hasattr(state, "finish") else None
        if hasattr(state, "drain"):
            await state.drain()
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while finishing is not None and not finishing.done() and not self.force_exit:
            await asyncio.wait({finishing}, timeout=FORCE_POLL_S)
        await super().shutdown(sockets)
        self._book.stop()


class _Server(GuardedServer):
    """The server of this process: it says when it is ready, and the garbage collector knows what stays."""

    def __init__(self, app: "FastAPI", *, on_ready: Callable[[], None]) -> None:
        super().__init__(app)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start, then let the garbage collector look only at what comes from now on."""
        await super().startup(sockets)
        gc.collect()
        gc.freeze()
        gc.set_threshold(*GC_THRESHOLDS)
        gc.enable()
        if self.started and not self.should_exit:
            self._on_ready()


def browser_url(listener: socket.socket) -> str:
    """The address to open on this machine."""
    host, port = listener.getsockname()[:2]
    if host in {"0.0.0.0", "::"}:
        host = "localhost"
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def import_console() -> None:
    """Import what takes a second; run in a thread beside the start of the servers."""
    import console.main  # noqa: F401


async def _cancelled_by_signals(main: Coroutine[object, object, None]) -> None:
    task = asyncio.ensure_future(main)
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    await task
