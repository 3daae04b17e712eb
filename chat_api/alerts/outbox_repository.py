"""The outbox: messages about alerts, stored in the transaction of the change, sent by the process that claims them."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.alerts.schemas import NotificationRecord, NotificationView, UnreadableNotification
from chat_api.core.odd_rows import ODD_ROWS, UNREADABLE
from chat_api.core.rows import affected, many
from models import AlertNotification, NotificationKind, NotificationStatus, Severity

E = TypeVar("E", bound=StrEnum)
_table = AlertNotification.__table__  # type: ignore[attr-defined]
_SAME = tuple(field.name for field in fields(NotificationView) if field.name != "notification_id")
# An older message of the same alert to the same channel goes first: the end must not arrive before the beginning.
_CLAIM = text("""
UPDATE web_notifications SET leased_until = :leased_until, attempts = attempts + 1,
    give_up_at = coalesce(give_up_at, :give_up_at)
WHERE id IN (
    SELECT n.id FROM web_notifications n
    WHERE n.status = 'waiting' AND n.due_at <= :now AND (n.leased_until IS NULL OR n.leased_until <= :now)
        AND NOT EXISTS (
            SELECT 1 FROM web_notifications older WHERE older.status = 'waiting' AND older.alert_id = n.alert_id
                AND older.channel_id = n.channel_id AND older.id < n.id)
    ORDER BY n.due_at LIMIT :limit FOR UPDATE SKIP LOCKED)
RETURNING *
""")


async def put(connection: AsyncConnection, messages: Sequence[NotificationView]) -> None:
    """Queue messages, in the transaction of the change that they report."""
    if messages:
        await connection.execute(insert(_table).values([_values(one) for one in messages]))


async def claim(
    connection: AsyncConnection, *, now: datetime, lease: timedelta, give_up_after: timedelta, limit: int
) -> tuple[tuple[NotificationView, ...], tuple[UnreadableNotification, ...]]:
    """Claim due messages. If the process dies, another one may claim them when the lease ends.

    A message that cannot be read is given up, because it would keep later ones of its alert waiting. These are the
    second result.
    """
    values = {"now": now, "leased_until": now + lease, "give_up_at": now + give_up_after, "limit": limit}
    rows = await many(connection, _CLAIM, values)
    messages = ODD_ROWS.readable("notifications", rows, _view)
    read = {one.notification_id for one in messages}
    unreadable = [await _give_up(connection, row, now=now) for row in rows if row["id"] not in read]
    return messages, tuple(unreadable)


async def _give_up(connection: AsyncConnection, row: RowMapping, *, now: datetime) -> UnreadableNotification:
    error = f"Could not be sent: the message cannot be read ({_why_unreadable(row)})."[:300]
    ended = {"status": NotificationStatus.FAILED.value, "leased_until": None, "done_at": now, "error": error}
    await connection.execute(update(_table).where(_table.c.id == row["id"]).values(**ended))
    return UnreadableNotification(channel_name=row["channel_name"], title=row["title"], error=error)


def _why_unreadable(row: RowMapping) -> str:
    try:
        _view(row)
    except UNREADABLE as error:
        return str(error)
    return ""


async def finalize(connection: AsyncConnection, notification_id: UUID, *, attempts: int, **values: Any) -> bool:
    """Store the result of one attempt; False if another process has claimed the message in the meantime."""
    statement = update(_table).where(_table.c.id == notification_id, _table.c.attempts == attempts)
    return await affected(connection, statement.values(leased_until=None, **values)) == 1


async def newest(connection: AsyncConnection, *, limit: int) -> tuple[NotificationRecord, ...]:
    """The last messages, newest first."""
    rows = await many(connection, select(_table).order_by(_table.c.id.desc()).limit(limit))
    return ODD_ROWS.readable("notification history", rows, _record)


def _values(message: NotificationView) -> dict[str, Any]:
    return {name: getattr(message, name) for name in _SAME} | {"id": message.notification_id}


def _view(row: RowMapping) -> NotificationView:
    kinds = {"kind": NotificationKind(row["kind"]), "severity": Severity(row["severity"])}
    return NotificationView(**_same(row) | kinds)


def _record(row: RowMapping) -> NotificationRecord:
    """A row for the history, also one that could not be sent because it can't be read."""
    kinds = {"kind": _known(NotificationKind, row["kind"]), "severity": _known(Severity, row["severity"])}
    return NotificationRecord(**_same(row) | kinds)


def _known(kind: type[E], value: str) -> E | None:
    return kind(value) if value in set(kind) else None


def _same(row: RowMapping) -> dict[str, Any]:
    values = {name: row[name] for name in _SAME}
    return values | {"notification_id": row["id"], "status": NotificationStatus(row["status"])}
