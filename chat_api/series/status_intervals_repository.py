"""The intervals in which bots and dependencies were in one state."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import many
from chat_api.series.schemas import StatusInterval

_PUT = text("""
INSERT INTO web_status_intervals AS i (subject, started_at, status, until_at, reason)
SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS new (
    subject text, started_at timestamptz, status text, until_at timestamptz, reason text)
ORDER BY subject, started_at
ON CONFLICT (subject, started_at) DO UPDATE SET
    status = excluded.status, reason = excluded.reason, until_at = greatest(i.until_at, excluded.until_at)
""")
_LAST = text("""
SELECT DISTINCT ON (subject) subject, started_at, status, until_at, reason FROM web_status_intervals
WHERE until_at >= :since ORDER BY subject, started_at DESC
""")
_WITHIN = text("""
SELECT status, greatest(started_at, :since) AS started_at, least(until_at, :until) AS until_at, reason
FROM web_status_intervals WHERE subject = :subject AND until_at > :since AND started_at <= :until ORDER BY started_at
""")
_SECONDS = text("""
SELECT subject, status,
    coalesce(extract(epoch FROM sum(until_at - greatest(started_at, :day)) FILTER (WHERE until_at > :day)), 0)::float8
        AS day_s,
    coalesce(extract(epoch FROM sum(until_at - greatest(started_at, :week)) FILTER (WHERE until_at > :week)), 0)::float8
        AS week_s,
    extract(epoch FROM sum(until_at - greatest(started_at, :month)))::float8 AS month_s
FROM web_status_intervals WHERE until_at > :month AND starts_with(subject, 'bot:') GROUP BY subject, status
""")
_PRUNE = text("DELETE FROM web_status_intervals WHERE until_at < :before")


@dataclass(slots=True, kw_only=True)
class OpenInterval:
    """An interval that may still grow."""

    subject: str
    status: str
    started_at: datetime
    until_at: datetime
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusSeconds:
    """How long a bot was in one state in the last day, week and month."""

    subject: str
    status: str
    day_s: float
    week_s: float
    month_s: float


async def put(connection: AsyncConnection, intervals: Sequence[OpenInterval]) -> None:
    """Store intervals, new ones and those that grew; one that is sent twice changes nothing."""
    rows = orjson.dumps(
        [
            {
                "subject": one.subject,
                "started_at": one.started_at,
                "status": one.status,
                "until_at": one.until_at,
                "reason": one.reason,
            }
            for one in intervals
        ]
    )
    await connection.execute(_PUT, {"rows": rows.decode()})


async def last(connection: AsyncConnection, *, since: datetime) -> list[OpenInterval]:
    """The last interval of each subject that was seen since then."""
    return [OpenInterval(**row) for row in await many(connection, _LAST, {"since": since})]


async def within(
    connection: AsyncConnection, subject: str, *, since: datetime, until: datetime
) -> list[StatusInterval]:
    """The intervals of one subject in a window and cut to it, in order."""
    values = {"subject": subject, "since": since, "until": until}
    return [StatusInterval(**row) for row in await many(connection, _WITHIN, values)]


async def seconds(connection: AsyncConnection, since: Mapping[str, datetime]) -> list[StatusSeconds]:
    """How long each bot was in each state since the times called ``day``, ``week`` and ``month``."""
    return [StatusSeconds(**row) for row in await many(connection, _SECONDS, dict(since))]


async def prune(connection: AsyncConnection, *, before: datetime) -> None:
    """Drop what ended before then."""
    await connection.execute(_PRUNE, {"before": before})
