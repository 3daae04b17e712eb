"""Restarts, starts and stops of bots, and how many people a bot is talking with."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none
from chat_api.fleet.schemas import RestartView
from chat_api.restarts.schemas import DEFAULT_ESTIMATE_S, RestartFilter
from models import ActionOrigin, BotAction, BotRestart, RestartState

_table = BotRestart.__table__  # type: ignore[attr-defined]
_c = _table.c
_SAME = (
    "bot_name",
    "requested_by",
    "requested_at",
    "state",
    "finished_at",
    "duration_s",
    "error",
    "action",
    "origin",
    "group_id",
)


async def start(connection: AsyncConnection, restart: RestartView) -> bool:
    """Store a restart that begins; False when one of this bot is under way: its row is the lock, across processes."""
    values = {name: getattr(restart, name) for name in _SAME} | {"id": restart.restart_id}
    return await affected(connection, insert(_table).values(**values).on_conflict_do_nothing()) == 1


async def running(connection: AsyncConnection, bot_name: str) -> RestartView | None:
    """The restart of a bot that is under way."""
    wanted = select(_table).where(_c.bot_name == bot_name, _c.finished_at.is_(None))
    return _view_or_none(await one_or_none(connection, wanted))


async def move(connection: AsyncConnection, restart_id: UUID, state: RestartState) -> None:
    """Store how far a restart has come."""
    await connection.execute(update(_table).where(_c.id == restart_id).values(state=state.value))


async def finish(
    connection: AsyncConnection,
    restart_id: UUID,
    *,
    state: RestartState,
    at: datetime,
    duration_s: float,
    error: str | None,
) -> None:
    """Store how a restart ended."""
    await connection.execute(
        update(_table)
        .where(_c.id == restart_id, _c.finished_at.is_(None))
        .values(state=state.value, finished_at=at, duration_s=duration_s, error=error)
    )


async def abandon(connection: AsyncConnection, *, before: datetime, at: datetime) -> int:
    """End restarts whose process must have died; returns how many."""
    return await affected(
        connection,
        update(_table)
        .where(_c.finished_at.is_(None), _c.requested_at < before)
        .values(state=RestartState.FAILED.value, finished_at=at, error="The console stopped while it waited."),
    )


async def durations_s(connection: AsyncConnection, bot_names: Sequence[str], *, limit: int) -> dict[str, list[float]]:
    """How long the last successful restarts of bots took, newest first, by bot."""
    newest_first = func.row_number().over(partition_by=_c.bot_name, order_by=_c.requested_at.desc())
    ranked = (
        select(_c.bot_name, _c.duration_s, newest_first.label("place"))
        .where(_c.bot_name.in_(bot_names), _c.state == RestartState.ONLINE.value, _c.action == BotAction.RESTART.value)
        .subquery()
    )
    found: dict[str, list[float]] = {}
    wanted = select(ranked).where(ranked.c.place <= limit).order_by(ranked.c.bot_name, ranked.c.place)
    for row in await many(connection, wanted):
        found.setdefault(row["bot_name"], []).append(row["duration_s"])
    return found


async def of_id(connection: AsyncConnection, restart_id: UUID) -> RestartView | None:
    """One restart."""
    return _view_or_none(await one_or_none(connection, select(_table).where(_c.id == restart_id)))


async def of_healing(connection: AsyncConnection, bot_name: str, *, since: datetime) -> tuple[RestartView, ...]:
    """The automatic restarts of a bot since some moment, newest first."""
    wanted = (_c.bot_name == bot_name, _c.origin == ActionOrigin.AUTO_HEAL.value, _c.requested_at > since)
    return tuple(map(_view, await many(connection, select(_table).where(*wanted).order_by(_c.requested_at.desc()))))


async def last_end(connection: AsyncConnection, bot_name: str) -> datetime | None:
    """When the last action on a bot ended."""
    newest = select(func.max(_c.finished_at)).where(_c.bot_name == bot_name)
    ended_at: datetime | None = (await connection.execute(newest)).scalar_one()
    return ended_at


async def found(connection: AsyncConnection, wanted: RestartFilter) -> tuple[RestartView, ...]:
    """The restarts that a filter lets pass, newest first."""
    statement = select(_table).order_by(_c.requested_at.desc(), _c.id.desc()).limit(wanted.limit)
    for name in ("bot_name", "action", "origin", "state", "group_id"):
        if (value := getattr(wanted, name)) is not None:
            statement = statement.where(_c[name] == value)
    if wanted.before is not None:
        statement = statement.where(_c.requested_at < wanted.before)
    return ODD_ROWS.readable("restarts", await many(connection, statement), _view)


_ACTIVE_USERS = text(
    "SELECT bot_name, count(DISTINCT user_id) AS users FROM web_conversations"
    " WHERE timestamp > now() - make_interval(secs => :seconds) AND bot_name = ANY(:bot_names)"
    " GROUP BY ROLLUP (bot_name)"
)


async def active_users(
    connection: AsyncConnection, bot_names: Sequence[str], *, seconds: float
) -> tuple[dict[str, int], int]:
    """How many people wrote in the last ``seconds``: to each bot that anybody wrote to, and to any of them."""
    values = {"bot_names": list(bot_names), "seconds": seconds}
    rows = await many(connection, _ACTIVE_USERS, values)
    users = {row["bot_name"]: int(row["users"]) for row in rows}
    total = users.pop(None, 0)
    return users, total


def _view(row: RowMapping) -> RestartView:
    """An action as it was stored; the estimate of it is not."""
    values = {name: row[name] for name in _SAME} | {
        "state": RestartState(row["state"]),
        "action": BotAction(row["action"]),
        "origin": ActionOrigin(row["origin"]),
    }
    return RestartView(restart_id=row["id"], estimate_s=DEFAULT_ESTIMATE_S, **values)


def _view_or_none(row: RowMapping | None) -> RestartView | None:
    return _view(row) if row is not None else None
