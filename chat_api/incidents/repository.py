"""Incidents: written so that two keepers at once, or one that does a thing twice, store it once."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, insert, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.errors import Conflict
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import affected, many, one_or_none, unless_taken
from chat_api.incidents.schemas import (
    EvidenceView,
    IncidentBotView,
    IncidentEntryView,
    IncidentNumbers,
    IncidentState,
    IncidentView,
    OpenIncident,
)
from models import IncidentEntry, IncidentEntryKind, IncidentEvidence

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
_TAKE_EVIDENCE = text("""
UPDATE web_incident_evidence SET incident_id = :incident_id
WHERE bot_name = ANY(:names) AND incident_id IS NULL AND captured_at > :after
""")
_MOVE_EVIDENCE = text("UPDATE web_incident_evidence SET incident_id = :parent_id WHERE incident_id = :incident_id")
_CURRENT_OF = text("""
SELECT i.id, (SELECT count(*) FROM web_incident_evidence e WHERE e.incident_id = i.id) AS evidence_count
FROM web_incidents i JOIN web_incident_bots b ON b.incident_id = i.id
WHERE i.resolved_at IS NULL AND b.bot_name = :bot_name AND b.failed_at IS NOT NULL
ORDER BY b.recovered_at IS NULL DESC, i.opened_at DESC LIMIT 1
""")
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
_ACKNOWLEDGE = text("""
UPDATE web_incidents SET acknowledged_at = :at, acknowledged_by = :actor, acknowledge_reason = :reason
WHERE id = :id AND resolved_at IS NULL AND acknowledged_at IS NULL
""")
_BOTS = text("""
SELECT bot_name, status, failed_at, recovered_at, error FROM web_incident_bots
WHERE incident_id = :id ORDER BY failed_at IS NULL, bot_name
""")
_TIMELINE = text("""
SELECT at, kind, content, actor_name, bot_name FROM web_incident_entries
WHERE incident_id = :id ORDER BY at, id LIMIT :limit
""")
_EVIDENCE = text("""
SELECT bot_name, captured_at, reason, facts, checks, log, problem FROM web_incident_evidence
WHERE incident_id = :id ORDER BY captured_at, id LIMIT :limit
""")
_PRUNE = text("DELETE FROM web_incidents WHERE resolved_at < :before")
_PRUNE_EVIDENCE = text("DELETE FROM web_incident_evidence WHERE incident_id IS NULL AND captured_at < :before")


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


async def add_evidence(connection: AsyncConnection, evidence: IncidentEvidence) -> None:
    """Store what was captured."""
    await connection.execute(insert(IncidentEvidence).values(**evidence.model_dump(exclude_none=True)))


async def take_evidence(
    connection: AsyncConnection, incident_id: UUID, names: Sequence[str], *, after: datetime
) -> None:
    """Take over what was captured of these bots before there was an incident."""
    await connection.execute(_TAKE_EVIDENCE, {"incident_id": incident_id, "names": list(names), "after": after})


async def move_evidence(connection: AsyncConnection, incident_id: UUID, *, parent_id: UUID) -> None:
    """Let another incident have the evidence of this one."""
    await connection.execute(_MOVE_EVIDENCE, {"incident_id": incident_id, "parent_id": parent_id})


async def current_of(connection: AsyncConnection, bot_name: str) -> tuple[UUID, int] | None:
    """The open incident that a bot fails in, with how much evidence it has."""
    row = await one_or_none(connection, _CURRENT_OF, {"bot_name": bot_name})
    return (row["id"], row["evidence_count"]) if row else None


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


async def evidence(connection: AsyncConnection, incident_id: UUID, *, limit: int) -> tuple[EvidenceView, ...]:
    """What was captured, oldest first."""
    rows = await many(connection, _EVIDENCE, {"id": incident_id, "limit": limit})
    return ODD_ROWS.readable("incident evidence", rows, _evidence)


async def numbers(connection: AsyncConnection, *, after: datetime) -> IncidentNumbers:
    """How many are open, and how many were opened after ``after`` and for how long."""
    return IncidentNumbers(**(await many(connection, _NUMBERS, {"after": after}))[0])


async def acknowledge(connection: AsyncConnection, incident_id: UUID, *, actor: str, reason: str, at: datetime) -> bool:
    """Note that somebody takes care; False when somebody did already, or it is resolved."""
    return (
        await affected(connection, _ACKNOWLEDGE, {"id": incident_id, "actor": actor, "reason": reason, "at": at}) == 1
    )


async def prune(connection: AsyncConnection, *, before: datetime, evidence_before: datetime) -> None:
    """Drop incidents that were resolved long ago, and evidence that no incident took."""
    await connection.execute(_PRUNE, {"before": before})
    await connection.execute(_PRUNE_EVIDENCE, {"before": evidence_before})


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


def _evidence(row: RowMapping) -> EvidenceView:
    return EvidenceView(
        bot_name=row["bot_name"],
        captured_at=row["captured_at"],
        reason=row["reason"],
        facts=row["facts"],
        checks=tuple(row["checks"]),
        log_lines=tuple(row["log"].split("\n")) if row["log"] else (),
        problem=row["problem"],
    )
