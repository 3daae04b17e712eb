"""Whether PostgreSQL takes writes: a server that only answers questions is not healthy."""

from sqlalchemy import text

from chat_api.core.database import Database

# One statement that writes: a row of ours, and some pages of a table of this session alone, which find no room on a
# full disk, where a row that is only changed still does. Before the migrations there is no row; where a temporary table
# is not allowed, the row has to do. Nobody waits for the disk.
_WRITE = text("""
DO $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    BEGIN
        CREATE TEMPORARY TABLE IF NOT EXISTS whisperengine_room (n int) ON COMMIT DELETE ROWS;
        INSERT INTO pg_temp.whisperengine_room SELECT generate_series(1, 500);
    EXCEPTION WHEN insufficient_privilege THEN NULL;
    END;
    BEGIN
        INSERT INTO web_settings (key, value, updated_at) VALUES ('write_check', '', now())
        ON CONFLICT (key) DO UPDATE SET updated_at = now();
    EXCEPTION WHEN undefined_table THEN NULL;
    END;
END $$""")


async def check_writes(database: Database) -> None:
    """See whether PostgreSQL takes writes. Raises: WritesRefused, DatabaseUnavailable."""
    async with database.statement() as connection:
        await connection.execute(_WRITE)
