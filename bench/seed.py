"""Many stored messages: a few come in through the door, the rest are their copies.

A copy has ids of its own and a later place in the stream; whatever else a row says stays. Which tables belong to a
stream is read from the database: those that have a ``user_id`` and a ``seq``.
"""

from collections.abc import Sequence

import asyncpg

from bench.generator import LoadGenerator
from bench.people import chats
from models.connections import connect

TEMPLATES_PER_CONVERSATION = 10
MESSAGES_PER_EXCHANGE = 2

_COLUMNS = """
WITH columns AS (
    SELECT table_name, column_name, data_type, ordinal_position FROM information_schema.columns
    WHERE table_schema = current_schema() AND is_generated = 'NEVER'
), streams AS (
    SELECT table_name FROM columns WHERE column_name IN ('user_id', 'seq') GROUP BY table_name HAVING count(*) = 2
)
SELECT table_name, column_name, data_type FROM columns JOIN streams USING (table_name)
ORDER BY table_name, ordinal_position"""
# The start of an id is its time, and stays; the rest depends on the copy's number, in every table alike.
_COPIED_ID = """(left({0}::text, 15) || substr(md5({0}::text || k), 1, 3) || '-8' || substr(md5({0}::text || k), 4, 3)
    || '-' || substr(md5({0}::text || k), 7, 12))::uuid"""


async def seed(
    generator: LoadGenerator,
    port: int,
    tokens: Sequence[str],
    bots: Sequence[str],
    *,
    database_url: str,
    messages: int,
) -> None:
    """Make at least ``messages`` lines, spread over the people and the bots. Raises: Unavailable."""
    requests = [chat for bot in bots for chat in chats(tokens, bot_name=bot)]
    for _ in range(TEMPLATES_PER_CONVERSATION):
        await generator.repeat(port, requests, seconds=0.0)
    made = len(requests) * TEMPLATES_PER_CONVERSATION * MESSAGES_PER_EXCHANGE
    connection = await connect(database_url)
    try:
        await _copy(connection, copies=-(-messages // made) - 1)
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()


async def _copy(connection: asyncpg.Connection, *, copies: int) -> None:
    """Copy every row of every stream ``copies`` times, each time after the end of its stream."""
    columns: dict[str, list[tuple[str, str]]] = {}
    for row in await connection.fetch(_COLUMNS):
        columns.setdefault(row["table_name"], []).append((row["column_name"], row["data_type"]))
    async with connection.transaction():
        await connection.execute("SET LOCAL session_replication_role = replica")  # rows may come before their owners
        for table, named in columns.items():
            names = ", ".join(f'"{name}"' for name, _ in named)
            values = ", ".join(_copied(name, kind) for name, kind in named)
            statement = (
                f'INSERT INTO "{table}" ({names}) SELECT {values} FROM "{table}" r'  # noqa: S608  the database's names
                " JOIN web_streams s USING (user_id), generate_series(1, $1::int) k"
            )
            await connection.execute(statement, copies)
        await connection.execute("UPDATE web_streams SET last_seq = last_seq * ($1::int + 1)", copies)


def _copied(name: str, kind: str) -> str:
    """What a copy has in a column."""
    column = f'r."{name}"'
    if name == "user_id":
        return "user_id"
    if kind == "uuid" and not name.endswith(("instance_id", "epoch")):
        return _COPIED_ID.format(column)
    if kind == "bigint" and name.endswith("seq"):
        return f"{column} + k * s.last_seq"
    if name == "client_msg_id":
        return f"{column} || '-' || k"
    return column
