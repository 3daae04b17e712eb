"""Bots that were seen: one row a bot."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter
from sqlalchemy import func, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many
from chat_api.fleet.known_bot_schemas import KnownBot
from models import WebKnownBot

_table = WebKnownBot.__table__  # type: ignore[attr-defined]
_c = _table.c
_KNOWN_BOT: Final = TypeAdapter(KnownBot)


async def all_known(connection: AsyncConnection) -> tuple[KnownBot, ...]:
    """Every bot that was seen, those that were removed included."""
    rows = await many(connection, select(_table).order_by(_c.bot_name))
    return ODD_ROWS.readable("known bots", rows, lambda row: _KNOWN_BOT.validate_python(dict(row)))


async def put(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store what is known of bots (``bot_name``, ``facts``, ``last_seen_at``), in one statement."""
    statement = insert(_table).values([dict(row) for row in rows])
    new = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_c.bot_name],
            set_={"facts": new.facts, "last_seen_at": func.greatest(_c.last_seen_at, new.last_seen_at)},
        )
    )


async def revive(connection: AsyncConnection, bot_names: Sequence[str]) -> None:
    """Note that these are described again: nobody removed them, and nothing takes them out."""
    values = {"removed_at": None, "removed_by": "", "is_disabled": False}
    await connection.execute(update(_table).where(_c.bot_name.in_(bot_names)).values(values))


async def disable(connection: AsyncConnection, bot_names: Sequence[str], *, at: datetime, by: str) -> None:
    """Note that ``by`` takes these out, seen or not."""
    rows = [
        {"bot_name": name, "facts": {}, "is_disabled": True, "removed_at": at, "removed_by": by} for name in bot_names
    ]
    statement = insert(_table).values(rows)
    new = statement.excluded
    await connection.execute(
        statement.on_conflict_do_update(
            index_elements=[_c.bot_name],
            set_={"is_disabled": True, "removed_at": new.removed_at, "removed_by": new.removed_by},
        )
    )


async def enable(connection: AsyncConnection, bot_names: Sequence[str]) -> None:
    """Note that nothing takes these out any more; they stay removed until something describes them."""
    await connection.execute(update(_table).where(_c.bot_name.in_(bot_names)).values(is_disabled=False))


async def remove(
    connection: AsyncConnection, bot_name: str, facts: Mapping[str, Any], *, at: datetime, by: str
) -> bool:
    """Take a bot out; returns whether it was in."""
    values = {"removed_at": at, "removed_by": by}
    statement = insert(_table).values(bot_name=bot_name, facts=dict(facts), **values)
    statement = statement.on_conflict_do_update(
        index_elements=[_c.bot_name], set_=values, where=_c.removed_at.is_(None)
    )
    return await affected(connection, statement) > 0
