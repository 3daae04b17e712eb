"""Alerts, and the state of every rule's subjects."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.alerts.schemas import AlertView, SubjectState
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import many, one_or_none
from models import Alert, AlertNotification, AlertStatus, AlertSubject, Severity, SubjectStatus

_subjects = AlertSubject.__table__  # type: ignore[attr-defined]
_alerts = Alert.__table__  # type: ignore[attr-defined]
_notifications = AlertNotification.__table__  # type: ignore[attr-defined]
_SUBJECT = tuple(field.name for field in fields(SubjectState))
_LISTS = ("subjects", "notified_subjects", "notified_channels")
_ALERT = ("key", "status", "severity", "title", "body", "opened_at", "notified_at", "resolved_at")
_SILENCE = ("silenced_until", "silenced_by", "silence_reason")

# Rows a statement: PostgreSQL takes 32,767 values at the most.
CHUNK = 500

# Two leaders at once (one of them paused for long) would notify twice.
_LOCK = text("SELECT pg_advisory_xact_lock(hashtext('web_alerts'))")
_RESTARTS = text(
    "SELECT bot_name, count(*) AS count FROM web_bot_restarts WHERE requested_at > :since GROUP BY bot_name"
)


async def lock(connection: AsyncConnection) -> None:
    """Let only this transaction change alerts until it ends."""
    await connection.execute(_LOCK)


async def subjects(connection: AsyncConnection) -> tuple[SubjectState, ...]:
    """All subjects that are not OK."""
    return ODD_ROWS.readable("alert subjects", await many(connection, select(_subjects)), _subject)


async def put_subjects(connection: AsyncConnection, states: Sequence[SubjectState]) -> None:
    """Store states, new ones and changed ones."""
    for first in range(0, len(states), CHUNK):
        await _put_subjects(connection, states[first : first + CHUNK])


async def _put_subjects(connection: AsyncConnection, states: Sequence[SubjectState]) -> None:
    statement = upsert(_subjects).values([{name: getattr(one, name) for name in _SUBJECT} for one in states])
    changed = {c.name: statement.excluded[c.name] for c in _subjects.c if not c.primary_key}
    await connection.execute(statement.on_conflict_do_update(index_elements=["rule_id", "subject"], set_=changed))


async def drop_subjects(connection: AsyncConnection, keys: Sequence[tuple[UUID, str]]) -> None:
    """Delete the states of subjects that are OK again."""
    for first in range(0, len(keys), CHUNK):
        some = keys[first : first + CHUNK]
        await connection.execute(delete(_subjects).where(tuple_(_subjects.c.rule_id, _subjects.c.subject).in_(some)))


async def open_alerts(connection: AsyncConnection) -> tuple[AlertView, ...]:
    """Alerts that are not resolved, the oldest first."""
    statement = select(_alerts).where(_alerts.c.resolved_at.is_(None)).order_by(_alerts.c.opened_at)
    return ODD_ROWS.readable("alerts", await many(connection, statement), _view)


async def newest_alerts(connection: AsyncConnection, *, limit: int) -> tuple[AlertView, ...]:
    """The latest alerts that were notified, including resolved ones, newest first."""
    statement = select(_alerts).where(_alerts.c.notified_at.isnot(None) | _alerts.c.resolved_at.is_(None))
    rows = await many(connection, statement.order_by(_alerts.c.opened_at.desc()).limit(limit))
    return ODD_ROWS.readable("alerts", rows, _view)


async def put_alert(connection: AsyncConnection, alert: AlertView) -> None:
    """Insert or update an alert; its silence, which operators set, is left alone."""
    values = {name: getattr(alert, name) for name in _ALERT} | {name: list(getattr(alert, name)) for name in _LISTS}
    statement = upsert(_alerts).values(id=alert.alert_id, **values)
    changed = {name: statement.excluded[name] for name in values}
    await connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=changed))


async def silence(
    connection: AsyncConnection, alert_id: UUID, *, until: datetime | None, by: str | None, reason: str | None
) -> AlertView | None:
    """Silence an open alert, or end its silence; returns the alert, None when it is not open."""
    row = await one_or_none(
        connection,
        update(_alerts)
        .where(_alerts.c.id == alert_id, _alerts.c.resolved_at.is_(None))
        .values(silenced_until=until, silenced_by=by, silence_reason=reason)
        .returning(_alerts),
    )
    return _view(row) if row else None


async def prune_alerts(connection: AsyncConnection, *, before: datetime) -> None:
    """Delete alerts resolved before a time, with their messages, and old test messages."""
    await connection.execute(delete(_alerts).where(_alerts.c.resolved_at < before))
    await connection.execute(
        delete(_notifications).where(_notifications.c.alert_id.is_(None), _notifications.c.created_at < before)
    )


async def restarts_since(connection: AsyncConnection, since: datetime) -> dict[str, int]:
    """How often each bot was restarted."""
    rows = await many(connection, _RESTARTS, {"since": since})
    return {row["bot_name"]: row["count"] for row in rows}


def _subject(row: RowMapping) -> SubjectState:
    return SubjectState(**dict(row) | {"status": SubjectStatus(row["status"])})


def _view(row: RowMapping) -> AlertView:
    values = {name: row[name] for name in (*_ALERT, *_SILENCE)} | {name: tuple(row[name]) for name in _LISTS}
    values |= {"status": AlertStatus(row["status"]), "severity": Severity(row["severity"])}
    return AlertView(alert_id=row["id"], **values)
