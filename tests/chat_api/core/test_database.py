"""The fast path: errors in our own words, and no broken connection that is used twice."""

import pytest

from chat_api.core.database import Database
from chat_api.core.errors import DatabaseUnavailable

_FIELDS = b"SFATAL\0C57P01\0Mterminating connection due to administrator command\0\0"
GOODBYE = b"E" + (4 + len(_FIELDS)).to_bytes(4, "big") + _FIELDS  # Source: PostgreSQL manual, "Message Formats"


async def test_a_connection_that_broke_in_the_middle_is_away_and_replaced(database_url: str) -> None:
    """The server has said goodbye, its end of the connection is not seen yet: unavailable, and the next one is well."""
    database = Database(database_url, pool_size=2)  # one connection on the fast path
    try:
        assert await database.fetch("SELECT 1")
        assert database._fast is not None
        async with database._fast.acquire() as connection:
            connection._protocol.data_received(GOODBYE)
        with pytest.raises(DatabaseUnavailable):
            await database.fetch("SELECT 1")
        assert await database.fetch("SELECT 1")
    finally:
        await database.dispose()
