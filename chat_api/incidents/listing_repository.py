"""Incidents as they are shown: lists, one with its bots and its timeline, and how long they last."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import many, one_or_none
from chat_api.incidents.schemas import (
    IncidentBotView,
    IncidentEntryView,
    IncidentNumbers,
    IncidentState,
    IncidentView,
)
from models import IncidentEntryKind

# An incident that went over into another one is a part of that, and in no list.
_LISTED = """
SELECT i.*,
  count(b.bot_name) FILTER (WHERE b.failed_at IS NOT NULL) AS affected,
  count(b.bot_name) FILTER (WHERE b.failed_at IS NOT NULL AND b.recovered_at IS NULL) AS failing,
  coalesce(array_agg(b.bot_name ORDER BY b.bot_name) FILTER (WHERE b.failed_at IS NOT NULL), '{}') AS bot_names
FROM web_incidents i LEFT JOIN web_incident_bots b ON b.incident_id = i.id
"""
_NEWEST = text(
    _LISTED
    + """
WHERE i.merged_into IS NULL
  AND (CAST(:is_open AS boolean) IS NULL OR (i.resolved_at IS NULL) = CAST(:is_open AS boolean))
  AND (CAST(:bot_name AS text) IS NULL OR EXISTS (
    SELECT FROM web_incident_bots o WHERE o.incident_id = i.id AND o.bot_name = :bot_name AND o.failed_at IS NOT NULL))
GROUP BY i.id ORDER BY i.resolved_at IS NULL DESC, i.opened_at DESC LIMIT :limit
"""
)
_ONE = text(_LISTED + " WHERE i.id = :id GROUP BY i.id")
_NUMBERS = text("""
SELECT count(*) FILTER (WHERE resolved_at IS NULL) AS open,
  count(*) FILTER (WHERE opened_at > :after) AS opened,
  avg(seconds) AS mean_s, percentile_cont(0.5) WITHIN GROUP (ORDER BY seconds) AS median_s, max(seconds) AS longest_s
FROM (
  SELECT opened_at, resolved_at,
    CASE WHEN opened_at > :after THEN extract(epoch FROM resolved_at - opened_at)::float END AS seconds
  FROM web_incidents WHERE merged_into IS NULL AND (opened_at > :after OR resolved_at IS NULL)) AS recent
""")
_BOTS = text("""
SELECT bot_name, status, failed_at, recovered_at, error FROM web_incident_bots
WHERE incident_id = :id ORDER BY failed_at IS NULL, bot_name
""")
_TIMELINE = text("""
SELECT at, kind, content, actor_name, bot_name FROM web_incident_entries
WHERE incident_id = :id ORDER BY at, id LIMIT :limit
""")


async def newest(
    connection: AsyncConnection, *, is_open: bool | None, bot_name: str | None, limit: int, now: datetime
) -> tuple[IncidentView, ...]:
    """Incidents, open ones first, then the newest; of one bot only when one is named."""
    rows = await many(connection, _NEWEST, {"is_open": is_open, "bot_name": bot_name, "limit": limit})
    return tuple(_view(row, now) for row in rows)


async def one(connection: AsyncConnection, incident_id: UUID, *, now: datetime) -> IncidentView | None:
    """One incident as a list has it; what is open has lasted until ``now``."""
    row = await one_or_none(connection, _ONE, {"id": incident_id})
    return _view(row, now) if row else None


async def bots(connection: AsyncConnection, incident_id: UUID) -> tuple[IncidentBotView, ...]:
    """Its bots, those that failed first."""
    rows = await many(connection, _BOTS, {"id": incident_id})
    return tuple(IncidentBotView(**row) for row in rows)


async def timeline(connection: AsyncConnection, incident_id: UUID, *, limit: int) -> tuple[IncidentEntryView, ...]:
    """What happened, oldest first."""
    rows = await many(connection, _TIMELINE, {"id": incident_id, "limit": limit})
    return ODD_ROWS.readable("incident entries", rows, _entry)


async def numbers(connection: AsyncConnection, *, after: datetime) -> IncidentNumbers:
    """How many are open, and how many were opened after ``after`` and for how long."""
    return IncidentNumbers(**(await many(connection, _NUMBERS, {"after": after}))[0])


_SAME = (
    "cause",
    "title",
    "detail",
    "opened_at",
    "resolved_at",
    "affected",
    "failing",
    "acknowledged_at",
    "acknowledged_by",
    "acknowledge_reason",
    "reopened",
    "merged_into",
)


def _view(row: RowMapping, now: datetime) -> IncidentView:
    if row["resolved_at"] is not None:
        state = IncidentState.RESOLVED
    else:
        state = IncidentState.ACKNOWLEDGED if row["acknowledged_at"] is not None else IncidentState.OPEN
    return IncidentView(
        incident_id=row["id"],
        state=state,
        duration_s=max(0.0, ((row["resolved_at"] or now) - row["opened_at"]).total_seconds()),
        bot_names=tuple(row["bot_names"]),
        **{name: row[name] for name in _SAME},
    )


def _entry(row: RowMapping) -> IncidentEntryView:
    return IncidentEntryView(**dict(row) | {"kind": IncidentEntryKind(row["kind"])})
