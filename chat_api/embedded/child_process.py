"""Programs that live exactly as long as this process: servers and bots that nobody has to clean up after.

The kernel ends a child when the process that started it is gone, however it went (``PR_SET_PDEATHSIG``), so a
``kill -9`` leaves nothing running. Each child has its own session: Ctrl-C in a terminal reaches only us, and we end the
children in order.
"""

import asyncio
import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import BinaryIO

POLL_S = 0.01
LOG_LIMIT_BYTES = 10 * 1024 * 1024
_PR_SET_PDEATHSIG = 1  # Source: linux/prctl.h
_libc = ctypes.CDLL(None, use_errno=True)


class ChildProcess:
    """One running program; start it from the main thread, whose end is what the kernel watches."""

    def __init__(self, popen: subprocess.Popen[bytes]) -> None:
        self._popen = popen

    @classmethod
    def start(
        cls,
        argv: Sequence[str | Path],
        *,
        log: Path | None,
        death_signal: signal.Signals = signal.SIGKILL,
        user: pwd.struct_passwd | None = None,
        env: Mapping[str, str] | None = None,
        cwd: str | Path | None = None,
        pass_fds: Sequence[int] = (),
    ) -> "ChildProcess":
        """Start ``argv``; its output goes to the end of ``log``, and ``death_signal`` to it when we are gone.

        Without ``log`` its output goes where ours goes; ``pass_fds`` are the files that it shares with us.
        """
        identity = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
        with contextlib.nullcontext() if log is None else _open_log(log) as output:
            popen = subprocess.Popen(  # type: ignore[call-overload]  # identity is all or nothing
                [str(part) for part in argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=None if output is None else subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=_die_with_parent(death_signal),  # noqa: PLW1509  one system call, nothing imported
                env=env,
                cwd=cwd,
                pass_fds=pass_fds,
                **identity,
            )
        return cls(popen)

    @property
    def pid(self) -> int:
        """The process id."""
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        """The exit code, or None while it runs."""
        return self._popen.poll()

    async def exited(self, *, timeout_s: float | None = None) -> bool:
        """Wait until it has ended; False when ``timeout_s`` passed first."""
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        pause_s = POLL_S
        while self._popen.poll() is None:
            if deadline is not None and time.monotonic() >= deadline:
                return False
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, POLL_S if deadline is not None else 0.25)
        return True

    async def stop(self, *signals: signal.Signals, grace_s: float = 10.0) -> None:
        """Send each of ``signals`` in turn, each with ``grace_s`` to obey, then SIGKILL."""
        for number in (*signals, signal.SIGKILL):
            if self._popen.poll() is not None:
                return
            self._popen.send_signal(number)
            if await self.exited(timeout_s=grace_s):
                return


def log_tail(log: Path, *, max_bytes: int = 2000) -> str:
    """The end of a child's log, for the message that says why it did not start."""
    if not log.exists():
        return ""
    with log.open("rb") as file:
        file.seek(max(0, log.stat().st_size - max_bytes))
        return file.read().decode(errors="replace").strip()


def _open_log(log: Path) -> BinaryIO:
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists() and log.stat().st_size > LOG_LIMIT_BYTES:
        log.replace(log.with_suffix(log.suffix + ".1"))
    return log.open("ab")


def _die_with_parent(death_signal: signal.Signals) -> Callable[[], None]:
    parent = os.getpid()

    def prepare() -> None:
        # After the change of user, which would clear it; and the parent may have died before the call.
        _libc.prctl(_PR_SET_PDEATHSIG, int(death_signal))
        if os.getppid() != parent:
            os._exit(1)

    return prepare
