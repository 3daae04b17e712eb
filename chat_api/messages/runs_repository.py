"""Calls of bots as shared by all processes: heartbeats, orphaned exchanges, retries and requests to stop."""

from collections.abc import Sequence
from uuid import UUID

from chat_api.core.database import Database
from chat_api.messages.repository import exchange_of
from chat_api.messages.schemas import Exchange

_HEARTBEAT = """
WITH alive AS (
    INSERT INTO web_instances (id) VALUES ($1) ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()
)
SELECT id FROM web_conversations WHERE status = 'pending' AND instance_id = $1 AND stop_requested_at IS NOT NULL"""
_ORPHANS = """
SELECT c.* FROM web_conversations c LEFT JOIN web_instances i ON i.id = c.instance_id
WHERE c.status = 'pending'
    AND (i.id IS NULL OR i.id = $1 OR i.heartbeat_at < now() - make_interval(secs => $2))
ORDER BY c.user_id, c.seq LIMIT 500"""
_PRUNE_INSTANCES = """
DELETE FROM web_instances i WHERE heartbeat_at < now() - interval '1 day'
    AND NOT EXISTS (SELECT 1 FROM web_conversations c WHERE c.instance_id = i.id AND c.status = 'pending')"""
_REOPEN = """
WITH open AS (
    SELECT id, user_id, response_id FROM web_conversations
    WHERE id = $1 AND user_id = $2 AND deleted_at IS NULL AND (status IN ('failed', 'interrupted')
        OR status = 'answered' AND finish_reason = 'truncated' AND response_deleted_at IS NULL) FOR UPDATE
), reactions AS (
    DELETE FROM web_reactions r USING open WHERE r.message_id = open.response_id
), stream AS (
    UPDATE web_streams s SET last_seq = last_seq + 1, previous_instance = s.last_instance, last_instance = $3
    FROM open WHERE s.user_id = open.user_id RETURNING s.last_seq AS event_seq, s.previous_instance
), event AS (
    INSERT INTO web_events (user_id, seq, kind, conversation_id) SELECT $2, event_seq, 'retried', $1 FROM stream
)
UPDATE web_conversations c SET status = 'pending', error_code = NULL, answered_at = NULL, stop_requested_at = NULL,
    instance_id = $3, run_seq = stream.event_seq, bot_response = '', response_id = NULL, response_seq = NULL,
    finish_reason = NULL, processing_time = NULL, metadata = NULL
FROM stream WHERE c.id = $1 RETURNING c.*, stream.previous_instance <> $3 AS is_shared"""
# An answer has no position in the stream yet. Rows are locked in the order of their keys, as in ``finish``.
_KEEP = """
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::uuid[], $4::text[]) AS i (id, run_seq, response_id, said)
), open AS (
    SELECT i.* FROM web_conversations c JOIN input i USING (id)
    WHERE c.status = 'pending' AND COALESCE(c.run_seq, c.seq) = i.run_seq ORDER BY c.id FOR UPDATE OF c
)
UPDATE web_conversations c SET bot_response = open.said, response_id = open.response_id
FROM open WHERE c.id = open.id"""
_REQUEST_STOP = """
UPDATE web_conversations SET stop_requested_at = COALESCE(stop_requested_at, now())
WHERE id = $1 AND user_id = $2 AND status = 'pending' RETURNING id"""


async def heartbeat(database: Database, instance_id: UUID) -> set[UUID]:
    """Record a process's heartbeat; returns its running messages that should stop."""
    return {row["id"] for row in await database.fetch(_HEARTBEAT, instance_id)}


async def prune_instances(database: Database) -> None:
    """Delete the records of processes that have been dead for a day."""
    await database.fetch(_PRUNE_INSTANCES)


async def orphans(database: Database, *, own_id: UUID, dead_after_s: float) -> tuple[Exchange, ...]:
    """Pending exchanges of processes without a recent heartbeat, and our own."""
    return tuple(exchange_of(row) for row in await database.fetch(_ORPHANS, own_id, dead_after_s))


async def reopen(database: Database, exchange: Exchange, *, instance_id: UUID) -> tuple[Exchange, bool] | None:
    """Make a failed, interrupted or cut-off exchange pending again, as a run of this process.

    Returns: the exchange, whose ``run_seq`` is the event's, and whether another process stored the user's message
    before; ``None`` if there is nothing to retry (any more).
    """
    rows = await database.fetch(_REOPEN, exchange.message_id, exchange.user_id, instance_id)
    return (exchange_of(rows[0]), bool(rows[0]["is_shared"])) if rows else None


async def keep_parts(database: Database, parts: Sequence[tuple[UUID, int, UUID, str]]) -> None:
    """Save partial answers in case this process dies: message, run, answer's id, text."""
    await database.fetch(_KEEP, *(list(column) for column in zip(*parts, strict=True)))


async def request_stop(database: Database, user_id: str, message_id: UUID) -> bool:
    """Request that a running answer be stopped; returns whether it is running."""
    return bool(await database.fetch(_REQUEST_STOP, message_id, user_id))
