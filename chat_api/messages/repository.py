"""Exchanges and conversations, read. Every statement finds its rows by an index, however long a history is."""

from typing import Any
from uuid import UUID

from chat_api.core.database import Database
from chat_api.messages.schemas import ConversationSummary, Exchange, Message, MessagePage, MessageRole
from models import FinishReason, MessageStatus

MAX_UNREAD = 100

_BY_ID = "SELECT * FROM web_conversations WHERE id = $1 AND user_id = $2"
_BY_EITHER_ID = """
SELECT * FROM web_conversations WHERE user_id = $2 AND id = $1
UNION ALL SELECT * FROM web_conversations WHERE user_id = $2 AND response_id = $1 AND response_seq IS NOT NULL"""
_BY_CLIENT_MSG_ID = "SELECT * FROM web_conversations WHERE user_id = $1 AND client_msg_id = $2"

# Both halves walk their own index backwards, so a page costs the same in a long history as in a short one.
_LINES = """
SELECT lines.*, ARRAY(SELECT emoji FROM web_reactions r WHERE r.message_id = lines.line_id ORDER BY r.created_at)
    AS reactions
FROM (
    (SELECT 'user' AS role, seq AS place, id AS line_id, * FROM web_conversations
     WHERE user_id = {user_id} AND bot_name = {bot_name} AND seq < {before} AND deleted_at IS NULL
     ORDER BY seq DESC LIMIT {limit})
    UNION ALL
    (SELECT 'bot' AS role, response_seq AS place, response_id AS line_id, * FROM web_conversations
     WHERE user_id = {user_id} AND bot_name = {bot_name} AND response_seq < {before} AND response_deleted_at IS NULL
     ORDER BY response_seq DESC LIMIT {limit})
) lines ORDER BY place DESC LIMIT {limit}"""
_PAGE = _LINES.format(user_id="$1", bot_name="$2", before="$3", limit="$4")
_SUMMARIES = f"""
SELECT t.exchange_count, t.read_up_to, line.*, (
    SELECT count(*) FROM (
        SELECT 1 FROM web_conversations c
        WHERE c.user_id = t.user_id AND c.bot_name = t.bot_name AND c.response_seq > t.read_up_to
            AND c.response_deleted_at IS NULL
        LIMIT {MAX_UNREAD}
    ) unread
) AS unread_count
FROM web_threads t
CROSS JOIN LATERAL ({_LINES.format(user_id="t.user_id", bot_name="t.bot_name", before=2**62, limit=1)}) line
WHERE t.user_id = $1 ORDER BY line.place DESC"""


async def get(database: Database, user_id: str, message_id: UUID) -> Exchange | None:
    """One exchange of this user, by the id of its message."""
    rows = await database.fetch(_BY_ID, message_id, user_id)
    return exchange_of(rows[0]) if rows else None


async def find(database: Database, user_id: str, message_id: UUID) -> Exchange | None:
    """One exchange of this user, by the id of its message or of its answer."""
    rows = await database.fetch(_BY_EITHER_ID, message_id, user_id)
    return exchange_of(rows[0]) if rows else None


async def find_duplicate(database: Database, user_id: str, client_msg_id: str) -> tuple[Exchange, bytes | None] | None:
    """The exchange stored under a client's own id, with the hash of its request."""
    rows = await database.fetch(_BY_CLIENT_MSG_ID, user_id, client_msg_id)
    return (exchange_of(rows[0]), rows[0]["request_hash"]) if rows else None


async def page(database: Database, user_id: str, bot_name: str, *, before: int, limit: int) -> MessagePage:
    """The ``limit`` lines before a position in the stream, newest first, without deleted ones."""
    rows = await database.fetch(_PAGE, user_id, bot_name, before, limit + 1)
    messages = tuple(_message(row) for row in rows[:limit])
    return MessagePage(messages=messages, next_before=messages[-1].seq if len(rows) > limit else None)


async def summaries(database: Database, user_id: str) -> tuple[ConversationSummary, ...]:
    """The bots a user has talked with, the most recent first."""
    return tuple(
        ConversationSummary(
            bot_name=row["bot_name"],
            last_message=_message(row),
            exchange_count=row["exchange_count"],
            read_up_to=row["read_up_to"],
            unread_count=row["unread_count"],
        )
        for row in await database.fetch(_SUMMARIES, user_id)
    )


def exchange_of(row: Any) -> Exchange:
    """An exchange from a whole row of its table."""
    return Exchange(
        message_id=row["id"],
        user_id=row["user_id"],
        bot_name=row["bot_name"],
        content=row["user_message"],
        message_type=row["message_type"],
        status=MessageStatus(row["status"]),
        seq=row["seq"],
        run_seq=row["run_seq"] or row["seq"],
        timestamp=row["timestamp"],
        client_msg_id=row["client_msg_id"],
        response=row["bot_response"],
        response_id=row["response_id"],
        response_seq=row["response_seq"],
        answered_at=row["answered_at"],
        processing_time=row["processing_time"],
        error_code=row["error_code"],
        finish_reason=_finish_reason(row),
        version=row["version"],
        edited_at=row["edited_at"],
        is_deleted=row["deleted_at"] is not None,
        is_response_deleted=row["response_deleted_at"] is not None,
    )


def _finish_reason(row: Any) -> FinishReason | None:
    """Answers older than the column are complete; the part of a running answer has no finish reason yet."""
    if row["response_seq"] is None:
        return None
    return FinishReason(row["finish_reason"] or FinishReason.STOP)


def _message(row: Any) -> Message:
    exchange, reactions = exchange_of(row), tuple(row["reactions"])
    if row["role"] == MessageRole.USER:
        return exchange.question(reactions=reactions)
    answer = exchange.answer(reactions=reactions)
    assert answer is not None  # the query gives a line for an answer only where there is one
    return answer
