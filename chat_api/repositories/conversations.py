"""Exchanges and the stream of events they make. Each function is one statement, and one round trip."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.repositories.rows import affected, many, one_or_none
from chat_api.schemas.messages import ConversationSummary, EventKind, Exchange, Message, MessageRole
from models import MessageStatus

# The counter row is locked until the transaction ends: the order of commits is the order of seq, without gaps.
_NEXT_SEQ = """
WITH stream AS (
    INSERT INTO web_streams (user_id, epoch, last_seq) VALUES (:user_id, gen_random_uuid(), 1)
    ON CONFLICT (user_id) DO UPDATE SET last_seq = web_streams.last_seq + 1 RETURNING last_seq AS seq
)"""

_INSERT = text(
    _NEXT_SEQ
    + """, exchange AS (
    INSERT INTO web_conversations
        (id, user_id, bot_name, user_message, message_type, status, seq, client_msg_id, request_hash, instance_id)
    SELECT :id, :user_id, :bot_name, :content, :message_type, 'pending', seq, :client_msg_id, :request_hash,
        :instance_id FROM stream
    RETURNING *
), event AS (
    INSERT INTO web_events (user_id, seq, kind, conversation_id) SELECT :user_id, seq, 'message', :id FROM stream
)
SELECT * FROM exchange"""
)

# A ``pending`` row is finished once: whoever comes second (a sweep, a late answer) changes nothing, and takes no seq.
_FINISH = """
WITH open AS (
    SELECT id FROM web_conversations WHERE id = :id AND status = ANY(:from_statuses) FOR UPDATE
), stream AS (
    UPDATE web_streams SET last_seq = last_seq + 1 WHERE user_id = :user_id AND EXISTS (SELECT 1 FROM open)
    RETURNING last_seq AS seq
), event AS (
    INSERT INTO web_events (user_id, seq, kind, conversation_id) SELECT :user_id, seq, :kind, :id FROM stream
)
UPDATE web_conversations c SET {changes} FROM stream WHERE c.id = :id RETURNING c.*, stream.seq AS event_seq"""

_ANSWER = text(
    _FINISH.format(
        changes="status = 'answered', bot_response = :response, response_id = :response_id, response_seq = stream.seq,"
        " answered_at = :answered_at, processing_time = :processing_time, error_code = NULL,"
        " metadata = CAST(:metadata AS JSONB)"
    )
)
_FAIL = text(_FINISH.format(changes="status = :status, error_code = :error_code, answered_at = :answered_at"))
_REOPEN = text(
    _FINISH.format(changes="status = 'pending', error_code = NULL, answered_at = NULL, instance_id = :instance_id")
)

_BY_ID = text("SELECT * FROM web_conversations WHERE id = :id AND user_id = :user_id")
_BY_CLIENT_MSG_ID = text("SELECT * FROM web_conversations WHERE user_id = :user_id AND client_msg_id = :client_msg_id")

# Both halves walk their own index backwards, so a page costs the same in a long history as in a short one.
_PAGE = text("""
SELECT * FROM (
    (SELECT 'user' AS role, seq AS place, * FROM web_conversations
     WHERE user_id = :user_id AND bot_name = :bot_name AND seq < :before ORDER BY seq DESC LIMIT :limit)
    UNION ALL
    (SELECT 'bot' AS role, response_seq AS place, * FROM web_conversations
     WHERE user_id = :user_id AND bot_name = :bot_name AND response_seq < :before
     ORDER BY response_seq DESC LIMIT :limit)
) lines ORDER BY place DESC LIMIT :limit""")

_SUMMARIES = text("""
SELECT DISTINCT ON (bot_name) *, CASE WHEN response_seq IS NULL THEN 'user' ELSE 'bot' END AS role,
    COALESCE(response_seq, seq) AS place, count(*) OVER (PARTITION BY bot_name) AS exchange_count
FROM web_conversations WHERE user_id = :user_id ORDER BY bot_name, COALESCE(response_seq, seq) DESC""")

_HEARTBEAT = text("INSERT INTO web_instances (id) VALUES (:id) ON CONFLICT (id) DO UPDATE SET heartbeat_at = now()")
_ORPHANS = text("""
SELECT c.* FROM web_conversations c LEFT JOIN web_instances i ON i.id = c.instance_id
WHERE c.status = 'pending'
    AND (i.id IS NULL OR i.id = :own_id OR i.heartbeat_at < now() - make_interval(secs => :dead_after_s))
ORDER BY c.user_id, c.seq LIMIT 500""")
_FORGET_INSTANCES = text("""
DELETE FROM web_instances i WHERE heartbeat_at < now() - interval '1 day'
    AND NOT EXISTS (SELECT 1 FROM web_conversations c WHERE c.instance_id = i.id AND c.status = 'pending')""")


async def insert(
    connection: AsyncConnection,
    *,
    exchange_id: UUID,
    user_id: str,
    bot_name: str,
    content: str,
    message_type: str,
    client_msg_id: str | None,
    request_hash: bytes,
    instance_id: UUID,
) -> Exchange:
    """Store a user's message, its place in the stream and its event. A known ``client_msg_id`` is an IntegrityError."""
    row = await one_or_none(
        connection,
        _INSERT,
        {
            "id": exchange_id,
            "user_id": user_id,
            "bot_name": bot_name,
            "content": content,
            "message_type": message_type,
            "client_msg_id": client_msg_id,
            "request_hash": request_hash,
            "instance_id": instance_id,
        },
    )
    assert row is not None
    return _exchange(row)


async def answer(
    connection: AsyncConnection,
    exchange: Exchange,
    *,
    response: str,
    response_id: UUID,
    processing_time_s: float,
    answered_at: datetime,
    metadata: Mapping[str, Any],
) -> Exchange | None:
    """Store the bot's answer; ``None`` when the exchange was already finished by somebody else."""
    values = {
        "response": response,
        "response_id": response_id,
        "processing_time": processing_time_s,
        "answered_at": answered_at,
        "metadata": orjson.dumps(dict(metadata)).decode() if metadata else None,
    }
    row = await _finish(connection, _ANSWER, exchange, EventKind.ANSWER, [MessageStatus.PENDING], values)
    return _exchange(row) if row else None


async def fail(
    connection: AsyncConnection, exchange: Exchange, *, status: MessageStatus, error_code: str, at: datetime
) -> tuple[Exchange, int] | None:
    """Mark an exchange failed or interrupted; returns it and its event's seq, ``None`` when it was finished before."""
    values = {"status": status, "error_code": error_code, "answered_at": at}
    row = await _finish(connection, _FAIL, exchange, EventKind.FAILED, [MessageStatus.PENDING], values)
    return (_exchange(row), row["event_seq"]) if row else None


async def reopen(connection: AsyncConnection, exchange: Exchange, *, instance_id: UUID) -> tuple[Exchange, int] | None:
    """Make a failed or interrupted exchange pending again; ``None`` when it is neither (any more)."""
    statuses = [MessageStatus.FAILED, MessageStatus.INTERRUPTED]
    row = await _finish(connection, _REOPEN, exchange, EventKind.RETRIED, statuses, {"instance_id": instance_id})
    return (_exchange(row), row["event_seq"]) if row else None


async def _finish(
    connection: AsyncConnection,
    statement: Any,
    exchange: Exchange,
    kind: EventKind,
    from_statuses: Sequence[MessageStatus],
    values: Mapping[str, Any],
) -> RowMapping | None:
    common = {
        "id": exchange.message_id,
        "user_id": exchange.user_id,
        "kind": kind.value,
        "from_statuses": [status.value for status in from_statuses],
    }
    return await one_or_none(connection, statement, common | dict(values))


async def get(connection: AsyncConnection, user_id: str, exchange_id: UUID) -> Exchange | None:
    """One exchange of this user."""
    row = await one_or_none(connection, _BY_ID, {"id": exchange_id, "user_id": user_id})
    return _exchange(row) if row else None


async def find_twin(
    connection: AsyncConnection, user_id: str, client_msg_id: str
) -> tuple[Exchange, bytes | None] | None:
    """The exchange that was stored under a client's own id, and the hash of what was asked then."""
    row = await one_or_none(connection, _BY_CLIENT_MSG_ID, {"user_id": user_id, "client_msg_id": client_msg_id})
    return (_exchange(row), row["request_hash"]) if row else None


async def page(
    connection: AsyncConnection, user_id: str, bot_name: str, *, before: int, limit: int
) -> tuple[Message, ...]:
    """The ``limit`` lines before a place in the stream, newest first."""
    values = {"user_id": user_id, "bot_name": bot_name, "before": before, "limit": limit}
    return tuple(_message(row) for row in await many(connection, _PAGE, values))


async def summaries(connection: AsyncConnection, user_id: str) -> tuple[ConversationSummary, ...]:
    """The bots a user has talked with, the most recent first."""
    rows = await many(connection, _SUMMARIES, {"user_id": user_id})
    rows.sort(key=lambda row: row["place"], reverse=True)
    return tuple(
        ConversationSummary(bot_name=row["bot_name"], last_message=_message(row), exchange_count=row["exchange_count"])
        for row in rows
    )


async def beat(connection: AsyncConnection, instance_id: UUID) -> None:
    """Say that a process lives, and forget those that have been dead for a day."""
    await connection.execute(_HEARTBEAT, {"id": instance_id})
    await affected(connection, _FORGET_INSTANCES)


async def orphans(connection: AsyncConnection, *, own_id: UUID, dead_after_s: float) -> tuple[Exchange, ...]:
    """Pending exchanges of processes that have not been heard of for a while, and those of our own."""
    values = {"own_id": own_id, "dead_after_s": dead_after_s}
    return tuple(_exchange(row) for row in await many(connection, _ORPHANS, values))


def _exchange(row: RowMapping) -> Exchange:
    return Exchange(
        message_id=row["id"],
        user_id=row["user_id"],
        bot_name=row["bot_name"],
        content=row["user_message"],
        message_type=row["message_type"],
        status=MessageStatus(row["status"]),
        seq=row["seq"],
        timestamp=row["timestamp"],
        client_msg_id=row["client_msg_id"],
        response=row["bot_response"],
        response_id=row["response_id"],
        response_seq=row["response_seq"],
        answered_at=row["answered_at"],
        processing_time=row["processing_time"],
        error_code=row["error_code"],
    )


def _message(row: RowMapping) -> Message:
    is_user = row["role"] == MessageRole.USER
    return Message(
        message_id=row["id"] if is_user else row["response_id"],
        bot_name=row["bot_name"],
        role=MessageRole(row["role"]),
        content=row["user_message"] if is_user else row["bot_response"],
        timestamp=row["timestamp"] if is_user else row["answered_at"],
        seq=row["place"],
        status=MessageStatus(row["status"]),
        error_code=row["error_code"] if is_user else None,
        client_msg_id=row["client_msg_id"] if is_user else None,
        reply_to=None if is_user else row["id"],
    )
