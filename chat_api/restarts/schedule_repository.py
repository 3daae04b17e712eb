"""Scheduled restarts: stored so that each time is taken by one process, once."""

from datetime import datetime, time
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.errors import Conflict
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none, unless_taken
from chat_api.restarts.schedule_schemas import DueRestart, RestartScheduleDraft, RestartScheduleView
from models import Recurrence, ScheduleOutcome, WebRestartSchedule

_table = WebRestartSchedule.__table__  # type: ignore[attr-defined]
_c = _table.c
_SAME = ("name", "batch_size", "on_day", "at_time", "time_zone", "is_paused", "created_by")
_LAST = ("next_at", "last_at", "last_reason", "last_rolling_id")
_TAKEN = "is already taken"


async def all_schedules(connection: AsyncConnection) -> tuple[RestartScheduleView, ...]:
    """Every one, by name."""
    rows = await many(connection, select(_table).order_by(_c.name))
    return ODD_ROWS.readable("restart schedules", rows, _view)


async def of_id(connection: AsyncConnection, schedule_id: UUID) -> RestartScheduleView | None:
    """One of them."""
    row = await one_or_none(connection, select(_table).where(_c.id == schedule_id))
    return next(iter(ODD_ROWS.readable("restart schedules", [row], _view)), None) if row else None


async def put(
    connection: AsyncConnection,
    schedule_id: UUID,
    draft: RestartScheduleDraft,
    *,
    is_new: bool,
    by_id: str,
    by: str,
    next_at: datetime | None,
) -> RestartScheduleView | None:
    """Add one, or replace what is wanted of it; None when there is none. Raises: Conflict when its name is taken."""
    values = _values(draft) | {"created_by_id": by_id, "created_by": by, "next_at": next_at}
    with unless_taken(Conflict(_TAKEN, field="name")):
        if is_new:
            row = await one_or_none(
                connection, insert(_table).values(id=schedule_id, is_paused=False, **values).returning(_table)
            )
        else:
            row = await one_or_none(
                connection, update(_table).where(_c.id == schedule_id).values(**values).returning(_table)
            )
    return _view(row) if row else None


async def set_paused(
    connection: AsyncConnection, schedule_id: UUID, *, is_paused: bool, next_at: datetime | None
) -> RestartScheduleView | None:
    """Pause one, or let it go on; None when there is none."""
    statement = update(_table).where(_c.id == schedule_id).values(is_paused=is_paused, next_at=next_at)
    row = await one_or_none(connection, statement.returning(_table))
    return _view(row) if row else None


async def remove(connection: AsyncConnection, schedule_id: UUID) -> str | None:
    """Delete one; gives its name, None when there was none."""
    statement = delete(_table).where(_c.id == schedule_id).returning(_c.name)
    name: str | None = (await connection.execute(statement)).scalar_one_or_none()
    return name


async def due(connection: AsyncConnection, now: datetime) -> tuple[DueRestart, ...]:
    """Those whose time has come, the longest due first."""
    statement = select(_table).where(_c.next_at <= now, _c.is_paused.is_(False)).order_by(_c.next_at)
    return ODD_ROWS.readable("restart schedules", await many(connection, statement), _due)


async def take(connection: AsyncConnection, due: DueRestart, *, next_at: datetime | None, reason: str) -> bool:
    """Take one time; False when another process took it, or it was changed meanwhile.

    Until :func:`finish` it counts as interrupted, for this ``reason``: should we end now, it is not done again.
    """
    schedule = due.schedule
    statement = (
        update(_table)
        .where(_c.id == schedule.schedule_id, _c.next_at == schedule.next_at, _c.is_paused.is_(False))
        .values(
            next_at=next_at,
            last_at=schedule.next_at,
            last_outcome=ScheduleOutcome.INTERRUPTED.value,
            last_reason=reason,
            last_rolling_id=None,
        )
    )
    return await affected(connection, statement) == 1


async def finish(
    connection: AsyncConnection,
    due: DueRestart,
    *,
    outcome: ScheduleOutcome,
    reason: str | None,
    rolling_id: UUID | None = None,
) -> None:
    """Say what became of a time that was taken."""
    statement = update(_table).where(_c.id == due.schedule.schedule_id, _c.last_at == due.schedule.next_at)
    await connection.execute(
        statement.values(last_outcome=outcome.value, last_reason=reason, last_rolling_id=rolling_id)
    )


def _values(draft: RestartScheduleDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "bots": list(draft.bots) if draft.bots is not None else None,
        "batch_size": draft.batch_size,
        "recurrence": draft.recurrence.value,
        "weekdays": list(draft.weekdays),
        "on_day": draft.on_day,
        "at_time": draft.at_time,
        "time_zone": draft.time_zone,
    }


def _view(row: RowMapping) -> RestartScheduleView:
    ZoneInfo(row["time_zone"])
    time.fromisoformat(row["at_time"])
    return RestartScheduleView(
        schedule_id=row["id"],
        bots=tuple(row["bots"]) if row["bots"] is not None else None,
        recurrence=Recurrence(row["recurrence"]),
        weekdays=tuple(row["weekdays"]),
        last_outcome=ScheduleOutcome(row["last_outcome"]) if row["last_outcome"] else None,
        **{name: row[name] for name in (*_SAME, *_LAST)},
    )


def _due(row: RowMapping) -> DueRestart:
    return DueRestart(schedule=_view(row), created_by_id=row["created_by_id"])
