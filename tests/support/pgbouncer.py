"""A real PgBouncer before a PostgreSQL that listens on a unix socket."""

import asyncio
import contextlib
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

from chat_api.embedded.child_process import ChildProcess
from chat_api.embedded.system_user import give, unprivileged_user
from tests.support.eventually import eventually

PORT = 6432
POOL_SIZE = 30


@contextlib.asynccontextmanager
async def pgbouncer(database_url: str, *, pool_mode: str, entry: str = "", **settings: str) -> AsyncIterator[str]:
    """Run one; yields the address that leads to ``database_url`` through it.

    ``entry`` is added to the database's entry, ``settings`` to the section ``pgbouncer`` of its configuration.
    """
    program = os.environ.get("PGBOUNCER") or shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program, "pgbouncer is not installed; `./web-ui.sh test` installs it"
    parts = urlsplit(database_url)
    socket_dir = parse_qs(parts.query)["host"][0]
    user = await asyncio.to_thread(unprivileged_user)  # like PostgreSQL, it refuses to run as root
    with tempfile.TemporaryDirectory(prefix="we-pgb-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        lines = {
            "unix_socket_dir": name,
            "listen_port": str(PORT),
            "listen_addr": "",
            "auth_type": "any",
            "pool_mode": pool_mode,
            "default_pool_size": str(POOL_SIZE),
            "max_client_conn": "200",
        } | settings
        configuration = folder / "pgbouncer.ini"
        configuration.write_text(
            f"[databases]\n* = host={socket_dir} port=5432 user={parts.username or 'postgres'} {entry}\n[pgbouncer]\n"
            + "".join(f"{key} = {value}\n" for key, value in lines.items())
        )
        give(folder, user)
        child = ChildProcess.start([program, configuration], log=folder / "log", user=user, cwd="/")
        try:
            socket = folder / f".s.PGSQL.{PORT}"
            await eventually(lambda: socket.exists() or child.exit_code is not None)
            assert socket.exists(), (folder / "log").read_text()
            yield parts._replace(query=f"host={quote(name)}&port={PORT}").geturl()
        finally:
            await child.stop(signal.SIGTERM)
