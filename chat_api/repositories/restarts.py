"""Restarts of bots, and how many people a bot is talking with."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.repositories.rows import affected, many, one_or_none
from models import BotRestart, RestartState

_table = BotRestart.__table__  # type: ignore[attr-defined]
_c = _table.c


async def start(connection: AsyncConnection, restart: BotRestart) -> None:
    """Store a restart that begins. An IntegrityError means that one of this bot is under way."""
    await connection.execute(insert(BotRestart).values(**restart.model_dump(exclude_none=True)))


async def running(connection: AsyncConnection, bot_name: str) -> RowMapping | None:
    """The restart of a bot that is under way."""
    return await one_or_none(connection, select(_table).where(_c.bot_name == bot_name, _c.finished_at.is_(None)))


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


async def durations_s(connection: AsyncConnection, bot_name: str, *, limit: int) -> list[float]:
    """How long the last successful restarts of a bot took, newest first."""
    statement = (
        select(_c.duration_s)
        .where(_c.bot_name == bot_name, _c.state == RestartState.ONLINE.value)
        .order_by(_c.requested_at.desc())
        .limit(limit)
    )
    return list((await connection.execute(statement)).scalars())


async def newest(connection: AsyncConnection, *, limit: int) -> Sequence[RowMapping]:
    """The last restarts of all bots, newest first."""
    return await many(connection, select(_table).order_by(_c.requested_at.desc()).limit(limit))


_ACTIVE_USERS = text(
    "SELECT count(DISTINCT user_id) FROM web_conversations"
    " WHERE timestamp > now() - make_interval(secs => :seconds) AND bot_name = :bot_name"
)


async def active_users(connection: AsyncConnection, bot_name: str, *, seconds: float) -> int:
    """How many people wrote to a bot in the last ``seconds``."""
    result = await connection.execute(_ACTIVE_USERS, {"bot_name": bot_name, "seconds": seconds})
    return int(result.scalar_one())


_ACTIVE_USERS_OF = text(
    "SELECT count(DISTINCT user_id) FROM web_conversations"
    " WHERE timestamp > now() - make_interval(secs => :seconds) AND bot_name = ANY(:names)"
)


async def active_users_of(connection: AsyncConnection, names: Sequence[str], *, seconds: float) -> int:
    """How many people wrote to at least one of some bots in the last ``seconds``."""
    result = await connection.execute(_ACTIVE_USERS_OF, {"names": list(names), "seconds": seconds})
    return int(result.scalar_one())
