"""How a connection to the database is opened, so that our tables are found on every one of them.

They live in a schema of their own, the first on the search path of each session of ours; nothing is set for the role or
the database, which may be a fleet's. PostgreSQL takes the path as a parameter of the connection. A pooler such as
PgBouncer refuses or drops parameters that it does not know: each process finds out once what it is connected to.
"""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from enum import StrEnum
from typing import Any

import asyncpg
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from models.database_url import database_address

SCHEMA = "whisperengine_web"
# After ours comes what PostgreSQL has by itself: there are the people of a fleet, if it has them.
SEARCH_PATH = f'{SCHEMA}, "$user", public'
CONNECT_TIMEOUT_S = 10
_PROBES = 3
# Source: PgBouncer, "ignore_startup_parameters". It keeps these for each client by itself.
_KEPT_BY_POOLERS = {"application_name", "timezone", "client_encoding", "datestyle"}


class DatabaseUnsuitable(Exception):
    """The database, or the pooler before it, must be set up differently; the text says how."""


class Pooling(StrEnum):
    """What stands between us and PostgreSQL."""

    NONE = "none"
    SESSION = "session"
    # A session of PostgreSQL's is anybody's between two transactions: what is set in it reaches strangers.
    TRANSACTION = "transaction"
    TRANSACTION_WITH_PATH = "transaction, the path is kept for each client"


_found: dict[str, Pooling] = {}


async def connect(database_url: str, *, server_settings: Mapping[str, str] | None = None, **options: Any) -> Any:
    """A connection of asyncpg's whose search path begins with our schema.

    ``options`` are those of ``asyncpg.connect``. Raises: DatabaseUnsuitable, and what ``asyncpg.connect`` does.
    """
    address = database_address(database_url)
    dsn, options = address.dsn, {"timeout": address.timeout_s or CONNECT_TIMEOUT_S} | options
    wanted = {"search_path": SEARCH_PATH} | dict(server_settings or {})
    pooling = _found.get(dsn) or await _find(dsn, options)
    if pooling is Pooling.NONE:
        return await asyncpg.connect(dsn, server_settings=wanted, **options)
    kept = _KEPT_BY_POOLERS | ({"search_path"} if pooling is Pooling.TRANSACTION_WITH_PATH else set())
    connection = await asyncpg.connect(
        dsn, server_settings={name: value for name, value in wanted.items() if name in kept}, **options
    )
    if pooling is Pooling.SESSION:
        try:
            rest = {name: value for name, value in wanted.items() if name not in kept}
            await connection.execute("".join(f"SET {name} = {_list(value)};" for name, value in rest.items()))
        except BaseException:
            connection.terminate()
            raise
    return connection


def engine(database_url: str, *, connect_args: Mapping[str, Any] | None = None, **options: Any) -> AsyncEngine:
    """SQLAlchemy's engine over such connections; ``connect_args`` are for :func:`connect`."""

    async def opened(*_: Any, **__: Any) -> Any:
        return await connect(database_url, **(connect_args or {}))

    return create_async_engine("postgresql+asyncpg://", async_creator=opened, **options)


def _list(value: str) -> str:
    """A setting's value as ``SET`` takes it: names of a path stay names."""
    return value if '"' in value or "," in value else f"'{value}'"


async def _find(dsn: str, options: Mapping[str, Any]) -> Pooling:
    """Look what is there, and remember it for the life of the process."""
    options = {name: value for name, value in options.items() if name == "timeout"}
    try:
        first = await _plain(dsn, options, {"search_path": SEARCH_PATH})
    except asyncpg.ProtocolViolationError as error:
        if "startup parameter" not in str(error):
            raise
        first = await _plain(dsn, options, {})
    async with _closing(first):
        pooling = await _judge(first, dsn, options)
    _found[dsn] = pooling
    return pooling


async def _judge(first: asyncpg.Connection, dsn: str, options: Mapping[str, Any]) -> Pooling:
    process_id, path = await _session(first)
    # A pooler makes up the number by which a client may cancel; PostgreSQL says the process's.
    if process_id == first.get_server_pid() and path == SEARCH_PATH:
        return Pooling.NONE
    async with _closing(await _plain(dsn, options, {})) as second:
        if not await _is_shared(first, second):
            return Pooling.SESSION
        await _require_statements(first, second)
        if (await _session(second))[1] == SEARCH_PATH:
            return Pooling.TRANSACTION
    if path == SEARCH_PATH:
        return Pooling.TRANSACTION_WITH_PATH
    raise DatabaseUnsuitable(
        "The pooler is in transaction mode: give the console an entry of its own with"
        f" connect_query='SET search_path TO {SEARCH_PATH}', or with pool_mode=session."
    )


async def _plain(dsn: str, options: Mapping[str, Any], settings: dict[str, str]) -> Any:
    return await asyncpg.connect(dsn, server_settings=settings, statement_cache_size=0, command_timeout=10, **options)


@asynccontextmanager
async def _closing(connection: asyncpg.Connection) -> AsyncIterator[asyncpg.Connection]:
    try:
        yield connection
    finally:
        try:
            await connection.close(timeout=CONNECT_TIMEOUT_S)
        except (OSError, asyncpg.exceptions.PostgresError, asyncpg.exceptions.InterfaceError):
            connection.terminate()


async def _session(connection: asyncpg.Connection) -> tuple[int, str]:
    """Which process of PostgreSQL's serves a transaction, and its search path."""
    try:
        async with connection.transaction():
            row = await connection.fetchrow("SELECT pg_backend_pid(), current_setting('search_path')")
    except (asyncpg.ProtocolViolationError, asyncpg.ConnectionDoesNotExistError) as error:
        if "pooling mode" not in str(error):
            raise
        raise DatabaseUnsuitable(
            "The pooler is in statement mode, without transactions: set pool_mode=session for this database."
        ) from error
    assert row is not None
    return row[0], row[1]


async def _is_shared(first: asyncpg.Connection, second: asyncpg.Connection) -> bool:
    """Whether the sessions of two clients are exchanged between transactions; in session mode they never are."""
    firsts, seconds = set(), set()
    for _ in range(_PROBES):
        firsts.add((await _session(first))[0])
        async with second.transaction():
            seconds.add(await second.fetchval("SELECT pg_backend_pid()"))
            firsts.add((await _session(first))[0])
    return len(firsts) > 1 or not firsts.isdisjoint(seconds)


async def _require_statements(first: asyncpg.Connection, second: asyncpg.Connection) -> None:
    """What is prepared in one session must be found in the next. Raises: DatabaseUnsuitable."""
    try:
        for number in range(_PROBES):
            statement = await first.prepare(
                f"SELECT {number}", name=f"whisperengine_web_{first.get_server_pid()}_{number}"
            )
            async with second.transaction():  # takes the session that is free: the one where it was prepared
                await second.fetchval("SELECT pg_backend_pid()")
                await statement.fetchval()
    except (asyncpg.InvalidSQLStatementNameError, asyncpg.DuplicatePreparedStatementError) as error:
        raise DatabaseUnsuitable(
            "The pooler is in transaction mode and loses prepared statements: set max_prepared_statements=200"
            " (PgBouncer 1.21 or newer), or pool_mode=session for this database."
        ) from error
