"""One real PostgreSQL and one real Valkey for the whole test session; each test gets a fresh database in them."""

import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest
import redis.asyncio

from chat_api.embedded.servers import embedded_servers

TEMPLATE = "test_template"
FLEET = "fleet"
OLDER = "older_template"
# Of the server's 64: number 0 is left to the server, and those above to what several tests share.
REDIS_DATABASES = 48
SHARED_REDIS_DATABASES = 15
MEMORY_DIR_MIN_BYTES = 2 * 1024**3
_database_number = itertools.count(1)
_redis_number = itertools.count()
_shared_redis_number = itertools.count()


@pytest.fixture(scope="session")
def server_state_dir() -> Iterator[Path]:
    """A state directory for the session's servers; short, because sockets live in it."""
    with tempfile.TemporaryDirectory(prefix="we-", dir=memory_dir(), ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def memory_dir() -> str | None:
    """A folder in memory where it has room, else None, for the usual one: a database is 500 files, slow on a disk."""
    folder = "/dev/shm"
    return folder if os.access(folder, os.W_OK) and shutil.disk_usage(folder).free >= MEMORY_DIR_MIN_BYTES else None


@pytest.fixture(scope="session")
async def postgres_server(server_state_dir: Path) -> AsyncIterator[str]:
    """The URL of a running PostgreSQL with nothing in it."""
    async with embedded_servers(server_state_dir / "sql", valkey=False) as endpoints:
        assert endpoints.database_url
        yield endpoints.database_url


@pytest.fixture(scope="session")
async def valkey_server(server_state_dir: Path) -> AsyncIterator[str]:
    """The URL of a running Valkey."""
    async with embedded_servers(server_state_dir / "bus", postgres=False) as endpoints:
        assert endpoints.redis_url
        yield endpoints.redis_url


@pytest.fixture(scope="session")
async def migrated_template(postgres_server: str) -> str:
    """The name of a database with the current schema, to be cloned: 30 ms instead of every migration."""
    await _execute(postgres_server, f"CREATE DATABASE {TEMPLATE}")
    url = with_database(postgres_server, TEMPLATE)
    await _migrate(url)
    await _leave_the_machine_alone(url)
    return TEMPLATE


@pytest.fixture
async def database_url(postgres_server: str, migrated_template: str) -> AsyncIterator[str]:
    """A database of the test's own with the current schema."""
    name = f"test_{next(_database_number)}"
    await _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {migrated_template}")
    yield with_database(postgres_server, name)
    await _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def empty_database_url(postgres_server: str) -> AsyncIterator[str]:
    """A database of the test's own with nothing in it."""
    name = f"test_{next(_database_number)}"
    await _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0")
    yield with_database(postgres_server, name)
    await _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def fleet_role(postgres_server: str) -> str:
    """A role as a fleet has one: nothing is set for it, and it owns databases without being a superuser."""
    await _execute(postgres_server, f"CREATE ROLE {FLEET} LOGIN")
    return FLEET


@pytest.fixture
async def fleet_database_url(postgres_server: str, fleet_role: str) -> AsyncIterator[str]:
    """An empty database that belongs to a fleet's role, and its address for that role."""
    name = f"fleet_{next(_database_number)}"
    await _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE template0 OWNER {fleet_role}")
    yield with_database(postgres_server, name, user=fleet_role)
    await _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture(scope="session")
async def older_template(postgres_server: str, fleet_role: str) -> str:
    """The name of a database as versions before 0012 made it, with rows in every table, to be cloned."""
    from tests.support.older_schema import install_older

    await _execute(postgres_server, f"CREATE DATABASE {OLDER} TEMPLATE template0 OWNER {fleet_role}")
    await install_older(with_database(postgres_server, OLDER, user=fleet_role))
    return OLDER


@pytest.fixture
async def older_database_url(postgres_server: str, fleet_role: str, older_template: str) -> AsyncIterator[str]:
    """An installation of a version before 0012 in a database of a fleet's role."""
    name = f"older_{next(_database_number)}"
    await _execute(postgres_server, f"CREATE DATABASE {name} TEMPLATE {older_template} OWNER {fleet_role}")
    yield with_database(postgres_server, name, user=fleet_role)
    await _execute(postgres_server, f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
async def redis_url(valkey_server: str) -> str:
    """A numbered Valkey database of the test's own, flushed. Published messages cross numbers: name channels apart."""
    url = valkey_server.replace("db=0", f"db={next(_redis_number) % REDIS_DATABASES + 1}")
    async with redis.asyncio.Redis.from_url(url) as client:
        await client.flushdb()
    return url


def shared_redis_url(valkey_server: str) -> str:
    """A numbered Valkey database for several tests: none of them flushes it, and what it counts is theirs alone."""
    number = REDIS_DATABASES + 1 + next(_shared_redis_number) % SHARED_REDIS_DATABASES
    return valkey_server.replace("db=0", f"db={number}")


def with_database(url: str, name: str, *, user: str = "postgres") -> str:
    """``url`` with another database of the same server."""
    return urlunsplit(urlsplit(url)._replace(netloc=f"{user}@", path=f"/{name}"))


async def _migrate(url: str) -> None:
    """Bring the template to the current schema."""
    from models.migrate import upgrade

    await upgrade(url)


async def _leave_the_machine_alone(url: str) -> None:
    """A machine that is busy with tests is late, and may be full: alerts that say so would be in every banner."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute("UPDATE web_alert_rules SET is_enabled = FALSE WHERE kind IN ('loop_lag', 'disk')")
    finally:
        await connection.close()


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(with_database(url, "postgres"))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
