"""``api``: the API and its WebSocket without the console, in several processes on one port.

The parent holds one listener (``SO_REUSEPORT``) for each process and hands it down: connections that come while a
process is started anew wait for it instead of being refused.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from chat_api.core.errors import Unavailable
from chat_api.core.logging import configure_logging, get_logger
from chat_api.core.settings import Settings
from chat_api.embedded.child_process import ChildProcess
from console.admins import prepare_first_admin
from console.migrate import migrate
from console.server import ENDING, browser_url, listen
from console.servers import Servers, servers
from console.terminal import say

FIRST_PAUSE_S = 0.5
LONGEST_PAUSE_S = 5.0
STEADY_S = 30.0
# Each process drains within 22 s; the promise is 25 in all. Source: promises.
GRACE_S = 23.0
log = get_logger(__name__)


async def run_api(settings: Settings, *, processes: int) -> None:
    """Serve with so many processes until SIGINT or SIGTERM, then let all of them drain.

    Raises: PortBusy before anything is started; DatabaseUnavailable; Unavailable when a process does not start.
    """
    with _listeners(settings, processes) as listeners:
        async with servers(settings) as where:
            await migrate(where)
            configure_logging(level=settings.log_level, log_format=settings.log_format)
            code = await prepare_first_admin(settings, where)

            def announce() -> None:
                url = browser_url(listeners[0])
                say(f"API on {url}, processes: {processes}", f"PostgreSQL: {where.database}", f"Redis: {where.redis}")
                if code:
                    say(f"Create the first administrator: POST {url}/api/admin/setup with the setup code {code}")

            gc.enable()  # the start is over, and this process lives long
            await _keep(listeners, _environment(where), announce)


class ProcessSupervisor:
    """Keeps one process serving: one that ends is begun again, after a little longer each time."""

    def __init__(self, number: int, listener: socket.socket, environment: Mapping[str, str]) -> None:
        self.is_ready = asyncio.Event()
        self._number = number
        self._listener = listener
        self._environment = environment

    async def run(self) -> None:
        """Keep it until cancelled, then end it. Raises: Unavailable when it ends before it ever served."""
        pause_s = FIRST_PAUSE_S
        while True:
            begun_s = time.monotonic()
            child, ready_end = self._start()
            try:
                if await _is_said(ready_end):
                    self.is_ready.set()
                elif not self.is_ready.is_set():
                    raise Unavailable("The application didn't start. See its log.")
                await child.exited()
            finally:
                await child.stop(signal.SIGTERM, grace_s=GRACE_S)
            log.error("process_died", number=self._number, pid=child.pid, exit_code=child.exit_code)
            if time.monotonic() - begun_s > STEADY_S:
                pause_s = FIRST_PAUSE_S
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, LONGEST_PAUSE_S)

    def _start(self) -> tuple[ChildProcess, int]:
        """A new process, and the end of a pipe where it says that it serves."""
        ready_end, write_end = os.pipe()
        listener_fd = self._listener.fileno()
        child = ChildProcess.start(
            [sys.executable, "-m", "console.api_process", str(listener_fd), str(write_end)],
            log=None,
            env=self._environment,
            pass_fds=(listener_fd, write_end),
        )
        os.close(write_end)
        return child, ready_end


async def _keep(
    listeners: Sequence[socket.socket], environment: Mapping[str, str], announce: Callable[[], None]
) -> None:
    """Keep a process on each listener until a signal comes."""
    ending = asyncio.Event()
    for number in ENDING:
        asyncio.get_running_loop().add_signal_handler(number, ending.set)
    supervisors = [ProcessSupervisor(number, listener, environment) for number, listener in enumerate(listeners, 1)]
    running = [asyncio.create_task(supervisor.run()) for supervisor in supervisors]
    ended = asyncio.create_task(ending.wait())
    all_ready = asyncio.create_task(_all_ready(supervisors))
    tasks: list[asyncio.Task[Any]] = [ended, all_ready, *running]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if all_ready.done():
            announce()
            await asyncio.wait([ended, *running], return_when=asyncio.FIRST_COMPLETED)
        for task in running:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _all_ready(supervisors: Sequence[ProcessSupervisor]) -> None:
    for supervisor in supervisors:
        await supervisor.is_ready.wait()


async def _is_said(ready_end: int) -> bool:
    """Whether something is written to the pipe before its other end is closed."""
    loop = asyncio.get_running_loop()
    said: asyncio.Future[bytes] = loop.create_future()
    loop.add_reader(ready_end, lambda: None if said.done() else said.set_result(os.read(ready_end, 1)))
    try:
        return await said != b""
    finally:
        loop.remove_reader(ready_end)
        os.close(ready_end)


@contextlib.contextmanager
def _listeners(settings: Settings, count: int) -> Iterator[list[socket.socket]]:
    """The port, once for each process; the kernel spreads connections over them."""
    host, port = settings.web_ui_host, settings.web_ui_port
    with contextlib.ExitStack() as stack:
        # First without sharing: with it, a service that runs already would share the port with us unnoticed.
        with contextlib.closing(listen(host, port)) as probe:
            port = probe.getsockname()[1]
        yield [stack.enter_context(contextlib.closing(listen(host, port, is_shared=True))) for _ in range(count)]


def _environment(where: Servers) -> dict[str, str]:
    return dict(os.environ) | {"DATABASE_URL": where.database_url, "REDIS_URL": where.redis_url}
