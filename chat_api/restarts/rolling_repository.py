"""Rolling restarts. Who runs one says every few seconds, by the database's clock, that it is still there."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.errors import Conflict
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none, unless_taken
from chat_api.restarts.rolling_schemas import RollingStep, RollingView, step_of, stored_step
from models import RollingRestart, RollingState

_table = RollingRestart.__table__  # type: ignore[attr-defined]
_c = _table.c
_LIVING = _c.finished_at.is_(None)
_SAME = (
    "requested_by",
    "requested_at",
    "batch_size",
    "state",
    "estimate_s",
    "abort_requested_by",
    "finished_at",
    "error",
)


async def start(connection: AsyncConnection, rolling: RollingView) -> None:
    """Store one that begins. Raises: Conflict when one is under way."""
    values = {name: getattr(rolling, name) for name in _SAME}
    statement = insert(_table).values(id=rolling.rolling_id, steps=_stored(rolling.steps), **values)
    with unless_taken(Conflict("A rolling restart is in progress. Wait until it ends, or cancel it.")):
        await connection.execute(statement)


async def of_id(connection: AsyncConnection, rolling_id: UUID) -> RollingView | None:
    """One rolling restart."""
    return _view_or_none(await one_or_none(connection, select(_table).where(_c.id == rolling_id)))


async def newest(connection: AsyncConnection, *, limit: int) -> tuple[RollingView, ...]:
    """The last ones, newest first."""
    rows = await many(connection, select(_table).order_by(_c.requested_at.desc()).limit(limit))
    return ODD_ROWS.readable("rolling restarts", rows, _view)


async def heartbeat(connection: AsyncConnection, rolling_id: UUID, steps: Sequence[RollingStep]) -> RollingView | None:
    """Store the progress and a heartbeat; returns what is stored, or None if it was ended in the meantime."""
    statement = update(_table).where(_c.id == rolling_id, _LIVING)
    statement = statement.values(steps=_stored(steps), heartbeat_at=func.now()).returning(_table)
    return _view_or_none(await one_or_none(connection, statement))


async def finish(
    connection: AsyncConnection,
    rolling_id: UUID,
    *,
    state: RollingState,
    steps: Sequence[RollingStep],
    at: datetime,
    error: str | None,
) -> bool:
    """Store how it ended; returns whether it had not ended before."""
    statement = update(_table).where(_c.id == rolling_id, _LIVING)
    values = {"state": state.value, "steps": _stored(steps), "finished_at": at, "error": error}
    return await affected(connection, statement.values(**values)) > 0


async def ask_to_abort(connection: AsyncConnection, rolling_id: UUID, by: str) -> RollingView | None:
    """Note who wants it to end after the batch that runs; None when it has ended."""
    statement = update(_table).where(_c.id == rolling_id, _LIVING)
    statement = statement.values(abort_requested_by=func.coalesce(_c.abort_requested_by, by)).returning(_table)
    return _view_or_none(await one_or_none(connection, statement))


async def silent(connection: AsyncConnection, *, seconds: float) -> tuple[RollingView, ...]:
    """Those that nobody has said anything of for so long: their process is dead, or cut off."""
    before = text("now() - make_interval(secs => :seconds)").bindparams(seconds=seconds)
    rows = await many(connection, select(_table).where(_LIVING, _c.heartbeat_at < before))
    return ODD_ROWS.readable("rolling restarts", rows, _view)


def _stored(steps: Sequence[RollingStep]) -> list[dict[str, object]]:
    return [stored_step(step) for step in steps]


def _view(row: RowMapping) -> RollingView:
    values = {name: row[name] for name in _SAME} | {"state": RollingState(row["state"])}
    return RollingView(rolling_id=row["id"], steps=tuple(step_of(step) for step in row["steps"]), **values)


def _view_or_none(row: RowMapping | None) -> RollingView | None:
    return _view(row) if row is not None else None
