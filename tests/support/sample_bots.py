"""Sample bots as real processes, on ports of their own."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from tests.support.eventually import DEADLINE_S, eventually
from tests.support.ports import free_port

_ROOT = Path(__file__).resolve().parents[2]
_TIMEOUT = aiohttp.ClientTimeout(total=DEADLINE_S)
# What a developer has set for the bots must not reach the tests.
_BOT_VARIABLES = ("LLM_", "SAMPLE_BOT_", "DISCORD_BOT_NAME", "HEALTH_CHECK_PORT")
_ENDED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class ChatCall:
    """One chat message that a bot received."""

    user_id: str
    message: str


class RunningBot:
    """A sample bot process; ``url``, ``port`` and ``name`` survive a restart, its memory does not."""

    def __init__(self, name: str, arguments: Sequence[str], environment: Mapping[str, str], log_path: Path) -> None:
        self.name = name
        self.port = free_port()
        self.process: subprocess.Popen[bytes]
        self._arguments = arguments
        self._environment = environment
        self._log_path = log_path

    @property
    def url(self) -> str:
        """Base URL without a slash at the end."""
        return f"http://127.0.0.1:{self.port}"

    def url_as(self, number: int) -> str:
        """Another address of a bot that listens on all of this machine's, as that of another bot; from 1 to 250."""
        return f"http://127.0.1.{number}:{self.port}"

    @property
    def log(self) -> str:
        """Everything that the process wrote since it was last started."""
        return self._log_path.read_text()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    async def start(self) -> None:
        """Start the process and wait until it listens.

        Raises: RuntimeError with its output if it ends instead.
        """
        self._spawn()
        port = await eventually(self._port_or_end)
        if port == _ENDED:
            raise RuntimeError(f"sample bot {self.name} did not start: {self.log}")
        self.port = port

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask the process to end and return its exit code."""
        return await self._end(number)

    async def kill(self) -> None:
        """End the process the hard way (SIGKILL)."""
        await self._end(signal.SIGKILL)

    async def restart(self) -> None:
        """Bring the bot up again on the same port, ended before if it still runs."""
        await self.kill()
        await self.start()

    async def set_faults(self, **changes: object) -> None:
        """Change how the bot misbehaves: see ``sample_bot.faults.FaultPlan`` for the fields.

        Raises: AssertionError if the bot refuses the change.
        """
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as client,
            client.post(f"{self.url}/_faults", json=changes) as response,
        ):
            assert response.status == 200, await response.text()

    async def calls(self) -> list[ChatCall]:
        """Chat messages that reached the bot since it started, oldest first."""
        async with aiohttp.ClientSession(timeout=_TIMEOUT) as client, client.get(f"{self.url}/_calls") as response:
            assert response.status == 200, await response.text()
            return [ChatCall(**call) for call in (await response.json())["calls"]]

    def _spawn(self) -> None:
        command = [sys.executable, "-m", "sample_bot", "--name", self.name, "--port", str(self.port), *self._arguments]
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(command, cwd=_ROOT, env=self._environment, stdout=log, stderr=log)

    async def _end(self, number: signal.Signals) -> int:
        if self.is_alive:
            self.process.send_signal(number)
        return await asyncio.to_thread(self.process.wait, DEADLINE_S)

    def _port_or_end(self) -> int:
        for line in self.log.splitlines():
            if '"event": "listening"' in line:
                return int(json.loads(line)["port"])
        return 0 if self.is_alive else _ENDED


@asynccontextmanager
async def sample_bot(
    name: str = "elena", *, env: Mapping[str, str] | None = None, allow_faults: bool = True, **options: Any
) -> AsyncIterator[RunningBot]:
    """Run one bot that is ready, on a free port, and end it afterwards.

    ``options`` are those of ``python -m sample_bot`` with underscores, e.g. ``contract="v2"``,
    ``delay_ms=200``, ``stream=True``, ``port=9091``. Unless ``startup_ms`` says otherwise the bot is ready.
    """
    arguments = ["--allow-faults"] if allow_faults else []
    for option, value in options.items():
        flag = "--" + option.replace("_", "-")
        arguments += [flag] if value is True else [flag, str(value)]
    environment = {key: value for key, value in os.environ.items() if not key.startswith(_BOT_VARIABLES)}
    with tempfile.TemporaryDirectory(prefix="sample-bot-") as folder:
        bot = RunningBot(name, arguments, {**environment, **(env or {})}, Path(folder) / "log")
        try:
            await bot.start()
            yield bot
        finally:
            if hasattr(bot, "process"):
                await bot.kill()


@asynccontextmanager
async def fleet(
    names: Sequence[str] = ("elena", "marcus", "ryan"), **options: Any
) -> AsyncIterator[dict[str, RunningBot]]:
    """Run several bots, started together, by name; ``options`` go to every one."""
    async with AsyncExitStack() as stack:
        starts = [stack.enter_async_context(sample_bot(name, **options)) for name in names]
        outcomes = await asyncio.gather(*starts, return_exceptions=True)
        bots = []
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            bots.append(outcome)
        yield dict(zip(names, bots, strict=True))
