"""``./web-ui.sh`` commands as real processes, started, signalled and read."""

import asyncio
import contextlib
import os
import re
import signal
import sys
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil

from tests.support.eventually import DEADLINE_S, eventually

ROOT = Path(__file__).resolve().parents[2]
WEB_UI = ROOT / "web-ui.sh"
OURS = re.compile(r"WEB_UI_|DATABASE_URL|REDIS_URL|QDRANT_URL|DOCKER_HOST|BOTS_|BOT_|SAMPLE_BOT_|LLM_|LOG_|DISCORD_")


def environment(**values: str | Path | int) -> dict[str, str]:
    """This process's environment without what a developer has set for the product, plus ``values``."""
    clean = {name: value for name, value in os.environ.items() if not OURS.match(name)}
    return clean | {"WEB_UI_VENV": sys.prefix} | {name: str(value) for name, value in values.items()}


class RunningCommand:
    """A command that serves until it is told to end."""

    def __init__(self, process: asyncio.subprocess.Process, port: int) -> None:
        self.process = process
        self.port = port
        self.output = ""
        self._family: set[psutil.Process] = set()

    @property
    def url(self) -> str:
        """Where it serves."""
        return f"http://127.0.0.1:{self.port}"

    async def read_until(self, mark: str) -> None:
        """Read its output until ``mark`` appears. Raises: AssertionError with the output when it ends before."""
        assert self.process.stdout
        async with asyncio.timeout(DEADLINE_S):
            while mark not in self.output:
                line = await self.process.stdout.readline()
                assert line, f"ended with {await self.process.wait()}:\n{self.output}"
                self.output += line.decode()
        self._family = set(self._members())

    async def end(self, number: signal.Signals) -> int:
        """Send a signal, and wait until it and everything that it started are gone. Returns its exit code."""
        self._family |= set(self._members())
        self.process.send_signal(number)
        async with asyncio.timeout(DEADLINE_S):  # something of its own that outlives it would hold the pipe
            self.output += (await self.process.communicate())[0].decode()
        await eventually(lambda: not any(map(is_alive, self._family)))
        assert self.process.returncode is not None
        return self.process.returncode

    def _members(self) -> Iterator[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(self.process.pid)
            yield process
            yield from process.children(recursive=True)


def is_alive(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


@asynccontextmanager
async def running(
    command: str, env: Mapping[str, str], *, mark: str, arguments: Sequence[str] = ()
) -> AsyncIterator[RunningCommand]:
    """``./web-ui.sh command`` from the line that holds ``mark`` on; killed at the end when it still runs."""
    process = await asyncio.create_subprocess_exec(
        WEB_UI, command, *arguments, env=env, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    running_command = RunningCommand(process, int(env["WEB_UI_PORT"]))
    try:
        await running_command.read_until(mark)
        yield running_command
    finally:
        if process.returncode is None:
            await running_command.end(signal.SIGKILL)


async def finished(*arguments: str, env: Mapping[str, str], stdin: str = "") -> tuple[int, str]:
    """Run ``./web-ui.sh`` with ``arguments`` to its end: its exit code and all that it printed."""
    process = await asyncio.create_subprocess_exec(
        WEB_UI,
        *arguments,
        env=env,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(DEADLINE_S):
        output, _ = await process.communicate(stdin.encode())
    assert process.returncode is not None
    return process.returncode, output.decode()
