"""The newest report of each thing in the fleet, for processes that could not be told."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import many

_PUT = text("""
INSERT INTO web_fleet_reports (key, report)
SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:reports AS text[])) AS new (key, report) ORDER BY new.key
ON CONFLICT (key) DO UPDATE SET report = excluded.report, reported_at = now()
""")
# A transaction that began before the last reading may have been committed after it.
_NEWER = text("""
SELECT key, report, reported_at, extract(epoch FROM now() - reported_at)::float AS age_s FROM web_fleet_reports
WHERE CAST(:since AS timestamptz) IS NULL OR reported_at > CAST(:since AS timestamptz) - interval '15 seconds'
ORDER BY key
""")
_PRUNE = text("DELETE FROM web_fleet_reports WHERE reported_at < now() - make_interval(secs => :seconds)")


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """One report as it was stored; ``age_s`` is by the database's clock."""

    key: str
    report: str
    reported_at: datetime
    age_s: float


async def put(connection: AsyncConnection, reports: Mapping[str, str]) -> None:
    """Store the newest report of each key, in one statement."""
    await connection.execute(_PUT, {"keys": list(reports), "reports": list(reports.values())})


async def newer(connection: AsyncConnection, *, since: datetime | None) -> list[StoredReport]:
    """What was stored after ``since``, a little of what was before it, or all."""
    return [StoredReport(**row) for row in await many(connection, _NEWER, {"since": since})]


async def prune(connection: AsyncConnection, *, older_than_s: float) -> None:
    """Drop what nobody has reported for so many seconds."""
    await connection.execute(_PRUNE, {"seconds": older_than_s})
