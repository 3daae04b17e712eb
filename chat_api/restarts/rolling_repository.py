"""Rolling restarts. Who runs one says every few seconds, by the database's clock, that it is still there."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import affected, many, one_or_none
from models import RollingRestart, RollingState

_table = RollingRestart.__table__  # type: ignore[attr-defined]
_c = _table.c
_LIVING = _c.finished_at.is_(None)


async def start(connection: AsyncConnection, rolling: RollingRestart) -> None:
    """Store one that begins. An IntegrityError means that one is under way."""
    await connection.execute(insert(_table).values(**rolling.model_dump(exclude_none=True)))


async def of_id(connection: AsyncConnection, rolling_id: UUID) -> RowMapping | None:
    """One rolling restart."""
    return await one_or_none(connection, select(_table).where(_c.id == rolling_id))


async def newest(connection: AsyncConnection, *, limit: int) -> Sequence[RowMapping]:
    """The last ones, newest first."""
    return await many(connection, select(_table).order_by(_c.requested_at.desc()).limit(limit))


async def beat(connection: AsyncConnection, rolling_id: UUID, steps: Sequence[Mapping[str, Any]]) -> RowMapping | None:
    """Store how far it is, and that we are there; gives the row, None when somebody has ended it meanwhile."""
    statement = update(_table).where(_c.id == rolling_id, _LIVING)
    statement = statement.values(steps=list(steps), beat_at=func.now()).returning(_table)
    return await one_or_none(connection, statement)


async def finish(
    connection: AsyncConnection,
    rolling_id: UUID,
    *,
    state: RollingState,
    steps: Sequence[Mapping[str, Any]],
    at: datetime,
    error: str | None,
) -> bool:
    """Store how it ended; returns whether it had not ended before."""
    statement = update(_table).where(_c.id == rolling_id, _LIVING)
    values = {"state": state.value, "steps": list(steps), "finished_at": at, "error": error}
    return await affected(connection, statement.values(**values)) > 0


async def ask_to_abort(connection: AsyncConnection, rolling_id: UUID, by: str) -> RowMapping | None:
    """Note who wants it to end after the batch that runs; None when it has ended."""
    statement = update(_table).where(_c.id == rolling_id, _LIVING)
    statement = statement.values(abort_requested_by=func.coalesce(_c.abort_requested_by, by)).returning(_table)
    return await one_or_none(connection, statement)


async def silent(connection: AsyncConnection, *, seconds: float) -> Sequence[RowMapping]:
    """Those that nobody has said anything of for so long: their process is dead, or cut off."""
    before = text("now() - make_interval(secs => :seconds)").bindparams(seconds=seconds)
    return await many(connection, select(_table).where(_LIVING, _c.beat_at < before))
