"""Changes of stored messages by their owner: edits, deletions, reactions, read marks. Each is one transaction.

A statement that changes something also appends an event at the next position of the user's stream. Rows are always
locked in the same order: exchange, then stream, then thread.
"""

from uuid import UUID

from chat_api.core.database import Database
from chat_api.messages.repository import exchange_of
from chat_api.messages.schemas import Exchange, MessageVersion

_NEXT_SEQ = """, stream AS (
    UPDATE web_streams s SET last_seq = last_seq + 1 FROM changed WHERE s.user_id = $1 RETURNING s.last_seq AS event_seq
), event AS (
    INSERT INTO web_events (user_id, seq, kind, conversation_id, payload)
    SELECT $1, event_seq, {kind}, {conversation_id}, {payload}::jsonb FROM stream
)"""

_EDIT = f"""
WITH changed AS (
    SELECT * FROM web_conversations
    WHERE id = $2 AND user_id = $1 AND version = $3 AND deleted_at IS NULL FOR UPDATE
), kept AS (
    INSERT INTO web_message_versions (message_id, version, content) SELECT id, version, user_message FROM changed
){_NEXT_SEQ.format(kind="'edited'", conversation_id="$2", payload="jsonb_build_object('version', $3::integer + 1)")}
UPDATE web_conversations c SET user_message = $4, version = c.version + 1, edited_at = now()
FROM stream WHERE c.id = $2 RETURNING c.*, stream.event_seq"""

# Idempotency keys stay, because they are permanent; the texts go, earlier versions included.
_DELETE_MESSAGE = f"""
WITH changed AS (
    SELECT id FROM web_conversations
    WHERE id = $2 AND user_id = $1 AND status <> 'pending' AND deleted_at IS NULL FOR UPDATE
), versions AS (
    DELETE FROM web_message_versions v USING changed WHERE v.message_id = changed.id
), reactions AS (
    DELETE FROM web_reactions r USING changed WHERE r.message_id = changed.id
){_NEXT_SEQ.format(kind="'deleted'", conversation_id="$2", payload="jsonb_build_object('message_id', $2::uuid)")}
UPDATE web_conversations c SET user_message = '', deleted_at = now()
FROM stream WHERE c.id = $2 RETURNING c.*, stream.event_seq"""
_DELETE_ANSWER = f"""
WITH changed AS (
    SELECT id, response_id FROM web_conversations
    WHERE id = $2 AND user_id = $1 AND response_seq IS NOT NULL AND response_deleted_at IS NULL FOR UPDATE
), reactions AS (
    DELETE FROM web_reactions r USING changed WHERE r.message_id = changed.response_id
){_NEXT_SEQ.format(kind="'deleted'", conversation_id="$2", payload="jsonb_build_object('message_id', $3::uuid)")}
UPDATE web_conversations c SET bot_response = '', metadata = NULL, response_deleted_at = now()
FROM stream WHERE c.id = $2 RETURNING c.*, stream.event_seq"""

_REACTED = "jsonb_build_object('message_id', $3::uuid, 'emoji', $4::text, 'action', '{action}')"
_REACT = f"""
WITH target AS (
    SELECT id FROM web_conversations WHERE id = $2 AND user_id = $1 FOR UPDATE
), changed AS (
    INSERT INTO web_reactions (message_id, emoji, conversation_id)
    SELECT $3, $4, id FROM target
    WHERE (SELECT count(*) FROM web_reactions WHERE message_id = $3) < $5
    ON CONFLICT DO NOTHING RETURNING 1
){_NEXT_SEQ.format(kind="'reaction'", conversation_id="$2", payload=_REACTED.format(action="added"))}
SELECT event_seq FROM stream"""
_UNREACT = f"""
WITH target AS (
    SELECT id FROM web_conversations WHERE id = $2 AND user_id = $1 FOR UPDATE
), changed AS (
    DELETE FROM web_reactions r USING target WHERE r.message_id = $3 AND r.emoji = $4 RETURNING 1
){_NEXT_SEQ.format(kind="'reaction'", conversation_id="$2", payload=_REACTED.format(action="removed"))}
SELECT event_seq FROM stream"""

_READ_PAYLOAD = "jsonb_build_object('bot_name', $2::text, 'up_to', LEAST($3::bigint, event_seq - 1))"
_MARK_READ = f"""
WITH mine AS (
    SELECT last_seq FROM web_streams WHERE user_id = $1 FOR UPDATE
), changed AS (
    UPDATE web_threads t SET read_up_to = LEAST($3::bigint, mine.last_seq) FROM mine
    WHERE t.user_id = $1 AND t.bot_name = $2 AND t.read_up_to < LEAST($3::bigint, mine.last_seq) RETURNING t.read_up_to
){_NEXT_SEQ.format(kind="'read'", conversation_id="NULL", payload=_READ_PAYLOAD)}
SELECT event_seq, read_up_to FROM stream, changed"""

_VERSIONS = "SELECT version, content, replaced_at FROM web_message_versions WHERE message_id = $1 ORDER BY version"


async def edit(
    database: Database, user_id: str, message_id: UUID, *, version: int, content: str
) -> tuple[Exchange, int] | None:
    """Change a message's text if its version is still the edited one; returns the seq of the event."""
    rows = await database.fetch(_EDIT, user_id, message_id, version, content)
    return (exchange_of(rows[0]), rows[0]["event_seq"]) if rows else None


async def delete_message(database: Database, user_id: str, message_id: UUID) -> tuple[Exchange, int] | None:
    """Erase the text of a message; ``None`` if it is being answered or already erased."""
    rows = await database.fetch(_DELETE_MESSAGE, user_id, message_id)
    return (exchange_of(rows[0]), rows[0]["event_seq"]) if rows else None


async def delete_answer(database: Database, exchange: Exchange) -> tuple[Exchange, int] | None:
    """Erase the text of an exchange's answer; ``None`` if it is already erased."""
    rows = await database.fetch(_DELETE_ANSWER, exchange.user_id, exchange.message_id, exchange.response_id)
    return (exchange_of(rows[0]), rows[0]["event_seq"]) if rows else None


async def react(database: Database, exchange: Exchange, line_id: UUID, emoji: str, *, limit: int) -> int | None:
    """Add an emoji; returns the seq of the event, ``None`` if it is already there or there are too many."""
    rows = await database.fetch(_REACT, exchange.user_id, exchange.message_id, line_id, emoji, limit)
    return rows[0]["event_seq"] if rows else None


async def unreact(database: Database, exchange: Exchange, line_id: UUID, emoji: str) -> int | None:
    """Remove an emoji; returns the seq of the event, ``None`` if there was none."""
    rows = await database.fetch(_UNREACT, exchange.user_id, exchange.message_id, line_id, emoji)
    return rows[0]["event_seq"] if rows else None


async def reactions(database: Database, line_id: UUID) -> tuple[str, ...]:
    """The emoji on a message or answer, oldest first."""
    rows = await database.fetch("SELECT emoji FROM web_reactions WHERE message_id = $1 ORDER BY created_at", line_id)
    return tuple(row["emoji"] for row in rows)


async def mark_read(database: Database, user_id: str, bot_name: str, *, up_to: int) -> tuple[int, int] | None:
    """Move a read mark forward, at most to the end of the stream: (seq of the event, mark), or ``None``."""
    rows = await database.fetch(_MARK_READ, user_id, bot_name, up_to)
    return (rows[0]["event_seq"], rows[0]["read_up_to"]) if rows else None


async def versions(database: Database, message_id: UUID) -> tuple[MessageVersion, ...]:
    """What a message said before, oldest first."""
    return tuple(MessageVersion(**row) for row in await database.fetch(_VERSIONS, message_id))
