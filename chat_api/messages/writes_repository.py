"""Stores messages and their outcomes: the two statements that every message needs.

Each takes a batch of any users' messages, in one transaction and one round trip. The counter row of a user's stream
stays locked until the transaction ends, so commits are in the order of ``seq``, without gaps. Rows are locked in the
order of their keys, so that processes cannot deadlock.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import orjson

from chat_api.core.database import Database
from chat_api.messages.schemas import Acceptance, NewMessage, Outcome

# A message whose key is already known is skipped and takes no seq.
_ACCEPT = """
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::bytea[],
        $9::text[], $10::uuid[], $11::text[])
        WITH ORDINALITY AS i (id, user_id, bot_name, content, message_type, client_msg_id, request_hash, source,
            api_key_id, client_conversation, place)
), fresh AS (
    SELECT i.* FROM input i LEFT JOIN web_conversations c USING (user_id, client_msg_id) WHERE c.id IS NULL
), stream AS (
    INSERT INTO web_streams AS s (user_id, epoch, last_seq, last_instance)
    SELECT user_id, gen_random_uuid(), count(*), $8 FROM fresh GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET last_seq = s.last_seq + EXCLUDED.last_seq,
        previous_instance = s.last_instance, last_instance = EXCLUDED.last_instance
    RETURNING user_id, last_seq, previous_instance
), placed AS (
    SELECT f.*, s.previous_instance, s.last_seq + row_number() OVER mine - count(*) OVER (PARTITION BY user_id) AS seq
    FROM fresh f JOIN stream s USING (user_id) WINDOW mine AS (PARTITION BY user_id ORDER BY place)
), thread AS (
    INSERT INTO web_threads AS t (user_id, bot_name, exchange_count)
    SELECT user_id, bot_name, count(*) FROM placed GROUP BY user_id, bot_name ORDER BY user_id, bot_name
    ON CONFLICT (user_id, bot_name) DO UPDATE SET exchange_count = t.exchange_count + EXCLUDED.exchange_count
), event AS (
    INSERT INTO web_events (user_id, seq, kind, conversation_id) SELECT user_id, seq, 'message', id FROM placed
), exchange AS (
    INSERT INTO web_conversations (id, user_id, bot_name, user_message, message_type, status, seq, run_seq,
        client_msg_id, request_hash, instance_id, source, api_key_id, client_conversation)
    SELECT id, user_id, bot_name, content, message_type, 'pending', seq, seq, client_msg_id, request_hash, $8,
        source, api_key_id, client_conversation
    FROM placed
)
SELECT id, seq, now() AS timestamp, previous_instance <> $8 AS is_shared FROM placed"""

# A ``pending`` exchange is finished once, by the run that it waits for: whoever comes second (a sweep, a late answer of
# an earlier run) changes nothing, and takes no seq.
_FINISH = """
WITH input AS (
    SELECT * FROM unnest($1::uuid[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::uuid[], $7::float8[],
        $8::text[], $9::text[], $10::text[])
        WITH ORDINALITY AS i (id, run_seq, status, kind, response, response_id, processing_time, metadata,
            finish_reason, error_code, place)
), open AS (
    SELECT i.*, c.user_id FROM web_conversations c JOIN input i USING (id)
    WHERE c.status = 'pending' AND COALESCE(c.run_seq, c.seq) = i.run_seq ORDER BY c.id FOR UPDATE OF c
), stream AS (
    INSERT INTO web_streams AS s (user_id, epoch, last_seq)
    SELECT user_id, gen_random_uuid(), count(*) FROM open GROUP BY user_id ORDER BY user_id
    ON CONFLICT (user_id) DO UPDATE SET last_seq = s.last_seq + EXCLUDED.last_seq RETURNING user_id, last_seq
), placed AS (
    SELECT o.*, s.last_seq + row_number() OVER mine - count(*) OVER (PARTITION BY user_id) AS event_seq
    FROM open o JOIN stream s USING (user_id) WINDOW mine AS (PARTITION BY user_id ORDER BY place)
), event AS (
    INSERT INTO web_events (user_id, seq, kind, conversation_id, payload)
    SELECT user_id, event_seq, kind, id, CASE WHEN kind = 'failed' THEN jsonb_build_object('code', error_code) END
    FROM placed
)
UPDATE web_conversations c SET status = p.status, bot_response = p.response, response_id = p.response_id,
    response_seq = CASE WHEN p.kind = 'answer' THEN p.event_seq END, answered_at = now(),
    processing_time = p.processing_time, metadata = p.metadata::jsonb, finish_reason = p.finish_reason,
    error_code = p.error_code
FROM placed p WHERE c.id = p.id RETURNING c.id, p.event_seq, c.answered_at"""

# Only needed while two processes store messages of the same user: then the table has their order.
_OTHERS = """
SELECT COALESCE(bool_or(bot_name = $2 AND COALESCE(run_seq, seq) < $3), FALSE) AS is_ahead, count(*) > 0 AS is_any
FROM web_conversations WHERE user_id = $1 AND status = 'pending' AND instance_id <> $4"""


class DuplicateStored(Exception):
    """A message of the same user is already stored under the same key."""


async def accept(database: Database, messages: Sequence[NewMessage], *, instance_id: UUID) -> list[Acceptance | None]:
    """Store messages with their events; ``None`` for one whose ``client_msg_id`` is already known.

    Raises: DatabaseUnavailable; DuplicateStored when another process stores the same message concurrently.
    """
    try:
        rows = await database.fetch(*_accept_arguments(messages, instance_id))
    except asyncpg.UniqueViolationError as error:
        raise DuplicateStored from error
    stored = {
        row["id"]: Acceptance(seq=row["seq"], timestamp=row["timestamp"], is_shared=bool(row["is_shared"]))
        for row in rows
    }
    return [stored.get(message.message_id) for message in messages]


def _accept_arguments(messages: Sequence[NewMessage], instance_id: UUID) -> tuple[Any, ...]:
    return (
        _ACCEPT,
        [message.message_id for message in messages],
        [message.user_id for message in messages],
        [message.bot_name for message in messages],
        [message.content for message in messages],
        [message.message_type for message in messages],
        [message.client_msg_id for message in messages],
        [message.request_hash for message in messages],
        instance_id,
        [message.came_by.source.value if message.came_by else None for message in messages],
        [message.came_by.key_id if message.came_by else None for message in messages],
        [message.came_by.conversation if message.came_by else None for message in messages],
    )


async def finish(database: Database, outcomes: Sequence[Outcome]) -> list[tuple[int, datetime] | None]:
    """Store outcomes with their events: returns each one's seq and time, ``None`` if it was already finished."""
    rows = await database.fetch(
        _FINISH,
        [outcome.message_id for outcome in outcomes],
        [outcome.run_seq for outcome in outcomes],
        [outcome.status.value for outcome in outcomes],
        [outcome.kind.value for outcome in outcomes],
        [outcome.response for outcome in outcomes],
        [outcome.response_id for outcome in outcomes],
        [outcome.processing_time_s for outcome in outcomes],
        [orjson.dumps(outcome.metadata).decode() if outcome.metadata else None for outcome in outcomes],
        [outcome.finish_reason.value if outcome.finish_reason else None for outcome in outcomes],
        [outcome.error_code for outcome in outcomes],
    )
    stored = {row["id"]: (row["event_seq"], row["answered_at"]) for row in rows}
    return [stored.get(outcome.message_id) for outcome in outcomes]


async def others_pending(
    database: Database, user_id: str, bot_name: str, *, run_seq: int, instance_id: UUID
) -> tuple[bool, bool]:
    """Whether other processes answer this user: an earlier message to the same bot, and any message at all."""
    (row,) = await database.fetch(_OTHERS, user_id, bot_name, run_seq, instance_id)
    return row["is_ahead"], row["is_any"]
