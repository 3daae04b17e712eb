"""PostgreSQL and Valkey out of the box: started, watched and stopped by the process that needs them.

Everything lives under the state directory::

    postgres/            the cluster
    logs/postgres.log    logs/valkey.log
    run/                 sockets (elsewhere when the path is too long for a socket) and embedded.lock

One process owns a state directory at a time; a short command may join the servers of the owner.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import os
import stat
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import structlog

from chat_api.core.errors import Conflict, Unavailable
from chat_api.core.state_dir import prepare_state_dir
from chat_api.embedded.child_process import ChildProcess
from chat_api.embedded.postgres import EmbeddedPostgres
from chat_api.embedded.system_user import trusted_uids
from chat_api.embedded.valkey import EmbeddedValkey

MAX_SOCKET_PATH = 107  # Source: unix(7), sun_path
LONGEST_SOCKET_NAME = ".s.PGSQL.5432.lock"
RESTART_PAUSE_S = 0.5
JOIN_TIMEOUT_S = 60.0
log = structlog.get_logger(__name__)


class StateDirInUse(Conflict):
    """Another process owns this state directory."""

    code = "state_dir_in_use"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoints:
    """Where the embedded servers listen; None for one that was not asked for."""

    database_url: str | None
    redis_url: str | None


class EmbeddedServer(Protocol):
    """What a server must offer to be embedded."""

    async def start(self) -> ChildProcess:
        """Start it and return once it serves."""

    async def stop(self, child: ChildProcess) -> None:
        """End it and return once it is gone."""


@asynccontextmanager
async def embedded_servers(
    state_dir: Path, *, postgres: bool = True, valkey: bool = True, join: bool = False
) -> AsyncIterator[Endpoints]:
    """Run the servers while the block runs; they end with it, and with the process however that ends.

    A server that dies is started again. With ``join`` the servers of a process that owns ``state_dir`` are used.

    Raises: StateDirInUse when another process owns it and ``join`` is False; DatabaseUnavailable or Unavailable,
    with the server's log in ``detail``, when one does not start.
    """
    sql, bus = _servers(state_dir)
    endpoints = Endpoints(database_url=sql.url if postgres else None, redis_url=bus.url if valkey else None)
    wanted: list[EmbeddedServer] = [server for server, is_wanted in ((sql, postgres), (bus, valkey)) if is_wanted]
    async with AsyncExitStack() as stack:
        try:
            stack.enter_context(owned(state_dir))
        except StateDirInUse:
            if not join:
                raise
            await _answering(sql, bus, endpoints)
        else:
            starts = (stack.enter_async_context(_running(server)) for server in wanted)
            # Wait for all of them, so that one that started beside one that failed is stopped too.
            for outcome in await asyncio.gather(*starts, return_exceptions=True):
                if isinstance(outcome, BaseException):
                    raise outcome
        yield endpoints


@contextmanager
def owned(state_dir: Path) -> Iterator[None]:
    """Hold the state directory for this process; the kernel lets go of it when the process ends.

    Raises: StateDirInUse with the number of the process that holds it.
    """
    path = state_dir / "run" / "embedded.lock"
    prepare_state_dir(state_dir)
    path.parent.mkdir(mode=0o711, exist_ok=True)
    with path.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            owner = file.read().strip() or "unknown"
            raise StateDirInUse(
                f"The state directory {state_dir} is in use by process {owner}."
                " Stop that one, or set another WEB_UI_STATE_DIR."
            ) from None
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def private_socket_dir(state_dir: Path, name: str) -> Path:
    """A folder for one server's sockets that only its own account may enter, with a path short enough for a socket.

    Raises: Unavailable when somebody else got hold of the folder's name first.
    """
    folder = state_dir / "run" / name
    if len(os.fsencode(folder / LONGEST_SOCKET_NAME)) > MAX_SOCKET_PATH:
        digest = hashlib.sha256(os.fsencode(state_dir)).hexdigest()[:16]
        folder = Path(tempfile.gettempdir()) / f"whisperengine-{os.geteuid()}-{digest}-{name}"
    prepare_state_dir(state_dir)
    folder.parent.mkdir(mode=0o711, exist_ok=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    is_ours = stat.S_ISDIR(found.st_mode) and found.st_uid in trusted_uids()
    if not is_ours or stat.S_IMODE(found.st_mode) & 0o077:
        raise Unavailable(detail=f"{folder} must be a folder of our own that nobody else may enter")
    return folder


def _servers(state_dir: Path) -> tuple[EmbeddedPostgres, EmbeddedValkey]:
    state_dir = state_dir.resolve()
    logs = state_dir / "logs"
    sql = EmbeddedPostgres(
        data_dir=state_dir / "postgres",
        socket_dir=private_socket_dir(state_dir, "pg"),
        log_file=logs / "postgres.log",
    )
    return sql, EmbeddedValkey(socket_dir=private_socket_dir(state_dir, "vk"), log_file=logs / "valkey.log")


@asynccontextmanager
async def _running(server: EmbeddedServer) -> AsyncIterator[None]:
    """Keep ``server`` running while the block runs."""
    current = await server.start()

    async def watch() -> None:
        nonlocal current
        while True:
            await current.exited()
            log.error("embedded_server_died", server=type(server).__name__, exit_code=current.exit_code)
            await asyncio.sleep(RESTART_PAUSE_S)
            try:
                current = await server.start()
            except Unavailable as exc:
                log.error("embedded_server_not_restarted", server=type(server).__name__, detail=exc.detail)
            else:
                log.info("embedded_server_restarted", server=type(server).__name__)

    watcher = asyncio.create_task(watch())
    try:
        yield
    finally:
        watcher.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watcher
        await server.stop(current)


async def _answering(sql: EmbeddedPostgres, bus: EmbeddedValkey, endpoints: Endpoints) -> None:
    """Wait for the servers of the process that owns the state directory."""
    sockets = [sql.socket_dir / ".s.PGSQL.5432"] if endpoints.database_url else []
    sockets += [bus.socket] if endpoints.redis_url else []
    deadline = time.monotonic() + JOIN_TIMEOUT_S
    while not all(path.exists() for path in sockets):
        if time.monotonic() >= deadline:
            raise Unavailable(detail="the process that owns the state directory does not run the embedded servers")
        await asyncio.sleep(0.05)
