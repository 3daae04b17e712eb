"""What repositories share: reading rows in a way that the type checker understands, and broken rules of tables."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import CursorResult, RowMapping
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import Executable


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
    """Raises: ``error`` when a row breaks a rule of its table, as a second one of a name does; nothing is stored."""
    try:
        yield
    except IntegrityError as broken:
        raise error from broken
