"""What is stored under a bot's name, given to another name.

Where both names have a row for the same thing (a span in which both were measured, a policy), the new name's stays.
"""

from collections.abc import Sequence
from typing import Final

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.rows import affected, many

_PENDING = text("SELECT count(*) AS pending FROM web_conversations WHERE status = 'pending' AND bot_name = :old")
_PEOPLE = text("SELECT user_id FROM web_threads WHERE bot_name = :old ORDER BY user_id LIMIT :limit")
_MESSAGES = text("UPDATE web_conversations SET bot_name = :new WHERE user_id = ANY(:user_ids) AND bot_name = :old")
_THREADS = text("""
WITH moved AS (DELETE FROM web_threads WHERE user_id = ANY(:user_ids) AND bot_name = :old RETURNING *)
INSERT INTO web_threads (user_id, bot_name, exchange_count, read_up_to)
SELECT user_id, :new, exchange_count, read_up_to FROM moved
ON CONFLICT (user_id, bot_name) DO UPDATE SET
    exchange_count = web_threads.exchange_count + excluded.exchange_count,
    read_up_to = greatest(web_threads.read_up_to, excluded.read_up_to)""")
_DAYS = text("""
WITH moved AS (DELETE FROM web_activity_days WHERE user_id = ANY(:user_ids) AND bot_name = :old RETURNING *)
INSERT INTO web_activity_days (user_id, day, bot_name, messages) SELECT user_id, day, :new, messages FROM moved
ON CONFLICT (user_id, day, bot_name) DO UPDATE SET messages = web_activity_days.messages + excluded.messages""")
# An hour that both had is counted again from the messages.
_USAGE = (
    text("""
    INSERT INTO web_usage_dirty (hour) SELECT o.start FROM web_usage o JOIN web_usage n USING (grain, start)
    WHERE o.bot_name = :old AND n.bot_name = :new AND o.grain = 'hour' ON CONFLICT DO NOTHING"""),
    text("""
    UPDATE web_usage o SET bot_name = :new WHERE bot_name = :old AND NOT EXISTS (
        SELECT FROM web_usage n WHERE n.grain = o.grain AND n.start = o.start AND n.bot_name = :new)"""),
    text("DELETE FROM web_usage WHERE bot_name = :old"),
)
_SUBJECTS: Final = ("answers", "health", "synthetic_check", "bot")
_SERIES = (
    text("""
    UPDATE web_series o SET subject = :new_subject WHERE subject = :old_subject AND NOT EXISTS (
        SELECT FROM web_series n
        WHERE n.subject = :new_subject AND n.span_s = o.span_s AND n.started_at = o.started_at)"""),
    text("DELETE FROM web_series WHERE subject = :old_subject"),
    text("""
    UPDATE web_status_intervals o SET subject = :new_subject WHERE subject = :old_subject AND NOT EXISTS (
        SELECT FROM web_status_intervals n WHERE n.subject = :new_subject
        AND (n.started_at, n.until_at) OVERLAPS (o.started_at, o.until_at))"""),
    text("DELETE FROM web_status_intervals WHERE subject = :old_subject"),
)
# A bot was in an incident once, whatever it was called.
_REST = (
    text("UPDATE web_bot_restarts SET bot_name = :new WHERE bot_name = :old AND finished_at IS NOT NULL"),
    text("""
    UPDATE web_incident_bots o SET bot_name = :new WHERE bot_name = :old AND NOT EXISTS (
        SELECT FROM web_incident_bots n WHERE n.incident_id = o.incident_id AND n.bot_name = :new)"""),
    text("UPDATE web_incident_entries SET bot_name = :new WHERE bot_name = :old"),
    text("UPDATE web_incident_evidence SET bot_name = :new WHERE bot_name = :old"),
    text("UPDATE web_incidents SET cause = 'bot:' || :new WHERE cause = 'bot:' || :old AND resolved_at IS NOT NULL"),
    text("""
    UPDATE web_bot_policies SET bot_name = :new WHERE bot_name = :old AND NOT EXISTS (
        SELECT FROM web_bot_policies WHERE bot_name = :new)"""),
    text("DELETE FROM web_bot_policies WHERE bot_name = :old"),
    text("DELETE FROM web_bot_checks WHERE bot_name = :old"),
)
# The last configuration of the old name comes before the first of the new one, whose numbers grow by as many.
_CONFIGURATIONS = (
    text("""
    UPDATE web_bot_configurations SET number = -number - (
        SELECT max(number) FROM web_bot_configurations WHERE bot_name = :old)
    WHERE bot_name = :new AND EXISTS (SELECT FROM web_bot_configurations WHERE bot_name = :old)"""),
    text("UPDATE web_bot_configurations SET number = -number WHERE bot_name = :new AND number < 0"),
    text("UPDATE web_bot_configurations SET bot_name = :new WHERE bot_name = :old"),
)
# What somebody chose for some bots is meant for this one still; what an erasure could not reach is there now.
_CHOSEN = (
    *(
        text(f"""
        UPDATE {table}
        SET bots = bots - CAST(:old AS text) - CAST(:new AS text) || jsonb_build_array(CAST(:new AS text))
        WHERE jsonb_exists(bots, :old) AND {condition}""")
        for table, condition in (
            ("web_alert_rules", "true"),
            ("web_maintenance_windows", "true"),
            ("web_restart_schedules", "true"),
            ("web_check_runs", "finished_at IS NOT NULL"),
        )
    ),
    text("""
    UPDATE web_api_keys
    SET bots = array_append(array_remove(array_remove(bots, CAST(:old AS varchar)), CAST(:new AS varchar)), :new)
    WHERE CAST(:old AS varchar) = ANY(bots)"""),
    text("""
    UPDATE web_memory_erasure_parts o SET bot_name = :new WHERE bot_name = :old AND NOT EXISTS (
        SELECT FROM web_memory_erasure_parts n
        WHERE n.erasure_id = o.erasure_id AND n.part = o.part AND n.bot_name = :new)"""),
    text("""
    UPDATE web_check_results o SET bot_name = :new WHERE bot_name = :old AND NOT EXISTS (
        SELECT FROM web_check_results n WHERE n.run_id = o.run_id AND n.place = o.place AND n.bot_name = :new)"""),
    text("""
    UPDATE web_rolling_restarts SET steps = (
        SELECT jsonb_agg(
            CASE WHEN step ->> 'bot_name' = :old THEN step || jsonb_build_object('bot_name', CAST(:new AS text))
            ELSE step END ORDER BY place)
        FROM jsonb_array_elements(steps) WITH ORDINALITY AS each (step, place))
    WHERE finished_at IS NOT NULL
        AND steps @> jsonb_build_array(jsonb_build_object('bot_name', CAST(:old AS text)))
        AND NOT steps @> jsonb_build_array(jsonb_build_object('bot_name', CAST(:new AS text)))"""),
)


async def pending(connection: AsyncConnection, old: str) -> int:
    """How many messages to a bot wait for their answer."""
    (row,) = await many(connection, _PENDING, {"old": old})
    return int(row["pending"])


async def people(connection: AsyncConnection, old: str, *, limit: int) -> Sequence[str]:
    """Some of the people who wrote to a bot."""
    return [row["user_id"] for row in await many(connection, _PEOPLE, {"old": old, "limit": limit})]


async def move_conversations(connection: AsyncConnection, old: str, new: str, *, user_ids: Sequence[str]) -> int:
    """Give the conversations of these people to the new name. Returns how many messages that were."""
    values = {"old": old, "new": new, "user_ids": list(user_ids)}
    moved = await affected(connection, _MESSAGES, values)
    await connection.execute(_THREADS, values)
    await connection.execute(_DAYS, values)
    return moved


async def move_history(connection: AsyncConnection, old: str, new: str) -> None:
    """Give what was measured, done and chosen to the new name."""
    for statement in _USAGE:
        await connection.execute(statement, {"old": old, "new": new})
    for subject in _SUBJECTS:
        subjects = {"old_subject": f"{subject}:{old}", "new_subject": f"{subject}:{new}"}
        for statement in _SERIES:
            await connection.execute(statement, subjects)
    for statement in (*_REST, *_CONFIGURATIONS, *_CHOSEN):
        await connection.execute(statement, {"old": old, "new": new})
