"""Counting in ``v2_chat_history``, by its primary key. No text of a message is ever selected.

The table has no index on its time. Its ids grow with it, so the first id of a window is found by halving, a look-up in
the primary key each, and only the rows from there on are read.

Source: bot contract, "Shared stores"; v2's migrations.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from chat_api.core.fleet_database import FleetConnection, columns_of
from chat_api.core.store_faults import StoreFault, StoreUnreadable

TABLE = "v2_chat_history"
# Rows of transactions that took long have an earlier time than their neighbours.
MARGIN = timedelta(minutes=10)
MAX_HALVINGS = 64
_BOTS = "'ai', 'assistant'"


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryCount:
    """The messages of one bot in one step: of people and of the bot on Discord, and all over HTTP."""

    bot_name: str
    at: datetime
    people: int
    bot: int
    api: int
    last_at: datetime

    def plus(self, other: "HistoryCount") -> "HistoryCount":
        """Both together, for a bot that is spelt in two ways."""
        return HistoryCount(
            bot_name=self.bot_name,
            at=self.at,
            people=self.people + other.people,
            bot=self.bot + other.bot,
            api=self.api + other.api,
            last_at=max(self.last_at, other.last_at),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What was counted, in which zone times were understood, and the newest time of all."""

    zone: str | None
    newest_at: datetime | None
    counts: tuple[HistoryCount, ...]


async def count(
    connection: FleetConnection, *, since: datetime, until: datetime, step_s: int, zone: str | None
) -> History:
    """The messages between two times by bot and step. ``zone``: where the database's own is not the right one.

    Raises: StoreUnreadable without such a table.
    """
    columns = await columns_of(connection, TABLE)
    if not {"id", "character_name", "role", "timestamp"} <= columns.keys():
        raise StoreUnreadable(StoreFault.ABSENT, f"no table {TABLE}")
    is_zoned = columns["timestamp"] == "timestamp with time zone"
    zone = None if is_zoned else zone or str(await connection.fetchval("SELECT current_setting('TimeZone')"))
    at = "timestamp" if zone is None else f"timezone('{zone.replace(chr(39), chr(39) * 2)}', timestamp)"
    first, newest_at = await _first_id(connection, at, since - MARGIN)
    optional = await columns_of(connection, TABLE, is_readable=True)
    rows = await connection.fetch(_counting(at, optional), first, since, until, step_s) if first is not None else []
    return History(zone=zone, newest_at=newest_at, counts=tuple(HistoryCount(**dict(row)) for row in rows))


def _counting(at: str, columns: Mapping[str, str]) -> str:
    # What another bot said is counted as that one's own.
    is_other = "coalesce(author_is_bot, false)" if "author_is_bot" in columns else "false"
    is_api = "coalesce(message_id LIKE 'api\\_%', false)" if "message_id" in columns else "false"
    return f"""
SELECT character_name AS bot_name, to_timestamp(floor(extract(epoch FROM at) / $4::int) * $4::int) AS at,
    count(*) FILTER (WHERE NOT is_api AND NOT is_bot AND NOT is_other) AS people,
    count(*) FILTER (WHERE NOT is_api AND is_bot) AS bot,
    count(*) FILTER (WHERE is_api) AS api, max(at) AS last_at
FROM (
    SELECT character_name, {at} AS at, {is_api} AS is_api, {is_other} AS is_other, role IN ({_BOTS}) AS is_bot
    FROM {TABLE} WHERE id >= $1
) messages WHERE at >= $2 AND at < $3 GROUP BY 1, 2 ORDER BY 1, 2"""


async def _first_id(connection: FleetConnection, at: str, since: datetime) -> tuple[int | None, datetime | None]:
    """The first row that may be of a time or later, and the time of the newest; nothing in an empty table."""
    newest = await connection.fetchrow(
        f"SELECT id, {at} AS at FROM {TABLE} WHERE timestamp IS NOT NULL ORDER BY id DESC LIMIT 1"
    )
    if newest is None:
        return None, None
    if newest["at"] < since:
        return newest["id"], newest["at"]
    low, high = await connection.fetchval(f"SELECT min(id) FROM {TABLE}"), newest["id"]
    for _ in range(MAX_HALVINGS):
        if low >= high:
            break
        middle = (low + high) // 2
        row = await connection.fetchrow(
            f"SELECT id, {at} AS at FROM {TABLE} WHERE id >= $1 AND timestamp IS NOT NULL ORDER BY id LIMIT 1", middle
        )
        if row is None or row["at"] >= since:
            high = middle
        else:
            low = row["id"] + 1
    return high, newest["at"]
