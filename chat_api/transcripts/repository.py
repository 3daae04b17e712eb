"""Conversations of all people, found and deleted by administrators.

A search looks at a bounded number of exchanges, newest first, along the index of their times: it costs the same with a
million messages as with ten thousand, and no index on their texts makes every message dearer. See decision 41.
"""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.database import Database
from chat_api.core.rows import many
from chat_api.people.repository import NAMES, USERNAME, like
from chat_api.people.schemas import ThreadView
from chat_api.transcripts.schemas import Finds

# Deleted texts are empty, so words are never found in them.
_SEARCH = """
WITH looked AS MATERIALIZED (
    SELECT user_id, bot_name, timestamp, {texts} FROM web_conversations
    WHERE timestamp < :until AND timestamp >= :since {people} ORDER BY timestamp DESC
    FETCH FIRST :limit ROWS WITH TIES -- those of one moment are looked at together, so none is passed over
), found AS (
    SELECT user_id, bot_name, count(*) AS exchanges, max(timestamp) AS last_at FROM looked
    WHERE (CAST(:bot_name AS text) IS NULL OR bot_name = :bot_name) {words} GROUP BY user_id, bot_name
), edge AS (SELECT count(*) AS looked_at, min(timestamp) AS oldest FROM looked)
SELECT f.user_id, f.bot_name, f.exchanges, f.last_at, {username}, edge.looked_at, edge.oldest
FROM edge LEFT JOIN found f ON TRUE {names} ORDER BY f.last_at DESC NULLS LAST, f.user_id, f.bot_name"""
_PEOPLE = text("""
SELECT user_id FROM web_accounts WHERE user_id = :exact OR username ILIKE :pattern OR display_name ILIKE :pattern
UNION SELECT universal_id FROM universal_users WHERE universal_id = :exact LIMIT :limit""")
_COUNTS = """
SELECT count(*) FILTER (WHERE status <> 'pending' AND deleted_at IS NULL) AS open,
    count(*) FILTER (WHERE status = 'pending') AS pending
FROM web_conversations WHERE user_id = $1 AND bot_name = $2"""

# The same as the owner's own deletion (see changes), for many exchanges: each line takes a place of the stream.
_DELETE = """
WITH changed AS (
    SELECT id, response_id, deleted_at IS NULL AS has_message,
        response_id IS NOT NULL AND response_deleted_at IS NULL AS has_answer
    FROM web_conversations
    WHERE user_id = $1 AND bot_name = $2 AND status <> 'pending'
        AND (deleted_at IS NULL OR (response_id IS NOT NULL AND response_deleted_at IS NULL))
    ORDER BY id LIMIT $3 FOR UPDATE
), lines AS (
    SELECT id, id AS line_id, 0 AS half FROM changed WHERE has_message
    UNION ALL SELECT id, response_id, 1 FROM changed WHERE has_answer
), versions AS (
    DELETE FROM web_message_versions v USING changed WHERE v.message_id = changed.id
), reactions AS (
    DELETE FROM web_reactions r USING lines WHERE r.message_id = lines.line_id
), stream AS (
    UPDATE web_streams s SET last_seq = s.last_seq + n.lines FROM (SELECT count(*) AS lines FROM lines) n
    WHERE s.user_id = $1 AND n.lines > 0 RETURNING s.last_seq, n.lines
), event AS (
    INSERT INTO web_events (user_id, seq, kind, conversation_id, payload)
    SELECT $1, stream.last_seq - stream.lines + row_number() OVER (ORDER BY l.id, l.half), 'deleted', l.id,
        jsonb_build_object('message_id', l.line_id)
    FROM lines l, stream
)
UPDATE web_conversations c SET user_message = '', bot_response = CASE WHEN has_answer THEN '' ELSE bot_response END,
    metadata = CASE WHEN has_answer THEN NULL ELSE metadata END, deleted_at = COALESCE(c.deleted_at, now()),
    response_deleted_at = CASE WHEN has_answer THEN now() ELSE c.response_deleted_at END
FROM changed, stream WHERE c.id = changed.id RETURNING stream.last_seq"""


_THREAD = tuple(field.name for field in fields(ThreadView))


async def people_named(connection: AsyncConnection, name: str, *, limit: int) -> list[str]:
    """The ids of people with a word in their names, or with this id."""
    values = {"exact": name, "pattern": like(name), "limit": limit}
    return [row["user_id"] for row in await many(connection, _PEOPLE, values)]


async def search(
    connection: AsyncConnection,
    *,
    user_ids: Sequence[str] | None,
    bot_name: str | None,
    words: str | None,
    since: datetime,
    until: datetime,
    limit: int,
) -> Finds:
    """Conversations among the last ``limit`` exchanges before ``until``, and how far that went."""
    statement = _SEARCH.format(
        texts="user_message, bot_response" if words else "1",
        people="AND user_id = ANY(:user_ids)" if user_ids is not None else "",
        words="AND (user_message ILIKE :pattern OR bot_response ILIKE :pattern)" if words else "",
        username=USERNAME,
        names=NAMES,
    )
    values = {"until": until, "since": since, "limit": limit, "bot_name": bot_name}
    values |= {"user_ids": list(user_ids)} if user_ids is not None else {}
    values |= {"pattern": like(words)} if words else {}
    rows = await many(connection, text(statement), values)  # one without a person, when nothing was found
    looked_at = rows[0]["looked_at"]
    return Finds(
        threads=tuple(ThreadView(**{name: row[name] for name in _THREAD}) for row in rows if row["user_id"]),
        next_until=rows[0]["oldest"] if looked_at >= limit else None,
        looked_at=looked_at,
    )


async def counts(database: Database, user_id: str, bot_name: str) -> tuple[int, int]:
    """How many messages of a conversation can be deleted, and how many are being answered."""
    (row,) = await database.fetch(_COUNTS, user_id, bot_name)
    return row["open"], row["pending"]


async def delete_some(database: Database, user_id: str, bot_name: str, *, limit: int) -> tuple[int, int]:
    """Erase the texts of up to ``limit`` exchanges: how many it were, and the last place of the stream."""
    rows = await database.fetch(_DELETE, user_id, bot_name, limit)
    return len(rows), rows[0]["last_seq"] if rows else 0
