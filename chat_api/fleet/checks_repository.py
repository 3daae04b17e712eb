"""Health checks of bots, one row each, kept for a day."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, delete, insert, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import many
from chat_api.fleet.schemas import BotStatus, Heartbeat
from models import BotCheck

# A walk down one short index range per bot: the cost grows with the bots, not with the rows that are kept.
_NEWEST = text("""
SELECT b.bot_name, c.checked_at, c.status, c.latency_ms
FROM unnest(CAST(:bot_names AS text[])) AS b (bot_name) CROSS JOIN LATERAL (
    SELECT * FROM web_bot_checks WHERE bot_name = b.bot_name ORDER BY checked_at DESC LIMIT :limit
) c ORDER BY c.checked_at""")


async def add(connection: AsyncConnection, checks: Sequence[tuple[str, Heartbeat]]) -> None:
    """Store one round of checks in one statement."""
    rows = [
        {
            "bot_name": name,
            "checked_at": heartbeat.checked_at,
            "status": heartbeat.status.value,
            "latency_ms": heartbeat.latency_ms,
        }
        for name, heartbeat in checks
    ]
    await connection.execute(insert(BotCheck).values(rows))


async def newest(connection: AsyncConnection, bot_names: Sequence[str], *, limit: int) -> dict[str, list[Heartbeat]]:
    """The last ``limit`` checks of each bot, oldest first."""
    found: dict[str, list[Heartbeat]] = {name: [] for name in bot_names}
    rows = await many(connection, _NEWEST, {"bot_names": list(bot_names), "limit": limit})
    for bot_name, heartbeat in ODD_ROWS.readable("bot checks", rows, _heartbeat):
        found[bot_name].append(heartbeat)
    return found


async def prune(connection: AsyncConnection, *, before: datetime) -> None:
    """Drop what is older than ``before``."""
    await connection.execute(delete(BotCheck).where(BotCheck.checked_at < before))  # type: ignore[arg-type]


def _heartbeat(row: RowMapping) -> tuple[str, Heartbeat]:
    heartbeat = Heartbeat(checked_at=row["checked_at"], status=BotStatus(row["status"]), latency_ms=row["latency_ms"])
    return row["bot_name"], heartbeat
