"""The audit trail: rows are only ever added."""

from collections.abc import Sequence

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.repositories.rows import many
from models import AuditEntry


async def add(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Record one action; in the transaction of the action where it has one."""
    await connection.execute(insert(AuditEntry).values(**entry.model_dump(exclude_none=True)))


async def newest(connection: AsyncConnection, *, limit: int) -> Sequence[RowMapping]:
    """The last actions, newest first."""
    table = AuditEntry.__table__  # type: ignore[attr-defined]
    return await many(connection, select(table).order_by(table.c.id.desc()).limit(limit))
