"""Reads users' event streams: their positions, and the events after a position."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import orjson

from chat_api.core.database import Database
from chat_api.messages.repository import exchange_of
from chat_api.messages.schemas import EventKind, StreamEvent, StreamPosition

_OPEN = """
INSERT INTO web_streams (user_id, epoch) VALUES ($1, gen_random_uuid()) ON CONFLICT (user_id) DO NOTHING"""
_POSITIONS = "SELECT user_id, epoch, last_seq FROM web_streams WHERE user_id = ANY($1::text[])"
_SINCE = """
SELECT e.user_id AS event_user, e.seq AS event_seq, e.kind AS event_kind, e.payload AS event_payload, c.*
FROM unnest($1::text[], $2::bigint[]) AS w (user_id, after)
CROSS JOIN LATERAL (
    SELECT * FROM web_events e WHERE e.user_id = w.user_id AND e.seq > w.after ORDER BY e.seq LIMIT $3
) e
LEFT JOIN web_conversations c ON c.id = e.conversation_id
ORDER BY e.user_id, e.seq"""
# A few at a time, so that no message has to wait.
_PRUNE = """
DELETE FROM web_events WHERE (user_id, seq) IN (
    SELECT user_id, seq FROM web_events WHERE created_at < now() - make_interval(secs => $1) LIMIT $2
) RETURNING 1"""


async def position(database: Database, user_id: str) -> StreamPosition:
    """The current position of a user's stream, which is created if there was none."""
    found = await positions(database, [user_id])
    if user_id not in found:
        await database.fetch(_OPEN, user_id)
        found = await positions(database, [user_id])
    return found[user_id]


async def positions(database: Database, user_ids: list[str]) -> dict[str, StreamPosition]:
    """The positions of many users' streams, in one query."""
    rows = await database.fetch(_POSITIONS, user_ids)
    return {row["user_id"]: StreamPosition(epoch=row["epoch"], seq=row["last_seq"]) for row in rows}


async def since(database: Database, positions: Mapping[str, int], *, limit: int) -> dict[str, list[StreamEvent]]:
    """The first ``limit`` events of each user after a position in the stream, in order."""
    rows = await database.fetch(_SINCE, list(positions), list(positions.values()), limit)
    found: dict[str, list[StreamEvent]] = {user_id: [] for user_id in positions}
    for row in rows:
        found[row["event_user"]].append(_event(row))
    return found


async def turn(database: Database) -> int:
    """A number greater than any before, in any process."""
    (row,) = await database.fetch("SELECT pg_current_xact_id()::text::bigint AS turn")
    return int(row["turn"])


async def prune(database: Database, *, older_than_s: float, limit: int) -> int:
    """Delete events that are too old to be replayed; returns how many."""
    return len(await database.fetch(_PRUNE, older_than_s, limit))


def _event(row: Any) -> StreamEvent:
    payload = row["event_payload"]
    is_about_exchange: UUID | None = row["id"]
    return StreamEvent(
        user_id=row["event_user"],
        seq=row["event_seq"],
        kind=EventKind(row["event_kind"]),
        exchange=exchange_of(row) if is_about_exchange else None,
        payload=orjson.loads(payload) if payload else {},
    )
