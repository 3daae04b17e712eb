"""One process of the demo, a sample bot or another part of a fleet: what it writes, and what it uses."""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from chat_api.core.clock import SYSTEM_CLOCK
from chat_api.embedded.child_process import ChildProcess
from chat_api.engine.log_schemas import LogStream, RawLine
from chat_api.engine.schemas import PART_PREFIX, ContainerKind, ContainerUsage

PROJECT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
MAX_LINES = 5000
MAX_READ_BYTES = 1_000_000
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What the demo's engine shows a process as. ``bot_name``: the bot, or ``part:`` and the container's name.

    ``alias`` is what a bot's environment calls it.
    """

    bot_name: str
    container: str
    image: str = "sample_bot"
    kind: ContainerKind = ContainerKind.PROCESS
    project: str = ""
    service: str = ""
    alias: str | None = None
    port: int | None = None

    @property
    def is_bot(self) -> bool:
        """Whether it is a bot and no other part of the fleet."""
        return not self.bot_name.startswith(PART_PREFIX)


class DemoProcess:
    """One process of the demo. ``lines`` are its last lines, stamped when they were read."""

    def __init__(self, shown: Shown, command: Sequence[str], *, log: Path) -> None:
        self.shown = shown
        self.command = command
        self.started_at: datetime | None = None
        self.restart_count = 0
        self.acting = asyncio.Lock()
        self.lines: deque[RawLine] = deque(maxlen=MAX_LINES)
        self._log = log
        self._read_bytes = log.stat().st_size if log.exists() else 0
        self._process: ChildProcess | None = None
        self._cpu_at: tuple[float, float] | None = None

    @property
    def name(self) -> str:
        """What the engine knows it by."""
        return self.shown.bot_name

    @property
    def is_running(self) -> bool:
        """Whether the process lives."""
        return self._process is not None and self._process.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """Of the last end, as a shell tells it (128 and the signal's number); None while it runs."""
        code = self._process.exit_code if self._process is not None else None
        return 128 - code if code is not None and code < 0 else code

    def begin(self) -> None:
        """Start the process; from the main thread only."""
        self._process = ChildProcess.start(self.command, log=self._log, cwd=PROJECT)
        self._cpu_at = None
        self.started_at = SYSTEM_CLOCK.now()

    async def end(self, *, grace_s: float) -> None:
        """Ask it to stop, and see to it that it does."""
        if self._process is not None:
            await self._process.stop(signal.SIGTERM, grace_s=grace_s)

    def read_log(self) -> None:
        """Take over what it has written since the last call."""
        if not self._log.exists():
            return
        if self._log.stat().st_size < self._read_bytes:  # a full log was put aside
            self._read_bytes = 0
        with self._log.open("rb") as file:
            file.seek(self._read_bytes)
            whole, ended, _ = file.read(MAX_READ_BYTES).rpartition(b"\n")
        self._read_bytes += len(whole) + len(ended)
        for text in whole.decode(errors="replace").replace("\0", "").splitlines():
            self.lines.append(RawLine(max(time.time_ns(), self._last_ns + 1), LogStream.STDOUT, text))

    def lines_after(self, at_ns: int) -> Iterator[RawLine]:
        """Its lines later than a moment, oldest first."""
        return (line for line in tuple(self.lines) if line.at_ns > at_ns)

    def usage(self) -> ContainerUsage:
        """What it uses; the processor's share is since the call before. Source: proc(5)."""
        cpu_s, memory_bytes = self._spent()
        now_s = time.monotonic()
        before, self._cpu_at = self._cpu_at, (now_s, cpu_s)
        percent = 100 * (cpu_s - before[1]) / (now_s - before[0]) if before and now_s > before[0] else 0.0
        return ContainerUsage(
            bot_name=self.name,
            measured_at=SYSTEM_CLOCK.now(),
            cpu_percent=max(0.0, percent),
            memory_bytes=memory_bytes,
        )

    @property
    def _last_ns(self) -> int:
        return self.lines[-1].at_ns if self.lines else 0

    def _spent(self) -> tuple[float, int]:
        """Seconds of processor and bytes of memory; nothing for a process that has ended."""
        if self._process is None:
            return 0.0, 0
        folder = Path(f"/proc/{self._process.pid}")
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
            resident = int((folder / "statm").read_text().split()[1])
        except (OSError, IndexError):
            return 0.0, 0
        return (int(fields[11]) + int(fields[12])) / _TICKS_PER_S, resident * _PAGE_BYTES


class DemoBot(DemoProcess):
    """``python -m sample_bot`` on a port."""

    def __init__(self, name: str, port: int, *, options: Sequence[str], log: Path, shown: Shown | None = None) -> None:
        """``shown``: as what, if not as the process that it is."""
        command = [sys.executable, "-m", "sample_bot", "--name", name, "--host", HOST, "--port", str(port), *options]
        super().__init__(
            shown or Shown(bot_name=name, container=f"sample-bot-{name}", port=port), command=command, log=log
        )


class DemoPart(DemoProcess):
    """A process that says its lines and, with more than one, stays."""

    def __init__(self, shown: Shown, lines: Sequence[str], *, log: Path) -> None:
        program = str(Path(__file__).with_name("demo_part.py"))
        super().__init__(shown, [sys.executable, "-S", "-E", program, *lines], log=log)
