"""What was captured of bots in trouble, and the incident that it belongs to."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import many, one_or_none
from chat_api.incidents.schemas import (
    EvidenceView,
)
from models import IncidentEvidence

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
_EVIDENCE = text("""
SELECT bot_name, captured_at, reason, facts, checks, log, problem FROM web_incident_evidence
WHERE incident_id = :id ORDER BY captured_at, id LIMIT :limit
""")
_PRUNE_EVIDENCE = text("DELETE FROM web_incident_evidence WHERE incident_id IS NULL AND captured_at < :before")


async def add(connection: AsyncConnection, evidence: IncidentEvidence) -> None:
    """Store what was captured."""
    await connection.execute(insert(IncidentEvidence).values(**evidence.model_dump(exclude_none=True)))


async def take(connection: AsyncConnection, incident_id: UUID, names: Sequence[str], *, after: datetime) -> None:
    """Take over what was captured of these bots before there was an incident."""
    await connection.execute(_TAKE_EVIDENCE, {"incident_id": incident_id, "names": list(names), "after": after})


async def move(connection: AsyncConnection, incident_id: UUID, *, parent_id: UUID) -> None:
    """Let another incident have the evidence of this one."""
    await connection.execute(_MOVE_EVIDENCE, {"incident_id": incident_id, "parent_id": parent_id})


async def current_of(connection: AsyncConnection, bot_name: str) -> tuple[UUID, int] | None:
    """The open incident that a bot fails in, with how much evidence it has."""
    row = await one_or_none(connection, _CURRENT_OF, {"bot_name": bot_name})
    return (row["id"], row["evidence_count"]) if row else None


async def captured(connection: AsyncConnection, incident_id: UUID, *, limit: int) -> tuple[EvidenceView, ...]:
    """What was captured, oldest first."""
    rows = await many(connection, _EVIDENCE, {"id": incident_id, "limit": limit})
    return ODD_ROWS.readable("incident evidence", rows, _evidence)


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


async def prune(connection: AsyncConnection, *, before: datetime) -> None:
    """Drop evidence that no incident took."""
    await connection.execute(_PRUNE_EVIDENCE, {"before": before})
