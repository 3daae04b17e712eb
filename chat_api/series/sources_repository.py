"""By which door messages came: counted once an hour is over, as all use is."""

from datetime import datetime

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import many
from chat_api.series.analytics_schemas import CHAT_SOURCE

_DELETE = text("DELETE FROM web_usage_sources WHERE start = :start")
_COUNT = text("""
INSERT INTO web_usage_sources (start, source, messages)
SELECT :start, COALESCE(source, :chat), count(*) FROM web_conversations
WHERE timestamp >= :start AND timestamp < :start + interval '1 hour' GROUP BY 2""")
_SUMS = text("""
SELECT source, sum(messages)::bigint AS messages FROM web_usage_sources
WHERE start >= :since AND start < :until GROUP BY source ORDER BY messages DESC, source""")


async def count_hour(connection: AsyncConnection, start: datetime) -> None:
    """Count one hour anew."""
    await connection.execute(_DELETE, {"start": start})
    await connection.execute(_COUNT, {"start": start, "chat": CHAT_SOURCE})


async def sums(connection: AsyncConnection, *, since: datetime, until: datetime) -> dict[str, int]:
    """How many messages came by which door, the most first."""
    return {row["source"]: row["messages"] for row in await many(connection, _SUMS, {"since": since, "until": until})}
