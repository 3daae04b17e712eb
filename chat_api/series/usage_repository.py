"""Counting how the fleet is used, and reading the counts.

What is counted anew replaces what was there, so it may be done again at any time. Hours come from the exchanges
themselves, days from their hours (and from the activity of people), weeks from their days.
"""

from collections.abc import Sequence
from datetime import date, datetime

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.rows import many
from chat_api.series.analytics_schemas import ANSWER_TIME_EDGES_S, CLASSES, AnswerTimes, Usage

_UP_TO_KEY = "usage_counted_up_to"
_EDGES = ", ".join(map(str, ANSWER_TIME_EDGES_S))
# width_bucket counts from 1 for what is at or above the first edge; an edge itself belongs to the class below it.
_CLASS = f"width_bucket(-processing_time, ARRAY(SELECT -e FROM unnest(ARRAY[{_EDGES}]::float8[]) e ORDER BY e DESC))"
_COUNTS = ", ".join(f"count(*) FILTER (WHERE class = {CLASSES - 1 - number})" for number in range(CLASSES))
# As ``core/call_outcomes.py`` has it, as far as an exchange tells: an apology is no answer, what its user stopped is
# neither, nor what was not asked because the calls of the bot were paused.
_IS_APOLOGY = "(status = 'answered' AND COALESCE(metadata->>'is_apology', '') = 'true')"
IS_ANSWERED = f"(status = 'answered' AND NOT {_IS_APOLOGY})"
_IS_REFUSED = "(status = 'failed' AND COALESCE(metadata->>'is_paused', '') = 'true')"
IS_FAILED = (
    f"({_IS_APOLOGY} OR (status = 'failed' AND NOT {_IS_REFUSED})"
    " OR (status = 'interrupted' AND COALESCE(error_code, '') <> 'stopped'))"
)
_HOUR = text(f"""
INSERT INTO web_usage (grain, start, bot_name, users, messages, answered, failed, answer_times)
SELECT 'hour', :start, COALESCE(bot_name, ''), count(DISTINCT user_id), count(*),
    count(*) FILTER (WHERE is_answered), count(*) FILTER (WHERE is_failed), ARRAY[{_COUNTS}]
FROM (
    SELECT user_id, bot_name, {IS_ANSWERED} AS is_answered, {IS_FAILED} AS is_failed,
        CASE WHEN {IS_ANSWERED} THEN {_CLASS} END AS class
    FROM web_conversations WHERE timestamp >= :start AND timestamp < :start + interval '1 hour'
) e GROUP BY GROUPING SETS ((bot_name), ()) HAVING count(*) > 0""")
_ACTIVITY = text("""
INSERT INTO web_activity_days (user_id, day, bot_name, messages)
SELECT user_id, CAST(:day AS date), bot_name, count(*) FROM web_conversations
WHERE timestamp >= :start AND timestamp < :start + interval '1 day' GROUP BY user_id, bot_name""")
# Element by element; the arrays of one table have one length.
_SUM = """
SELECT bot_name, sum(messages) AS messages, sum(answered) AS answered, sum(failed) AS failed, sum(visits) AS visits,
    sum(visit_seconds) AS visit_seconds, ARRAY(
        SELECT sum(w.n)::bigint FROM web_usage i, unnest(i.answer_times) WITH ORDINALITY AS w (n, place)
        WHERE i.grain = '{part}' AND i.start >= :start AND i.start < :start + interval '{length}'
            AND i.bot_name = o.bot_name
        GROUP BY w.place ORDER BY w.place
    ) AS answer_times
FROM web_usage o WHERE grain = '{part}' AND start >= :start AND start < :start + interval '{length}'
GROUP BY bot_name"""
_PEOPLE = """
SELECT COALESCE(bot_name, '') AS bot_name, count(DISTINCT user_id) AS users FROM web_activity_days
WHERE day >= CAST(:day AS date) AND day < CAST(:day AS date) + {days} GROUP BY GROUPING SETS ((bot_name), ())"""
_VISITS = """
SELECT count(*) AS visits, COALESCE(sum(seconds), 0) AS seconds FROM (
    SELECT extract(epoch FROM max(timestamp) - min(timestamp)) AS seconds FROM (
        SELECT user_id, timestamp, count(*) FILTER (WHERE is_first) OVER (PARTITION BY user_id ORDER BY timestamp
            RANGE UNBOUNDED PRECEDING) AS visit
        FROM (
            SELECT user_id, timestamp, COALESCE(timestamp - lag(timestamp) OVER (
                PARTITION BY user_id ORDER BY timestamp) > interval '30 minutes', TRUE) AS is_first
            FROM web_conversations WHERE timestamp >= :start AND timestamp < :start + interval '1 day'
        ) gaps
    ) numbered GROUP BY user_id, visit
) visits"""
_INTO = """
INSERT INTO web_usage (grain, start, bot_name, users, messages, answered, failed, visits, visit_seconds, answer_times)
SELECT '{grain}', :start, s.bot_name, p.users, s.messages, s.answered, s.failed, {visits}, {visit_seconds},
    s.answer_times
FROM ({sum}) s JOIN ({people}) p USING (bot_name)"""
_DAY = text(
    f"WITH v AS ({_VISITS}) "
    + _INTO.format(
        grain="day",
        sum=_SUM.format(part="hour", length="1 day"),
        people=_PEOPLE.format(days=1),
        visits="CASE WHEN s.bot_name = '' THEN (SELECT visits FROM v) ELSE 0 END",
        visit_seconds="CASE WHEN s.bot_name = '' THEN (SELECT seconds FROM v) ELSE 0 END",
    )
)
_WEEK = text(
    _INTO.format(
        grain="week",
        sum=_SUM.format(part="day", length="7 days"),
        people=_PEOPLE.format(days=7),
        visits="s.visits",
        visit_seconds="s.visit_seconds",
    )
)
_RETENTION = text("""
INSERT INTO web_retention (cohort, week, people)
SELECT date_trunc('week', f.first::timestamp)::date, CAST(:day AS date), count(*)
FROM (SELECT DISTINCT user_id FROM web_activity_days WHERE day >= CAST(:day AS date) AND day < CAST(:day AS date) + 7) a
CROSS JOIN LATERAL (SELECT min(day) AS first FROM web_activity_days x WHERE x.user_id = a.user_id) f GROUP BY 1""")
_DELETE = text("DELETE FROM web_usage WHERE grain = :grain AND start = :start")
_DELETE_ACTIVITY = text("DELETE FROM web_activity_days WHERE day = CAST(:day AS date)")
_DELETE_RETENTION = text("DELETE FROM web_retention WHERE week = CAST(:day AS date)")

_TAKE_DIRTY = text("""
DELETE FROM web_usage_dirty WHERE hour IN (SELECT hour FROM web_usage_dirty ORDER BY hour LIMIT :limit)
RETURNING hour""")
_ADD_DIRTY = text(
    "INSERT INTO web_usage_dirty (hour) SELECT unnest(CAST(:hours AS timestamptz[])) ON CONFLICT DO NOTHING"
)
# Answers that came since, to messages of hours that were counted before.
_LATE = text("""
INSERT INTO web_usage_dirty (hour)
SELECT DISTINCT date_trunc('hour', c.timestamp, 'UTC')
FROM web_events e JOIN web_conversations c ON c.id = e.conversation_id
WHERE e.created_at >= :since AND e.kind IN ('answer', 'failed', 'retried') AND c.timestamp < :before
ON CONFLICT DO NOTHING""")
_UP_TO = text("SELECT key, value FROM web_settings WHERE key = :key")
_MOVE_UP_TO = text("""
INSERT INTO web_settings (key, value) VALUES (:key, :value)
ON CONFLICT (key) DO UPDATE SET value = EXCLUDED.value, updated_at = now()""")
_PERIODS = text("""
SELECT start, bot_name, users, messages, answered, failed, visits, visit_seconds, answer_times FROM web_usage
WHERE grain = :grain AND start >= :since AND start < :until ORDER BY start, bot_name""")
_COHORTS = text("SELECT cohort, week, people FROM web_retention WHERE cohort >= :since ORDER BY cohort, week")
_RETAINED_WEEKS = text("SELECT DISTINCT week FROM web_retention WHERE week > CAST(:day AS date) ORDER BY week")


async def count_hour(connection: AsyncConnection, start: datetime) -> None:
    """Count one hour anew."""
    await connection.execute(_DELETE, {"grain": "hour", "start": start})
    await connection.execute(_HOUR, {"start": start})


async def count_day(connection: AsyncConnection, start: datetime) -> None:
    """Count one day anew, from its hours and its people."""
    values = {"start": start, "day": start.date()}
    await connection.execute(_DELETE_ACTIVITY, {"day": start.date()})
    await connection.execute(_ACTIVITY, values)
    await connection.execute(_DELETE, {"grain": "day", "start": start})
    await connection.execute(_DAY, values)


async def count_week(connection: AsyncConnection, start: datetime) -> None:
    """Count one week anew, from its days and their people."""
    await connection.execute(_DELETE, {"grain": "week", "start": start})
    await connection.execute(_WEEK, {"start": start, "day": start.date()})


async def count_retention(connection: AsyncConnection, week: date) -> None:
    """Count anew who of which first week wrote in one week."""
    await connection.execute(_DELETE_RETENTION, {"day": week})
    await connection.execute(_RETENTION, {"day": week})


async def later_weeks(connection: AsyncConnection, week: date) -> list[date]:
    """The weeks after one for which retention was counted."""
    return [row["week"] for row in await many(connection, _RETAINED_WEEKS, {"day": week})]


async def take_dirty(connection: AsyncConnection, *, limit: int) -> list[datetime]:
    """Hours that have to be counted anew; gone from the list when the transaction is."""
    return sorted(row["hour"] for row in await many(connection, _TAKE_DIRTY, {"limit": limit}))


async def add_dirty(connection: AsyncConnection, hours: Sequence[datetime]) -> None:
    """Have hours counted anew."""
    await connection.execute(_ADD_DIRTY, {"hours": list(hours)})


async def add_late(connection: AsyncConnection, *, since: datetime, before: datetime) -> None:
    """Have the hours counted anew whose messages were answered since a time, where they are older than ``before``."""
    await connection.execute(_LATE, {"since": since, "before": before})


async def counted_up_to(connection: AsyncConnection) -> datetime | None:
    """When the last count was made; ``None`` when there was none, or what is noted of it is no time."""
    rows = await many(connection, _UP_TO, {"key": _UP_TO_KEY})
    return next(iter(ODD_ROWS.readable("settings", rows, _moment)), None)


async def move_up_to(connection: AsyncConnection, at: datetime) -> None:
    """Note when a count was made."""
    await connection.execute(_MOVE_UP_TO, {"key": _UP_TO_KEY, "value": at.isoformat()})


async def periods(connection: AsyncConnection, *, grain: str, since: datetime, until: datetime) -> list[Usage]:
    """The counts of a time, by their primary key."""
    rows = await many(connection, _PERIODS, {"grain": grain, "since": since, "until": until})
    return [Usage(**dict(row) | {"answer_times": AnswerTimes(counts=tuple(row["answer_times"]))}) for row in rows]


async def cohorts(connection: AsyncConnection, *, since: date) -> dict[date, dict[date, int]]:
    """How many wrote, by the week of their first message and the week in which they did."""
    found: dict[date, dict[date, int]] = {}
    for row in await many(connection, _COHORTS, {"since": since}):
        found.setdefault(row["cohort"], {})[row["week"]] = row["people"]
    return found


def _moment(row: RowMapping) -> datetime:
    at = datetime.fromisoformat(row["value"])
    if at.tzinfo is None:
        raise ValueError("has no zone")
    return at
