"""The audit trail: rows are only ever added."""

from sqlalchemy import RowMapping, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.audit.schemas import AuditQuery, AuditView
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import many
from models import AuditEntry, AuditOutcome

_table = AuditEntry.__table__  # type: ignore[attr-defined]
_c = _table.c


async def add(connection: AsyncConnection, entry: AuditEntry) -> None:
    """Record one action; in the transaction of the action where it has one."""
    await connection.execute(insert(AuditEntry).values(**entry.model_dump(exclude_none=True)))


async def find(connection: AsyncConnection, query: AuditQuery) -> tuple[AuditView, ...]:
    """The actions that fit, newest first; an ``action`` fits by its beginning, e.g. ``bot.``."""
    statement = select(_table).order_by(_c.id.desc()).limit(query.limit)
    equal = {_c.actor_name: query.actor, _c.target: query.target, _c.outcome: query.outcome}
    for column, value in equal.items():
        if value is not None:
            statement = statement.where(column == value)
    if query.action is not None:
        statement = statement.where(_c.action.startswith(query.action, autoescape=True))
    if query.since is not None:
        statement = statement.where(_c.at >= query.since)
    if query.until is not None:
        statement = statement.where(_c.at < query.until)
    if query.before is not None:
        statement = statement.where(_c.id < query.before)
    return ODD_ROWS.readable("audit", await many(connection, statement), _view)


def _view(row: RowMapping) -> AuditView:
    return AuditView(
        entry_id=row["id"],
        at=row["at"],
        actor_name=row["actor_name"],
        action=row["action"],
        target=row["target"],
        outcome=AuditOutcome(row["outcome"]),
        address=row["address"],
        details=row["details"] or {},
    )
