"""What is known of one day, read from what the other nouns stored; and when the report is sent."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none
from chat_api.fleet.queues import SERVICE_PREFIX
from chat_api.reports.schemas import (
    AlertDay,
    ChangesDay,
    Exchanged,
    IncidentDay,
    ModeDay,
    Observed,
    QueueDay,
    ReportSchedule,
    RestartsDay,
    ScheduleDraft,
)
from chat_api.series.usage_repository import IS_ANSWERED, IS_FAILED
from models import Severity

MOST = 200
_EXCHANGES = text(f"""
SELECT coalesce(bot_name, '') AS bot_name, count(DISTINCT user_id) AS people, count(*) AS messages,
    count(*) FILTER (WHERE {IS_ANSWERED}) AS answered, count(*) FILTER (WHERE {IS_FAILED}) AS failed,
    percentile_cont(0.5) WITHIN GROUP (ORDER BY processing_time) FILTER (WHERE {IS_ANSWERED}) AS p50_s,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_time) FILTER (WHERE {IS_ANSWERED}) AS p95_s
FROM web_conversations WHERE timestamp >= :since AND timestamp < :until GROUP BY GROUPING SETS ((bot_name), ())
""")
_MODES = text(f"""
SELECT metadata->>'mode' AS mode, count(*) AS answers, (count(*) / sum(count(*)) OVER ())::float8 AS share,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY processing_time) AS p95_s
FROM web_conversations
WHERE timestamp >= :since AND timestamp < :until AND {IS_ANSWERED} AND coalesce(metadata->>'mode', '') <> ''
GROUP BY 1 ORDER BY answers DESC, mode LIMIT :limit
""")
_OBSERVED = text("""
SELECT subject, status, count(*) FILTER (WHERE started_at >= :since) AS begun,
    sum(extract(epoch FROM least(until_at, :until) - greatest(started_at, :since)))::float8 AS seconds
FROM web_status_intervals WHERE until_at > :since AND started_at < :until GROUP BY subject, status
""")
# The finest span that is still kept of that day tells best when it was.
_QUEUES = text("""
SELECT DISTINCT ON (subject)
    substr(subject, length(:prefix) + 1) AS queue, max_ms::bigint AS peak, started_at AS peak_at
FROM web_series
WHERE subject LIKE :prefix || '%' AND span_s IN (60, 3600) AND started_at >= :since AND started_at < :until
ORDER BY subject, max_ms DESC, span_s, started_at LIMIT :limit
""")
_INCIDENTS = text("""
SELECT i.id AS incident_id, i.title, i.cause, i.opened_at, i.resolved_at,
    greatest(0, extract(epoch FROM coalesce(i.resolved_at, :until) - i.opened_at))::float8 AS duration_s,
    (SELECT count(*) FROM web_incident_bots b WHERE b.incident_id = i.id AND b.failed_at IS NOT NULL) AS bots
FROM web_incidents i
WHERE i.merged_into IS NULL AND i.opened_at < :until AND (i.resolved_at IS NULL OR i.resolved_at > :since)
ORDER BY i.opened_at LIMIT :limit
""")
_COUNTS = text("""
SELECT
    (SELECT count(*) FROM web_incidents WHERE merged_into IS NULL AND opened_at >= :since AND opened_at < :until)
        AS incidents,
    (SELECT count(*) FROM web_alerts WHERE opened_at >= :since AND opened_at < :until) AS alerts,
    (SELECT count(*) FROM web_bot_restarts WHERE requested_at >= :since AND requested_at < :until
        AND action = 'restart') AS restarts,
    (SELECT count(*) FROM web_bot_restarts WHERE requested_at >= :since AND requested_at < :until
        AND action = 'restart' AND state = 'failed') AS failed_restarts
""")
_RESTARTS = text("""
SELECT requested_by, action, origin, count(*) AS count, count(*) FILTER (WHERE state = 'failed') AS failed,
    array_agg(DISTINCT bot_name) AS bot_names
FROM web_bot_restarts WHERE requested_at >= :since AND requested_at < :until
GROUP BY requested_by, action, origin ORDER BY count DESC, requested_by, action LIMIT :limit
""")
_ALERTS = text("""
SELECT id, title, severity, opened_at, resolved_at FROM web_alerts
WHERE opened_at >= :since AND opened_at < :until ORDER BY opened_at LIMIT :limit
""")
# Ids grow with time: the primary key finds the day in a trail of years.
_CHANGES = text("""
SELECT actor_name AS actor, action, count(*) AS count FROM web_audit
WHERE id >= CAST(:first_id AS uuid) AND at >= :since AND at < :until AND outcome = 'allowed'
GROUP BY actor_name, action ORDER BY count DESC, actor, action LIMIT :limit
""")
_SCHEDULE = text("SELECT * FROM web_report_schedule WHERE id = 1")
_PUT = text("""
INSERT INTO web_report_schedule (id, is_on, at_time, time_zone, channels, last_day, updated_by, updated_at)
VALUES (1, :is_on, :at_time, :time_zone, to_jsonb(CAST(:channels AS text[])), :last_day, :updated_by, :now)
ON CONFLICT (id) DO UPDATE SET is_on = excluded.is_on, at_time = excluded.at_time, time_zone = excluded.time_zone,
    channels = excluded.channels, last_day = greatest(web_report_schedule.last_day, excluded.last_day),
    updated_by = excluded.updated_by, updated_at = excluded.updated_at
RETURNING *
""")
_TAKE = text("""
UPDATE web_report_schedule SET last_day = :day WHERE is_on AND (last_day IS NULL OR last_day < :day)
""")


async def exchanges(connection: AsyncConnection, since: datetime, until: datetime) -> dict[str, Exchanged]:
    """What was written in a time, by bot; that of all under the empty name."""
    rows = await many(connection, _EXCHANGES, {"since": since, "until": until})
    return {row["bot_name"]: Exchanged(**row) for row in rows}


async def modes(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[ModeDay, ...]:
    """The modes that bots named with their answers."""
    return tuple(ModeDay(**row) for row in await many(connection, _MODES, _within(since, until)))


async def queues(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[QueueDay, ...]:
    """How long each queue of the fleet's workers was at its longest."""
    values = _within(since, until) | {"prefix": f"service:{SERVICE_PREFIX}"}
    return tuple(QueueDay(**row) for row in await many(connection, _QUEUES, values))


async def observed(connection: AsyncConnection, since: datetime, until: datetime) -> dict[str, Observed]:
    """How long each subject (``bot:elena``, ``service:redis``) was seen in which state."""
    seconds: dict[str, dict[str, float]] = {}
    outages: dict[str, int] = {}
    for row in await many(connection, _OBSERVED, {"since": since, "until": until}):
        seconds.setdefault(row["subject"], {})[row["status"]] = row["seconds"]
        if row["status"] == "offline":
            outages[row["subject"]] = row["begun"]
    return {subject: Observed(seconds=one, outages=outages.get(subject, 0)) for subject, one in seconds.items()}


async def incidents(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[IncidentDay, ...]:
    """The incidents that were open at some time, oldest first; what is open has lasted until ``until``."""
    return tuple(IncidentDay(**row) for row in await many(connection, _INCIDENTS, _within(since, until)))


async def counts(connection: AsyncConnection, since: datetime, until: datetime) -> Mapping[str, int]:
    """How many incidents, alerts, restarts and failed restarts began in a time."""
    row: Mapping[Any, Any] = (await many(connection, _COUNTS, {"since": since, "until": until}))[0]
    return dict(row)


async def restarts(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[RestartsDay, ...]:
    """Who restarted, started and stopped what, the most first."""
    rows = await many(connection, _RESTARTS, _within(since, until))
    return tuple(RestartsDay(**dict(row) | {"bot_names": tuple(row["bot_names"])}) for row in rows)


async def alerts(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[AlertDay, ...]:
    """The alerts that were opened, oldest first."""
    return ODD_ROWS.readable("alerts", await many(connection, _ALERTS, _within(since, until)), _alert)


async def changes(connection: AsyncConnection, since: datetime, until: datetime) -> tuple[ChangesDay, ...]:
    """Who did what how often, by the audit trail."""
    first_ms = int((since - timedelta(minutes=1)).timestamp() * 1000)
    values = _within(since, until) | {"first_id": UUID(int=first_ms << 80)}
    return tuple(ChangesDay(**row) for row in await many(connection, _CHANGES, values))


async def schedule(connection: AsyncConnection) -> ReportSchedule | None:
    """When the report is sent; None before anybody decided it."""
    row = await one_or_none(connection, _SCHEDULE)
    return next(iter(ODD_ROWS.readable("report schedule", [row], _schedule)), None) if row else None


async def put_schedule(
    connection: AsyncConnection, draft: ScheduleDraft, *, last_day: date, by: str, now: datetime
) -> ReportSchedule:
    """Decide it; nothing up to ``last_day`` is sent any more."""
    values = {
        "is_on": draft.is_on,
        "at_time": draft.at_time,
        "time_zone": draft.time_zone,
        "channels": [str(one) for one in draft.channels] if draft.channels is not None else None,
        "last_day": last_day,
        "updated_by": by,
        "now": now,
    }
    return _schedule((await many(connection, _PUT, values))[0])


async def take(connection: AsyncConnection, day: date) -> bool:
    """Take a day to send, in the transaction that queues its messages; False when it was taken before."""
    return await affected(connection, _TAKE, {"day": day}) == 1


def _within(since: datetime, until: datetime) -> dict[str, Any]:
    return {"since": since, "until": until, "limit": MOST}


def _alert(row: RowMapping) -> AlertDay:
    values = {name: row[name] for name in ("title", "opened_at", "resolved_at")}
    return AlertDay(severity=Severity(row["severity"]), **values)


def _schedule(row: RowMapping) -> ReportSchedule:
    channels = row["channels"]
    ZoneInfo(row["time_zone"])
    time.fromisoformat(row["at_time"])
    return ReportSchedule(
        is_on=row["is_on"],
        at_time=row["at_time"],
        time_zone=row["time_zone"],
        channels=tuple(UUID(one) for one in channels) if channels is not None else None,
        last_day=row["last_day"],
        updated_by=row["updated_by"],
        updated_at=row["updated_at"],
    )
