"""What operators decided for bots: one row a bot, changed field by field so that two people do not undo each other."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import affected, many, one_or_none
from chat_api.fleet.schemas import BotPolicy
from models import WebBotPolicy

_table = WebBotPolicy.__table__  # type: ignore[attr-defined]
_c = _table.c


async def all_policies(connection: AsyncConnection) -> tuple[BotPolicy, ...]:
    """Every stored policy."""
    return tuple(BotPolicy(**row) for row in await many(connection, select(_table).order_by(_c.bot_name)))


async def of_bot(connection: AsyncConnection, bot_name: str, *, is_locked: bool = False) -> BotPolicy | None:
    """The policy of one bot; ``is_locked`` keeps it as it is until the transaction ends."""
    statement = select(_table).where(_c.bot_name == bot_name)
    row = await one_or_none(connection, statement.with_for_update() if is_locked else statement)
    return BotPolicy(**row) if row else None


async def put(connection: AsyncConnection, bot_name: str, changes: Mapping[str, Any]) -> BotPolicy:
    """Change these columns of a bot's policy, and give it back; the row is made where there is none."""
    statement = insert(_table).values(bot_name=bot_name, **changes)
    statement = statement.on_conflict_do_update(index_elements=[_c.bot_name], set_=dict(changes))
    return BotPolicy(**(await connection.execute(statement.returning(_table))).mappings().one())


async def quarantine(connection: AsyncConnection, bot_name: str, changes: Mapping[str, Any]) -> bool:
    """The same for a bot that is healed and not in quarantine yet; returns whether it was one."""
    statement = update(_table).where(_c.bot_name == bot_name, _c.is_auto_healed, _c.quarantined_at.is_(None))
    return await affected(connection, statement.values(**changes)) > 0
