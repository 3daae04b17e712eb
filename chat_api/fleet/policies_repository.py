"""What operators decided for bots: one row a bot, changed field by field so that two people do not undo each other."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import RowMapping, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import affected, many, one_or_none
from models import WebBotPolicy

_table = WebBotPolicy.__table__  # type: ignore[attr-defined]
_c = _table.c


async def all_policies(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Every stored policy."""
    return await many(connection, select(_table).order_by(_c.bot_name))


async def of_bot(connection: AsyncConnection, bot_name: str, *, is_locked: bool = False) -> RowMapping | None:
    """The policy of one bot; ``is_locked`` keeps it as it is until the transaction ends."""
    statement = select(_table).where(_c.bot_name == bot_name)
    return await one_or_none(connection, statement.with_for_update() if is_locked else statement)


async def put(connection: AsyncConnection, bot_name: str, changes: Mapping[str, Any]) -> RowMapping:
    """Change these columns of a bot's policy, and give it back; the row is made where there is none."""
    statement = insert(_table).values(bot_name=bot_name, **changes)
    statement = statement.on_conflict_do_update(index_elements=[_c.bot_name], set_=dict(changes))
    row: RowMapping = (await connection.execute(statement.returning(_table))).mappings().one()
    return row


async def quarantine(connection: AsyncConnection, bot_name: str, changes: Mapping[str, Any]) -> bool:
    """The same for a bot that is healed and not in quarantine yet; returns whether it was one."""
    statement = update(_table).where(_c.bot_name == bot_name, _c.is_auto_healed, _c.quarantined_at.is_(None))
    return await affected(connection, statement.values(**changes)) > 0
