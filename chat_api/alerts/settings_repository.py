"""What operators decide about alerts: rules, channels and maintenance windows."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, Table, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import many, one_or_none
from models import AlertChannel, AlertRule, MaintenanceWindow

RULES: Table = AlertRule.__table__  # type: ignore[attr-defined]
CHANNELS: Table = AlertChannel.__table__  # type: ignore[attr-defined]
WINDOWS: Table = MaintenanceWindow.__table__  # type: ignore[attr-defined]


async def all_of(connection: AsyncConnection, table: Table) -> Sequence[RowMapping]:
    """Every row of one of the tables, by name."""
    return await many(connection, select(table).order_by(table.c.name))


async def one_of(connection: AsyncConnection, table: Table, row_id: UUID) -> RowMapping | None:
    """One row by its id."""
    return await one_or_none(connection, select(table).where(table.c.id == row_id))


async def add(connection: AsyncConnection, table: Table, values: Mapping[str, Any]) -> RowMapping:
    """Store a new row. Raises: IntegrityError when its name is taken."""
    (row,) = await many(connection, insert(table).values(**values).returning(table))
    return row


async def change(
    connection: AsyncConnection, table: Table, row_id: UUID, values: Mapping[str, Any]
) -> RowMapping | None:
    """Change a row; None when there is none. Raises: IntegrityError when its name is taken."""
    return await one_or_none(connection, update(table).where(table.c.id == row_id).values(**values).returning(table))


async def remove(connection: AsyncConnection, table: Table, row_id: UUID) -> RowMapping | None:
    """Delete a row; gives what it was, None when there was none."""
    return await one_or_none(connection, delete(table).where(table.c.id == row_id).returning(table))
