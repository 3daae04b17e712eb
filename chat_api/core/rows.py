"""What repositories share: reading rows in a way that the type checker understands, and what may be there once."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import CursorResult, RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Executable

_UNIQUE_VIOLATION = "23505"  # Source: PostgreSQL documentation, appendix A.


async def one_or_none(connection: AsyncConnection, statement: Executable, values: Any = None) -> RowMapping | None:
    """The only row of a statement, if there is one."""
    return (await connection.execute(statement, values)).mappings().one_or_none()


async def many(connection: AsyncConnection, statement: Executable, values: Any = None) -> list[RowMapping]:
    """All rows of a statement."""
    return list((await connection.execute(statement, values)).mappings().all())


async def affected(connection: AsyncConnection, statement: Executable, values: Any = None) -> int:
    """Run a statement and tell how many rows it changed."""
    result = await connection.execute(statement, values)
    assert isinstance(result, CursorResult)
    return result.rowcount


@contextmanager
def unless_taken(error: Exception) -> Iterator[None]:
    """Raises: ``error`` when there may be only one of what is stored, and there is one; the transaction is lost."""
    try:
        yield
    except IntegrityError as broken:
        if getattr(broken.orig, "sqlstate", None) == _UNIQUE_VIOLATION:
            raise error from broken
        raise
