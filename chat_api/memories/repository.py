"""Under which ids bots know a person, and the receipts of erasures."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import affected, many, one_or_none
from chat_api.memories.schemas import ALL_PARTS, FINAL, Receipt, ReceiptPart, Work, receipt_state
from models import ErasureOutcome, MemoryPart

LIVES = timedelta(days=30)
# So long an attempt may take at the most; one whose process died is taken over after it.
CLAIM_S = 120.0

# Accounts that were merged into a person were sent under their own ids before.
_KNOWN_AS = text("""
WITH person AS (SELECT CAST(:user_id AS text) AS id, CAST(:snowflake AS text) AS snowflake),
members AS (SELECT id FROM person UNION SELECT m.source_id FROM web_merges m JOIN person p ON m.target_id = p.id)
SELECT m.id AS bot_user_id FROM members m, person p
WHERE m.id ~ p.snowflake OR EXISTS (SELECT 1 FROM web_accounts a WHERE a.user_id = m.id)
UNION SELECT i.platform_user_id FROM platform_identities i JOIN person p ON i.universal_id = p.id
WHERE i.platform = 'discord' AND i.platform_user_id ~ p.snowflake
ORDER BY 1 LIMIT :limit""")
_PERSON_OF = text("SELECT target_id FROM web_merges WHERE source_id = :user_id")

_ADD = text("""
INSERT INTO web_memory_erasures (id, person, bot_user_ids, requested_by, reason, requested_at)
VALUES (:id, :person, :bot_user_ids, :requested_by, :reason, :requested_at)""")
_ADD_PARTS = text("""
INSERT INTO web_memory_erasure_parts (erasure_id, bot_name, part, outcome, next_try_at)
SELECT :id, b, p, 'pending', :requested_at FROM unnest(CAST(:bots AS text[])) b, unnest(CAST(:parts AS text[])) p""")
_RECEIPTS = """
SELECT e.*, COALESCE((
    SELECT jsonb_agg(to_jsonb(p) ORDER BY p.bot_name, p.part) FROM web_memory_erasure_parts p WHERE p.erasure_id = e.id
), '[]') AS parts FROM web_memory_erasures e WHERE {wanted} ORDER BY e.id DESC LIMIT :limit"""
_CLAIM = text("""
UPDATE web_memory_erasures SET claimed_until = now() + make_interval(secs => :seconds)
WHERE id = :id AND closed_at IS NULL AND (claimed_until IS NULL OR claimed_until < now()) RETURNING bot_user_ids""")
_LEFT = text("""
SELECT * FROM web_memory_erasure_parts WHERE erasure_id = :id AND outcome <> ALL(:done) ORDER BY bot_name, part""")
_STORE = text("""
UPDATE web_memory_erasure_parts SET outcome = :outcome, was_there = :was_there, attempts = :attempts,
    tried_at = :tried_at, next_try_at = :next_try_at
WHERE erasure_id = :erasure_id AND bot_name = :bot_name AND part = :part""")
_RELEASE = text("UPDATE web_memory_erasures SET claimed_until = NULL WHERE id = :id")
# The ids go with the last thing that they are needed for.
_CLOSE = text("""
UPDATE web_memory_erasures e SET closed_at = now(), bot_user_ids = '{}'
WHERE e.closed_at IS NULL AND (e.claimed_until IS NULL OR e.claimed_until < now()) AND (e.requested_at < :before
    OR (e.id = :id AND NOT EXISTS (
        SELECT 1 FROM web_memory_erasure_parts p WHERE p.erasure_id = e.id AND p.outcome <> ALL(:final))))""")
_BACK = text("""
UPDATE web_memory_erasure_parts p SET next_try_at = :now FROM web_memory_erasures e
WHERE e.id = p.erasure_id AND e.closed_at IS NULL AND p.outcome = 'not_reached' AND p.bot_name = ANY(:bots)
    AND p.next_try_at > :now""")
_DUE = text("""
SELECT DISTINCT e.id FROM web_memory_erasures e JOIN web_memory_erasure_parts p ON p.erasure_id = e.id
WHERE e.closed_at IS NULL AND (e.claimed_until IS NULL OR e.claimed_until < now()) AND p.outcome <> ALL(:final)
    AND p.next_try_at <= :now
ORDER BY e.id LIMIT :limit""")


async def known_as(connection: AsyncConnection, user_id: str, *, snowflake: str, limit: int) -> list[str]:
    """The ids under which a person was ever sent to bots."""
    values = {"user_id": user_id, "snowflake": f"^({snowflake})$", "limit": limit}
    return [row["bot_user_id"] for row in await many(connection, _KNOWN_AS, values)]


async def person_of(connection: AsyncConnection, user_id: str) -> str | None:
    """Whom an account was merged into."""
    row = await one_or_none(connection, _PERSON_OF, {"user_id": user_id})
    return str(row["target_id"]) if row else None


async def add(
    connection: AsyncConnection,
    erasure_id: UUID,
    *,
    person: str,
    bot_user_ids: Sequence[str],
    requested_by: str | None,
    reason: str | None,
    requested_at: datetime,
    bots: Sequence[str],
    parts: Iterable[MemoryPart] = ALL_PARTS,
) -> None:
    """Store what is to be erased, before any bot is told."""
    values = {
        "id": erasure_id,
        "person": person,
        "bot_user_ids": list(bot_user_ids),
        "requested_by": requested_by,
        "reason": reason,
        "requested_at": requested_at,
    }
    await connection.execute(_ADD, values)
    named = {"id": erasure_id, "bots": list(bots), "parts": [str(part) for part in parts]}
    await connection.execute(_ADD_PARTS, named | {"requested_at": requested_at})


async def get(connection: AsyncConnection, erasure_id: UUID) -> Receipt | None:
    """One receipt."""
    found = await many(connection, text(_RECEIPTS.format(wanted="e.id = :id")), {"id": erasure_id, "limit": 1})
    return _receipt(found[0]) if found else None


async def of_people(connection: AsyncConnection, people: Sequence[str], *, limit: int) -> tuple[Receipt, ...]:
    """The newest receipts of people, by their references."""
    wanted = text(_RECEIPTS.format(wanted="e.person = ANY(:people)"))
    return tuple(map(_receipt, await many(connection, wanted, {"people": list(people), "limit": limit})))


async def newest(connection: AsyncConnection, *, is_open: bool, limit: int) -> tuple[Receipt, ...]:
    """The newest receipts of everybody; ``is_open``: only those with something left to try."""
    wanted = text(_RECEIPTS.format(wanted="e.closed_at IS NULL" if is_open else "TRUE"))
    return tuple(map(_receipt, await many(connection, wanted, {"limit": limit})))


async def claim(connection: AsyncConnection, erasure_id: UUID) -> Work | None:
    """Take what is left of an erasure, unless it is closed or somebody else is at it."""
    row = await one_or_none(connection, _CLAIM, {"id": erasure_id, "seconds": CLAIM_S})
    if row is None:
        return None
    parts: dict[str, tuple[ReceiptPart, ...]] = {}
    for left in await many(connection, _LEFT, {"id": erasure_id, "done": _values(FINAL)}):
        parts[left["bot_name"]] = (*parts.get(left["bot_name"], ()), _part(left))
    return Work(bot_user_ids=tuple(row["bot_user_ids"]), parts=parts)


async def finish(connection: AsyncConnection, erasure_id: UUID, parts: Iterable[ReceiptPart], *, now: datetime) -> None:
    """Store what became of parts, and let go; close the receipt when nothing is left to try."""
    values = [
        {
            "erasure_id": erasure_id,
            "bot_name": part.bot_name,
            "part": part.part.value,
            "outcome": part.outcome.value,
            "was_there": part.was_there,
            "attempts": part.attempts,
            "tried_at": part.tried_at,
            "next_try_at": part.next_try_at,
        }
        for part in parts
    ]
    if values:
        await connection.execute(_STORE, values)
    await connection.execute(_RELEASE, {"id": erasure_id})
    await close(connection, erasure_id, now=now)


async def close(connection: AsyncConnection, erasure_id: UUID | None, *, now: datetime) -> int:
    """Close a receipt with nothing left to try, and all that are too old; returns how many."""
    values = {"id": erasure_id, "before": now - LIVES, "final": _values(FINAL)}
    return await affected(connection, _CLOSE, values)


async def bring_forward(connection: AsyncConnection, bots: Iterable[str], *, now: datetime) -> None:
    """Have what was not reached at these bots tried now: they are back."""
    await connection.execute(_BACK, {"bots": list(bots), "now": now})


async def due(connection: AsyncConnection, *, now: datetime, limit: int) -> list[UUID]:
    """Erasures with something to try now."""
    values = {"now": now, "limit": limit, "final": _values(FINAL)}
    return [row["id"] for row in await many(connection, _DUE, values)]


def _values(outcomes: Iterable[ErasureOutcome]) -> list[str]:
    return [outcome.value for outcome in outcomes]


def _receipt(row: RowMapping) -> Receipt:
    parts = tuple(_part(part) for part in row["parts"])
    return Receipt(
        receipt_id=row["id"],
        person=row["person"],
        requested_by=row["requested_by"],
        reason=row["reason"],
        requested_at=row["requested_at"],
        closed_at=row["closed_at"],
        gives_up_at=row["requested_at"] + LIVES,
        state=receipt_state(parts, is_closed=row["closed_at"] is not None),
        parts=parts,
    )


def _part(row: RowMapping | dict[str, object]) -> ReceiptPart:
    return ReceiptPart(
        bot_name=str(row["bot_name"]),
        part=MemoryPart(str(row["part"])),
        outcome=ErasureOutcome(str(row["outcome"])),
        was_there=bool(row["was_there"]),
        attempts=int(str(row["attempts"])),
        tried_at=_at(row["tried_at"]),
        next_try_at=_at(row["next_try_at"]),
    )


def _at(value: object) -> datetime | None:
    """A time of a row, or of the JSON that the database made of one."""
    return datetime.fromisoformat(value) if isinstance(value, str) else value if isinstance(value, datetime) else None
