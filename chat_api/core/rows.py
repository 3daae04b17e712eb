"""Reading rows in a way that the type checker understands."""

from typing import Any

from sqlalchemy import CursorResult, RowMapping
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
