"""Alerts: states of subjects, alerts, and the outbox of what is to be sent."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import RowMapping, delete, insert, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import affected, many, one_or_none
from models import Alert, AlertNotification, AlertSubject, BotRestart

_subjects = AlertSubject.__table__  # type: ignore[attr-defined]
_alerts = Alert.__table__  # type: ignore[attr-defined]
_notifications = AlertNotification.__table__  # type: ignore[attr-defined]
_restarts = BotRestart.__table__  # type: ignore[attr-defined]

# Rows a statement: PostgreSQL takes 32,767 values at the most.
CHUNK = 500

# Two leaders at once (one of them stopped for long) would tell the same twice.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('web_alerts'))")
# An older message of the same alert to the same channel goes first: nobody hears of the end before the beginning.
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
_RESTARTS = text(
    "SELECT bot_name, count(*) AS count FROM web_bot_restarts WHERE requested_at > :since GROUP BY bot_name"
)


async def lock(connection: AsyncConnection) -> None:
    """Be the only one that moves alerts until the transaction ends."""
    await connection.execute(_LOCK)


async def subjects(connection: AsyncConnection) -> Sequence[RowMapping]:
    """All subjects that are not well."""
    return await many(connection, select(_subjects))


async def put_subjects(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Store states, new ones and changed ones."""
    for first in range(0, len(rows), CHUNK):
        await _put_subjects(connection, rows[first : first + CHUNK])


async def _put_subjects(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    statement = upsert(_subjects).values([dict(row) for row in rows])
    changed = {c.name: statement.excluded[c.name] for c in _subjects.c if not c.primary_key}
    await connection.execute(statement.on_conflict_do_update(index_elements=["rule_id", "subject"], set_=changed))


async def drop_subjects(connection: AsyncConnection, keys: Sequence[tuple[UUID, str]]) -> None:
    """Forget subjects that are well again."""
    for first in range(0, len(keys), CHUNK):
        some = keys[first : first + CHUNK]
        await connection.execute(delete(_subjects).where(tuple_(_subjects.c.rule_id, _subjects.c.subject).in_(some)))


async def open_alerts(connection: AsyncConnection) -> Sequence[RowMapping]:
    """Alerts that are not resolved, the oldest first."""
    return await many(connection, select(_alerts).where(_alerts.c.resolved_at.is_(None)).order_by(_alerts.c.opened_at))


async def newest_alerts(connection: AsyncConnection, *, limit: int) -> Sequence[RowMapping]:
    """The last alerts that were told of, resolved ones too, newest first."""
    statement = select(_alerts).where(_alerts.c.told_at.isnot(None) | _alerts.c.resolved_at.is_(None))
    return await many(connection, statement.order_by(_alerts.c.opened_at.desc()).limit(limit))


async def put_alert(connection: AsyncConnection, row: Mapping[str, Any]) -> None:
    """Store an alert, a new one or a changed one; who silenced it is not touched."""
    statement = upsert(_alerts).values(**row)
    changed = {name: statement.excluded[name] for name in row if name != "id"}
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


async def silence(
    connection: AsyncConnection, alert_id: UUID, *, until: datetime | None, by: str | None, reason: str | None
) -> RowMapping | None:
    """Silence an open alert, or end its silence; returns the alert, None when it is not open."""
    return await one_or_none(
        connection,
        update(_alerts)
        .where(_alerts.c.id == alert_id, _alerts.c.resolved_at.is_(None))
        .values(silenced_until=until, silenced_by=by, silence_reason=reason)
        .returning(_alerts),
    )


async def forget_alerts(connection: AsyncConnection, *, before: datetime) -> None:
    """Drop alerts that were resolved before a time, and with them what was sent of them; and old tests."""
    await connection.execute(delete(_alerts).where(_alerts.c.resolved_at < before))
    await connection.execute(
        delete(_notifications).where(_notifications.c.alert_id.is_(None), _notifications.c.created_at < before)
    )


async def restarts_since(connection: AsyncConnection, since: datetime) -> dict[str, int]:
    """How often each bot was restarted."""
    rows = await many(connection, _RESTARTS, {"since": since})
    return {row["bot_name"]: row["count"] for row in rows}


# The outbox


async def put_notifications(connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Queue messages, in the transaction of the change that they tell."""
    if rows:
        await connection.execute(insert(_notifications).values([dict(row) for row in rows]))


async def claim(
    connection: AsyncConnection, *, now: datetime, lease: timedelta, patience: timedelta, limit: int
) -> Sequence[RowMapping]:
    """Take messages that are due; whoever dies with them loses them when the lease ends, and another sends them."""
    values = {"now": now, "leased_until": now + lease, "give_up_at": now + patience, "limit": limit}
    return await many(connection, _CLAIM, values)


async def settle(connection: AsyncConnection, notification_id: UUID, *, attempts: int, **values: Any) -> bool:
    """Store what became of one attempt; False when another has taken the message meanwhile."""
    statement = (
        update(_notifications)
        .where(_notifications.c.id == notification_id, _notifications.c.attempts == attempts)
        .values(leased_until=None, **values)
    )
    return await affected(connection, statement) == 1


async def newest_notifications(connection: AsyncConnection, *, limit: int) -> Sequence[RowMapping]:
    """The last messages, newest first."""
    return await many(connection, select(_notifications).order_by(_notifications.c.id.desc()).limit(limit))
