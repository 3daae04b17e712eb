"""``serve`` or ``api`` as a process of its own, to be killed and started again on the same port."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import aiohttp
import psutil

from tests.support.eventually import eventually
from tests.support.ports import free_port


class ConsoleProcess:
    """One server; ``environment`` is added to ours. Its output goes to ``log``."""

    def __init__(self, environment: Mapping[str, str], log: Path, *command: str) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None
        self._environment = environment
        self._command = command or ("serve",)
        self.log = log

    @property
    def is_alive(self) -> bool:
        """Whether the process runs."""
        return self.process is not None and self.process.poll() is None

    async def start(self) -> None:
        """Start, and wait until it is ready; again when it ends meanwhile, as whoever runs it in production would.

        Raises: AssertionError with the end of its log when it does not become ready.
        """
        async with aiohttp.ClientSession() as client:

            async def is_ready() -> bool:
                if not self.is_alive:
                    self._spawn()
                async with client.get(f"{self.url}/health/ready") as answer:
                    return answer.status == 200

            try:
                await eventually(is_ready)
            except AssertionError as error:
                raise AssertionError(f"{self.url} did not start: {self.log.read_text()[-2000:]}") from error

    def kill(self) -> None:
        """SIGKILL: at whatever instruction it is."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()

    @property
    def workers(self) -> list[psutil.Process]:
        """The processes that it runs, where it does not serve itself."""
        return psutil.Process(self.process.pid).children() if self.process is not None else []

    async def terminate(self, *, timeout_s: float) -> int:
        """SIGTERM; returns the exit code. Raises: subprocess.TimeoutExpired when it takes longer."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.process.wait, timeout_s)

    def _spawn(self) -> None:
        environment = {**os.environ, **self._environment, "WEB_UI_PORT": str(self.port), "WEB_UI_HOST": "127.0.0.1"}
        with self.log.open("ab") as log:
            command = [sys.executable, "-m", "console.cli", *self._command]
            self.process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
