"""Incidents: written so that two keepers at once, or one that does a thing twice, store it once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.errors import Conflict
from chat_api.core.rows import affected, many, unless_taken
from chat_api.incidents.schemas import (
    OpenIncident,
)
from models import IncidentEntry

_OPEN = text("""
INSERT INTO web_incidents (id, cause, title, detail, opened_at) VALUES (:id, :cause, :title, :detail, :at)
ON CONFLICT (cause) WHERE resolved_at IS NULL DO NOTHING RETURNING id
""")
_REOPEN = text("""
UPDATE web_incidents SET resolved_at = NULL, reopened = reopened + 1, detail = :detail,
  acknowledged_at = NULL, acknowledged_by = NULL, acknowledge_reason = NULL
WHERE id = (
  SELECT id FROM web_incidents WHERE cause = :cause AND merged_into IS NULL AND resolved_at > :after
  ORDER BY resolved_at DESC LIMIT 1)
  AND resolved_at IS NOT NULL
  AND NOT EXISTS (SELECT FROM web_incidents WHERE cause = :cause AND resolved_at IS NULL)
RETURNING id
""")
_OPEN_ONES = text("""
SELECT i.id AS incident_id, i.cause, i.title, i.opened_at,
  coalesce(array_agg(b.bot_name) FILTER (WHERE b.failed_at IS NOT NULL AND b.recovered_at IS NULL), '{}') AS failing,
  (SELECT count(*) FROM web_incident_evidence e WHERE e.incident_id = i.id) AS evidence_count
FROM web_incidents i LEFT JOIN web_incident_bots b ON b.incident_id = i.id
WHERE i.resolved_at IS NULL GROUP BY i.id
""")
_DEPENDENTS = text("""
INSERT INTO web_incident_bots (incident_id, bot_name, status)
SELECT :incident_id, new.bot_name, new.status
FROM unnest(CAST(:names AS text[]), CAST(:statuses AS text[])) AS new (bot_name, status)
ON CONFLICT DO NOTHING
""")
_FAIL = text("""
INSERT INTO web_incident_bots (incident_id, bot_name, status, error, failed_at)
SELECT :incident_id, new.bot_name, new.status, new.error, :at
FROM unnest(CAST(:names AS text[]), CAST(:statuses AS text[]), CAST(:errors AS text[]))
  AS new (bot_name, status, error) ORDER BY new.bot_name
ON CONFLICT (incident_id, bot_name) DO UPDATE SET status = excluded.status, error = excluded.error,
  failed_at = coalesce(web_incident_bots.failed_at, excluded.failed_at), recovered_at = NULL
WHERE web_incident_bots.failed_at IS NULL OR web_incident_bots.recovered_at IS NOT NULL
RETURNING bot_name
""")
_RECOVER = text("""
UPDATE web_incident_bots SET recovered_at = :at, status = 'online'
WHERE incident_id = :incident_id AND bot_name = ANY(:names) AND failed_at IS NOT NULL AND recovered_at IS NULL
RETURNING bot_name
""")
_RESOLVE = text(
    "UPDATE web_incidents SET resolved_at = :at, merged_into = :merged_into WHERE id = :id AND resolved_at IS NULL"
)
_ACKNOWLEDGE = text("""
UPDATE web_incidents SET acknowledged_at = :at, acknowledged_by = :actor, acknowledge_reason = :reason
WHERE id = :id AND resolved_at IS NULL AND acknowledged_at IS NULL
""")
_PRUNE = text("DELETE FROM web_incidents WHERE resolved_at < :before")


@dataclass(frozen=True, slots=True, kw_only=True)
class FailingBot:
    """A bot in trouble as it is stored."""

    bot_name: str
    status: str
    error: str | None


async def open_one(
    connection: AsyncConnection, *, incident_id: UUID, cause: str, title: str, detail: str, at: datetime
) -> bool:
    """Open an incident; False when one of this cause is open."""
    values = {"id": incident_id, "cause": cause, "title": title, "detail": detail, "at": at}
    return (await connection.execute(_OPEN, values)).scalar() is not None


async def reopen(connection: AsyncConnection, *, cause: str, detail: str, after: datetime) -> UUID | None:
    """Open again the last incident of a cause if it was resolved after ``after``.

    Raises: Conflict when another keeper opens one of this cause meanwhile.
    """
    values = {"cause": cause, "detail": detail, "after": after}
    with unless_taken(Conflict("An incident with this cause is already open.")):
        return (await connection.execute(_REOPEN, values)).scalar()


async def open_ones(connection: AsyncConnection) -> tuple[OpenIncident, ...]:
    """What a keeper has to know: the incidents that are not resolved."""
    rows = await many(connection, _OPEN_ONES)
    return tuple(OpenIncident(**dict(row) | {"failing": frozenset(row["failing"])}) for row in rows)


async def add_dependents(connection: AsyncConnection, incident_id: UUID, statuses: dict[str, str]) -> None:
    """Name the bots that depend on what is down; they do not fail by that."""
    values = {"incident_id": incident_id, "names": list(statuses), "statuses": list(statuses.values())}
    await connection.execute(_DEPENDENTS, values)


async def fail(connection: AsyncConnection, incident_id: UUID, bots: Sequence[FailingBot], *, at: datetime) -> set[str]:
    """Mark bots as failing; returns those that were not."""
    values = {
        "incident_id": incident_id,
        "names": [bot.bot_name for bot in bots],
        "statuses": [bot.status for bot in bots],
        "errors": [bot.error for bot in bots],
        "at": at,
    }
    return set((await connection.execute(_FAIL, values)).scalars())


async def recover(connection: AsyncConnection, incident_id: UUID, names: Sequence[str], *, at: datetime) -> set[str]:
    """Mark bots as well again; returns those that were failing."""
    values = {"incident_id": incident_id, "names": list(names), "at": at}
    return set((await connection.execute(_RECOVER, values)).scalars())


async def resolve(
    connection: AsyncConnection, incident_id: UUID, *, at: datetime, merged_into: UUID | None = None
) -> bool:
    """Close an incident; False when it is."""
    return await affected(connection, _RESOLVE, {"id": incident_id, "at": at, "merged_into": merged_into}) == 1


async def add_entry(connection: AsyncConnection, entry: IncidentEntry) -> bool:
    """Add to a timeline; False when it has an entry with this id."""
    statement = upsert(IncidentEntry).values(**entry.model_dump(exclude_none=True)).on_conflict_do_nothing()
    return await affected(connection, statement) == 1


async def acknowledge(connection: AsyncConnection, incident_id: UUID, *, actor: str, reason: str, at: datetime) -> bool:
    """Note that somebody takes care; False when somebody did already, or it is resolved."""
    return (
        await affected(connection, _ACKNOWLEDGE, {"id": incident_id, "actor": actor, "reason": reason, "at": at}) == 1
    )


async def prune(connection: AsyncConnection, *, before: datetime) -> None:
    """Drop incidents that were resolved long ago."""
    await connection.execute(_PRUNE, {"before": before})
