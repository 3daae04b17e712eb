"""The embedded servers, as the operator meets them: started, killed, started again."""

import asyncio
import contextlib
import os
import stat
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest
import redis.asyncio

from chat_api.core.errors import Unavailable
from chat_api.embedded.postgres import OtherPostgresVersion
from chat_api.embedded.servers import StateDirInUse, embedded_servers, private_socket_dir
from chat_api.embedded.system_user import unprivileged_user
from tests.support.commands import ROOT
from tests.support.eventually import DEADLINE_S, eventually

OWNER = """
import asyncio, sys
from pathlib import Path
from chat_api.embedded.servers import embedded_servers

async def main():
    async with embedded_servers(Path(sys.argv[1])):
        print("ready", flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
def state_dir() -> Iterator[Path]:
    """A state directory of the test's own, under a folder that nobody else may enter."""
    with tempfile.TemporaryDirectory(prefix="we-", ignore_cleanup_errors=True) as folder:
        yield Path(folder) / "state"


@pytest.fixture(scope="module")
async def stopped_cluster() -> AsyncIterator[Path]:
    """A state directory after a first run."""
    with tempfile.TemporaryDirectory(prefix="we-", ignore_cleanup_errors=True) as folder:
        async with embedded_servers(Path(folder), valkey=False):
            pass
        yield Path(folder)


@pytest.fixture
def used_dir(state_dir: Path, stopped_cluster: Path) -> Path:
    """A state directory of the test's own that was used before: saves the second that a first start takes."""
    subprocess.run(["cp", "-a", "--reflink=auto", f"{stopped_cluster}/.", state_dir], check=True)
    return state_dir


def mode_for_others(path: Path) -> int:
    """What accounts other than the owner and those on the access list may do."""
    return path.stat().st_mode & stat.S_IRWXO


async def query(url: str | None, statement: str) -> object:
    """Run one statement and return its first value."""
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def first_value(state_dir: Path) -> object:
    """Start PostgreSQL, ask it for a value, and stop it."""
    async with embedded_servers(state_dir, valkey=False) as endpoints:
        return await query(endpoints.database_url, "SELECT 1")


def servers_of(state_dir: Path) -> list[psutil.Process]:
    """The server processes that work on ``state_dir``, found by their command lines."""
    found = []
    for process in psutil.process_iter(["cmdline"]):
        command = process.info["cmdline"] or []
        if str(state_dir) in " ".join(command) and any("pginstall" in part or "valkey" in part for part in command):
            found.append(process)
    return found


@contextlib.asynccontextmanager
async def owner_process(state_dir: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """Another process that runs the servers on ``state_dir``."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", OWNER, str(state_dir), stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout
        assert await asyncio.wait_for(process.stdout.readline(), timeout=DEADLINE_S) == b"ready\n"
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_both_serve_and_keep_what_was_committed(state_dir: Path) -> None:
    """Rows outlive a clean stop, durability is on, and nothing is left running."""
    async with embedded_servers(state_dir) as endpoints:
        assert await query(endpoints.database_url, "SHOW fsync") == "on"
        await query(endpoints.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        assert endpoints.redis_url
        async with redis.asyncio.Redis.from_url(endpoints.redis_url) as client:
            assert await client.echo("here") == b"here"
    assert servers_of(state_dir) == []
    async with embedded_servers(state_dir, valkey=False) as endpoints:
        assert await query(endpoints.database_url, "SELECT n FROM kept") == 7
        assert endpoints.redis_url is None


async def test_a_killed_owner_leaves_nothing_running_and_loses_nothing(used_dir: Path) -> None:
    """After SIGKILL of their owner the servers end by themselves; the next start has every committed row."""
    async with owner_process(used_dir) as owner:
        async with embedded_servers(used_dir, join=True) as endpoints:
            await query(endpoints.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        owner.kill()
        await owner.wait()
        async with embedded_servers(used_dir) as endpoints:
            assert await query(endpoints.database_url, "SELECT n FROM kept") == 7
        await eventually(lambda: servers_of(used_dir) == [])


async def test_a_server_that_dies_is_started_again(used_dir: Path) -> None:
    """SIGKILL of PostgreSQL and of Valkey: both answer again, with the committed rows."""
    async with embedded_servers(used_dir) as endpoints:
        await query(endpoints.database_url, "CREATE TABLE kept AS SELECT 7 AS n")
        for process in servers_of(used_dir):
            process.kill()
        assert await eventually(lambda: query(endpoints.database_url, "SELECT n FROM kept")) == 7
        assert endpoints.redis_url
        async with redis.asyncio.Redis.from_url(endpoints.redis_url) as client:
            assert await eventually(lambda: client.echo("here")) == b"here"


async def test_a_state_dir_has_one_owner(used_dir: Path) -> None:
    """A second owner is told who the first one is; a joining command uses the first one's servers."""
    async with owner_process(used_dir) as owner:
        with pytest.raises(StateDirInUse, match=rf"in use by process {owner.pid}"):
            async with embedded_servers(used_dir):
                pass
        async with embedded_servers(used_dir, join=True) as endpoints:
            assert await query(endpoints.database_url, "SELECT 1") == 1
        assert servers_of(used_dir), "joining must not stop the owner's servers"


async def test_several_instances_run_side_by_side(used_dir: Path, postgres_server: str) -> None:
    """Two state directories are two worlds."""
    async with embedded_servers(used_dir, valkey=False) as first:
        await query(first.database_url, "CREATE TABLE only_here AS SELECT 1 AS n")
        assert await query(postgres_server, "SELECT to_regclass('only_here')") is None


async def test_a_long_path_with_blanks_works(state_dir: Path) -> None:
    """A path too long for a socket, with characters that URLs escape."""
    deep = state_dir / "a folder & 100% more" / ("x" * 120)
    async with embedded_servers(deep) as endpoints:
        assert await query(endpoints.database_url, "SELECT 1") == 1
        assert endpoints.redis_url
        async with redis.asyncio.Redis.from_url(endpoints.redis_url) as client:
            assert await client.echo("here") == b"here"
    for name in ("pg", "vk"):
        private_socket_dir(deep.resolve(), name).rmdir()


async def test_private_folders_stay_private(used_dir: Path) -> None:
    """As root, PostgreSQL's account may pass through a closed folder; everybody else stays out."""
    async with embedded_servers(used_dir, valkey=False):
        closed = (used_dir.parent, used_dir, used_dir / "postgres", used_dir / "run" / "pg")
        assert [mode_for_others(folder) for folder in closed] == [0, 0, 0, 0]


def test_a_socket_folder_of_somebody_else_is_refused(state_dir: Path) -> None:
    """A folder that others may enter, or that is a link, is never used for sockets."""
    folder = private_socket_dir(state_dir, "pg")
    folder.chmod(0o777)
    with pytest.raises(Unavailable):
        private_socket_dir(state_dir, "pg")
    folder.rmdir()
    folder.symlink_to(tempfile.gettempdir())
    with pytest.raises(Unavailable):
        private_socket_dir(state_dir, "pg")


async def test_a_server_that_cannot_start_says_why(used_dir: Path) -> None:
    """The end of the server's own log is in the error's detail, and its partner is stopped."""
    (used_dir / "postgres" / "postgresql.conf").write_text("nonsense = on\n")
    with pytest.raises(Unavailable) as caught:
        async with embedded_servers(used_dir):
            pass
    assert "unrecognized configuration parameter" in (caught.value.detail or "")
    assert servers_of(used_dir) == []


@pytest.mark.parametrize("version", ["16", "19"])
async def test_data_of_another_postgresql_are_named_and_left_alone(used_dir: Path, version: str) -> None:
    """Before anything is started or changed, with what is to be done; the documentation has the place that it names."""
    marker = used_dir / "postgres" / "PG_VERSION"
    marker.write_text(f"{version}\n")
    before = {path: path.stat().st_mtime_ns for path in (used_dir / "postgres").rglob("*")}
    with pytest.raises(OtherPostgresVersion) as caught:
        async with embedded_servers(used_dir):
            pass
    assert f"made by PostgreSQL {version}" in caught.value.message
    assert str(used_dir / "postgres") in caught.value.message
    assert "\n### From an older PostgreSQL\n" in (ROOT / "docs" / "operate.md").read_text()
    assert {path: path.stat().st_mtime_ns for path in (used_dir / "postgres").rglob("*")} == before
    assert servers_of(used_dir) == []


async def test_an_interrupted_first_start_leaves_no_half_cluster(state_dir: Path) -> None:
    """SIGKILL while the cluster is being made: the next start makes it anew."""
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", OWNER, str(state_dir))
    await eventually(lambda: list(state_dir.glob("postgres.new-*/base")))
    process.kill()
    await process.wait()
    assert not (state_dir / "postgres").exists()
    async with embedded_servers(state_dir, valkey=False) as endpoints:
        assert await query(endpoints.database_url, "SELECT 1") == 1


async def test_a_running_orphan_is_ended_before_the_next_start(used_dir: Path) -> None:
    """A server that is stopped (SIGSTOP) when its owner dies gives way once it runs again."""
    async with owner_process(used_dir) as owner:
        (postmaster,) = [p for p in servers_of(used_dir) if p.ppid() == owner.pid and "-D" in p.cmdline()]
        postmaster.suspend()
        owner.kill()
        await owner.wait()
        starting = asyncio.create_task(first_value(used_dir))
        postmaster.resume()
        assert await starting == 1


def test_root_has_an_account_for_postgres() -> None:
    """Root gets an unprivileged account, anybody else needs none."""
    user = unprivileged_user()
    assert (user is None) == (os.geteuid() != 0)
    assert user is None or user.pw_uid != 0


async def test_the_terminal_s_interrupt_does_not_reach_the_servers(used_dir: Path) -> None:
    """Ctrl-C signals the whole process group; the servers are in another, so that they end after us, in order."""
    async with embedded_servers(used_dir) as _:
        groups = {os.getpgid(process.pid) for process in servers_of(used_dir)}
        assert os.getpgid(0) not in groups
