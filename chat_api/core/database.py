"""The PostgreSQL pools: short read and write transactions, and errors in our own words.

Most of the service speaks SQLAlchemy Core. What every message passes through speaks asyncpg itself (:meth:`fetch`):
the same statement costs a third there. Source of the figures: performance notes, "What a chat request costs".
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine
from sqlalchemy.pool import QueuePool

from chat_api.core.errors import DatabaseUnavailable, WritesRefused
from chat_api.core.slow_queries import SlowQueries
from models.connections import DatabaseUnsuitable, connect
from models.connections import engine as database_engine

# What a service holds and hands to its repositories: a transaction, or a connection to read by.
Connection = AsyncConnection
CONNECT_TIMEOUT_S = 5
STATEMENT_TIMEOUT_S = 10
DISPOSE_TIMEOUT_S = 2
MAX_FAST_CONNECTIONS = 4
_SERVER_SETTINGS = {"application_name": "whisperengine-web", "timezone": "UTC"}
# Few statements, again and again, each of which finds its rows by an index: planned once, and never by a plan made
# while a table was empty. To plan them anew every time costs as much as to run them.
_FAST_SETTINGS = _SERVER_SETTINGS | {"plan_cache_mode": "force_generic_plan", "enable_seqscan": "off", "jit": "off"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolUsage:
    """The connections of one process, at most ``size``; a few are reserved for the fast path."""

    size: int
    used: int
    idle: int
    fast_open: int
    fast_idle: int


class Database:
    """Connections to one PostgreSQL database, at most ``pool_size``. A few are reserved for the fast path."""

    def __init__(self, database_url: str, *, pool_size: int = 20) -> None:
        self.pool_size = pool_size
        fast_size = min(MAX_FAST_CONNECTIONS, max(1, (pool_size + 1) // 3))
        self._fast: asyncpg.Pool | None = None
        self._fast_options: dict[str, Any] = {"dsn": database_url, "max_size": fast_size}
        self._opening = asyncio.Lock()
        self.engine: AsyncEngine = database_engine(
            database_url,
            pool_size=max(1, pool_size - fast_size),
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT_S,
            pool_use_lifo=True,
            hide_parameters=True,  # message text would stand in the traceback of an unexpected error
            connect_args={
                "timeout": CONNECT_TIMEOUT_S,
                "command_timeout": STATEMENT_TIMEOUT_S,
                "server_settings": _SERVER_SETTINGS,
            },
        )
        self.slow_queries = SlowQueries()
        self.slow_queries.watch(self.engine.sync_engine)
        self._autocommitting = self.engine.execution_options(isolation_level="AUTOCOMMIT")

    def write(self) -> AbstractAsyncContextManager[Connection]:
        """One transaction, committed when the block ends well.

        Raises: DatabaseUnavailable when PostgreSQL is away, out of connections or refuses writes.
        """
        return _in_our_words(self.engine.begin())

    def statement(self) -> AbstractAsyncContextManager[Connection]:
        """Each statement is a transaction of its own, committed when it returns: one round trip instead of three.

        Raises: DatabaseUnavailable, as for :meth:`write`.
        """
        return _in_our_words(self._autocommitting.connect())

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """For reading. Raises: DatabaseUnavailable when PostgreSQL is away or out of connections."""
        return self.statement()

    async def fetch(self, statement: str, *values: Any) -> list[asyncpg.Record]:
        """Run one statement in its own transaction on the fast path; ``$1`` … are its values.

        Raises: DatabaseUnavailable, as for :meth:`write`; asyncpg's own errors for what is wrong with the statement.
        """
        try:
            pool = self._fast or await self._open_fast()
            async with pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                began_s = time.perf_counter()
                try:
                    return await connection.fetch(statement, *values)  # type: ignore[no-any-return]
                except asyncpg.exceptions.InternalClientError:
                    connection.terminate()  # it has lost track of what it was asked: nobody may use it any more
                    raise
                finally:
                    self.slow_queries.record(statement, time.perf_counter() - began_s)
        except Exception as error:
            translated = _translated(error)
            if translated is error:
                raise
            raise translated from error

    def pool(self) -> PoolUsage:
        """How busy the connections are at this moment."""
        pool = self.engine.pool
        assert isinstance(pool, QueuePool)
        return PoolUsage(
            size=self.pool_size,
            used=pool.checkedout(),
            idle=pool.checkedin(),
            fast_open=self._fast.get_size() if self._fast is not None else 0,
            fast_idle=self._fast.get_idle_size() if self._fast is not None else 0,
        )

    async def _open_fast(self) -> asyncpg.Pool:
        async with self._opening:
            if self._fast is None:
                self._fast = await asyncpg.create_pool(
                    **self._fast_options,
                    connect=connect,
                    min_size=1,
                    timeout=CONNECT_TIMEOUT_S,
                    command_timeout=STATEMENT_TIMEOUT_S,
                    server_settings=_FAST_SETTINGS,
                    reset=_nothing_to_reset,
                )
            return self._fast

    async def dispose(self) -> None:
        """Close every connection; those of a server that does not answer are dropped instead of waited for."""
        if self._fast is not None:
            with suppress(TimeoutError, OSError, asyncpg.exceptions.PostgresError, asyncpg.exceptions.InterfaceError):
                async with asyncio.timeout(DISPOSE_TIMEOUT_S):
                    await self._fast.close()
            self._fast.terminate()
        try:
            async with asyncio.timeout(DISPOSE_TIMEOUT_S):
                await self.engine.dispose()
        except TimeoutError:
            await self.engine.dispose(close=False)


async def _nothing_to_reset(_: Any) -> None:
    """Single statements leave nothing behind in a session, and asyncpg's own reset costs a round trip each."""


@asynccontextmanager
async def _in_our_words(opened: AbstractAsyncContextManager[Connection]) -> AsyncIterator[Connection]:
    try:
        async with opened as connection:
            yield connection
    except Exception as error:
        translated = _translated(error)
        if translated is error:
            raise
        raise translated from error


# Class 53 is "insufficient resources", 57P "operator intervention"; 53100 is a full disk, 25006 a read-only server.
# Source: PostgreSQL documentation, appendix A.
_AWAY_STATES = ("53", "57P", "08", "25006")
_REFUSED_STATES = ("53100", "25006")


def _translated(error: Exception) -> Exception:
    """``DatabaseUnavailable`` for what heals by itself or must be set up differently; everything else as it is."""
    if isinstance(error, DatabaseUnsuitable):
        return DatabaseUnavailable(detail=str(error))
    if isinstance(error, DBAPIError):
        state = str(getattr(error.orig, "sqlstate", "") or "")
        is_away = error.connection_invalidated or isinstance(error, (OperationalError, InterfaceError))
        if is_away or state.startswith(_AWAY_STATES):
            return _away(state)(detail=str(error.orig)[:300], retry_after_s=1)
        return error
    if isinstance(
        error,
        (
            OSError,
            PoolTimeoutError,
            asyncpg.exceptions.PostgresConnectionError,
            asyncpg.exceptions.InterfaceError,
            asyncpg.exceptions.InternalClientError,  # what is left of a connection that broke in the middle
        ),
    ):
        return DatabaseUnavailable(detail=f"{type(error).__name__}: {error}"[:300], retry_after_s=1)
    if isinstance(error, asyncio.TimeoutError):
        return DatabaseUnavailable(detail="timed out", retry_after_s=1)
    if isinstance(error, asyncpg.exceptions.PostgresError):
        state = str(getattr(error, "sqlstate", None) or "")
        if state.startswith(_AWAY_STATES):
            return _away(state)(detail=str(error)[:300], retry_after_s=1)
    return error


def _away(state: str) -> type[DatabaseUnavailable]:
    return WritesRefused if state in _REFUSED_STATES else DatabaseUnavailable
