"""A process that listens: started, waited for, ended."""

import asyncio
import contextlib
import itertools
import os
import random
import re
import signal
import socket
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.generator import PROJECT
from bench.http import HOST
from chat_api.core.errors import Unavailable
from chat_api.embedded.child_process import ChildProcess, log_tail

START_TIMEOUT_S = 60.0
_PORTS = range(28_000, 32_768)
# What an operator has set for the product is not measured.
_OURS = re.compile(
    r"WEB_UI_|DATABASE_|REDIS_|QDRANT_|DOCKER_|BOTS?_|CHARACTERS_|MAX_|RATE_|WEBSOCKET_|LOG_|CONNECTION_|AUTH_|METRICS_"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A process that listens."""

    port: int
    child: ChildProcess

    @property
    def pid(self) -> int:
        """The process id."""
        return self.child.pid


@asynccontextmanager
async def running(
    command: Sequence[str], *, port: int, log: Path, env: Mapping[str, str] | None = None
) -> AsyncIterator[Part]:
    """A process, from its first answer on ``port`` to the end of the block. Raises: Unavailable with its log."""
    clean = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
    child = ChildProcess.start(command, log=log, env=clean | dict(env or {}), cwd=PROJECT)
    try:
        await answering(port, child, log)
        yield Part(port=port, child=child)
    finally:
        await child.stop(signal.SIGTERM, grace_s=30.0)


async def answering(port: int, child: ChildProcess, log: Path) -> None:
    """Wait until a process answers HTTP. Raises: Unavailable with the end of its log."""
    deadline = time.monotonic() + START_TIMEOUT_S
    while child.exit_code is None and time.monotonic() < deadline:
        try:
            reader, writer = await asyncio.open_connection(HOST, port)
            writer.write(b"GET /health HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n")
            is_answer = bool(await reader.read(12))
            writer.close()
            if is_answer:
                return
        except OSError:
            pass
        await asyncio.sleep(0.02)
    raise Unavailable(detail=f"did not start:\n{log_tail(log)}")


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on, below those that the kernel gives to whoever asks for any."""
    free = (port for port in random.sample(_PORTS, len(_PORTS)) if _is_free(port))
    return list(itertools.islice(free, count))


def _is_free(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_server((HOST, port)):
        return True
    return False
