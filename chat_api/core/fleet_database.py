"""The fleet's own PostgreSQL: read, and never written.

Three locks, one behind the other: sessions begin with ``default_transaction_read_only``, each read is a transaction
that is ``READ ONLY``, and every statement has a limit. Connections are not those of ``models.connections``, whose path
begins with our schema: here only the fleet's own tables must be found.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from asyncpg import exceptions

from chat_api.core.store_faults import StoreFault, StoreUnreadable
from models.database_url import database_address

POOL_SIZE = 2
CONNECT_TIMEOUT_S = 5.0
STATEMENT_TIMEOUT_S = 8.0
# For all statements of one read together.
READ_TIMEOUT_S = 20.0
IDLE_S = 120.0
CLOSE_TIMEOUT_S = 2.0
_SESSION = {
    "application_name": "whisperengine-web-reader",
    "default_transaction_read_only": "on",
    "statement_timeout": f"{STATEMENT_TIMEOUT_S * 1000:.0f}",
    "idle_in_transaction_session_timeout": "30000",
}
_COLUMNS = """
SELECT attname, format_type(atttypid, NULL) AS type FROM pg_attribute
WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped
    AND (NOT $2 OR has_column_privilege(attrelid, attnum, 'SELECT'))"""
_FAULTS: tuple[tuple[tuple[type[Exception], ...], StoreFault], ...] = (
    ((exceptions.QueryCanceledError, TimeoutError), StoreFault.SLOW),
    ((exceptions.InsufficientPrivilegeError,), StoreFault.FORBIDDEN),
    ((exceptions.InvalidAuthorizationSpecificationError,), StoreFault.REFUSED),
    ((exceptions.InvalidCatalogNameError, exceptions.SyntaxOrAccessError), StoreFault.ABSENT),
    (
        (OSError, exceptions.PostgresConnectionError, exceptions.InterfaceError, exceptions.InternalClientError),
        StoreFault.AWAY,
    ),
    ((exceptions.OperatorInterventionError, exceptions.InsufficientResourcesError), StoreFault.AWAY),
    ((exceptions.PostgresError, ValueError), StoreFault.ODD),
)

FleetConnection = asyncpg.Connection


class FleetDatabase:
    """A connection or two, opened when somebody reads and closed when nobody does."""

    def __init__(self, database_url: str) -> None:
        self._address = database_address(database_url)
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[FleetConnection]:
        """A transaction that can only read. Raises: StoreUnreadable, also for what goes wrong inside."""
        try:
            async with asyncio.timeout(READ_TIMEOUT_S):
                pool = self._pool or await self._open()
                async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection, connection.transaction(readonly=True):
                    # Once more for who is behind a pooler, which may not know what a session was begun with.
                    await connection.execute(f"SET LOCAL statement_timeout = {STATEMENT_TIMEOUT_S * 1000:.0f}")
                    yield connection
        except Exception as error:
            fault = next((fault for kinds, fault in _FAULTS if isinstance(error, kinds)), None)
            if fault is None:
                raise
            raise StoreUnreadable(fault, str(error) or type(error).__name__) from error

    async def close(self) -> None:
        """Close what is open; a server that does not answer is not waited for."""
        if self._pool is not None:
            with suppress(TimeoutError, OSError, exceptions.PostgresError, exceptions.InterfaceError):
                async with asyncio.timeout(CLOSE_TIMEOUT_S):
                    await self._pool.close()
            self._pool.terminate()

    async def _open(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._address.dsn,
                    connect=_connect,
                    min_size=0,
                    max_size=POOL_SIZE,
                    max_inactive_connection_lifetime=IDLE_S,
                    timeout=self._address.timeout_s or CONNECT_TIMEOUT_S,
                    statement_cache_size=0,
                )
            return self._pool


async def columns_of(connection: FleetConnection, table: str, *, is_readable: bool = False) -> Mapping[str, str]:
    """The columns of a table that the role finds, with their types; none when there is no such table.

    ``is_readable``: only those that the role may read.
    """
    return {row["attname"]: row["type"] for row in await connection.fetch(_COLUMNS, table, is_readable)}


async def _connect(dsn: str, **options: Any) -> Any:
    try:
        return await asyncpg.connect(dsn, server_settings=_SESSION, **options)
    except exceptions.ProtocolViolationError as error:
        if "startup parameter" not in str(error):
            raise
        return await asyncpg.connect(dsn, **options)  # a pooler; what is read is read in such transactions all the same
