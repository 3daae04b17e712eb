"""Rows of time series: added to by every process, read over a window, forgotten by age."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import orjson
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from chat_api.core.histogram import from_pairs, merge
from chat_api.core.rows import many

# A batch that is sent again, because nobody heard whether it arrived, finds its number and adds nothing. All processes
# take rows in the same order, so that none waits for another that waits for it.
_ADD = text("""
WITH new AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS r (
        subject text, span_s int, started_at timestamptz, count bigint, errors bigint, sum_ms float8, max_ms float8,
        buckets smallint[], counts bigint[])
), fresh AS (
    INSERT INTO web_series_writers AS w (writer, batch) VALUES (CAST(:writer AS uuid), :batch)
    ON CONFLICT (writer) DO UPDATE SET batch = excluded.batch, written_at = now() WHERE w.batch < excluded.batch
    RETURNING 1
)
INSERT INTO web_series AS s (subject, span_s, started_at, count, errors, sum_ms, max_ms, buckets, counts)
SELECT new.* FROM new, fresh ORDER BY new.subject, new.span_s, new.started_at
ON CONFLICT (subject, span_s, started_at) DO UPDATE SET
    count = s.count + excluded.count,
    errors = s.errors + excluded.errors,
    sum_ms = s.sum_ms + excluded.sum_ms,
    max_ms = greatest(s.max_ms, excluded.max_ms),
    (buckets, counts) = (
        SELECT coalesce(array_agg(bucket ORDER BY bucket), '{}'), coalesce(array_agg(n ORDER BY bucket), '{}') FROM (
            SELECT bucket, sum(n)::bigint AS n
            FROM unnest(s.buckets || excluded.buckets, s.counts || excluded.counts) AS u (bucket, n) GROUP BY bucket
        ) merged)
""")
_READ = text("""
SELECT started_at, count, errors, sum_ms, max_ms, buckets, counts FROM web_series
WHERE subject = :subject AND span_s = :span_s AND started_at >= :since ORDER BY started_at
""")
_TOTALS = text("""
SELECT subject, sum(count)::bigint AS count, sum(errors)::bigint AS errors,
    (coalesce(sum(count) FILTER (WHERE started_at >= :lately), 0))::bigint AS lately
FROM web_series WHERE span_s = 60 AND started_at >= :since AND starts_with(subject, 'answers:') GROUP BY subject
""")
_HISTOGRAMS = text("""
SELECT subject, bucket, sum(n)::bigint AS n,
    (coalesce(sum(n) FILTER (WHERE started_at >= :lately), 0))::bigint AS lately
FROM web_series, unnest(buckets, counts) AS u (bucket, n)
WHERE span_s = 60 AND started_at >= :since AND (starts_with(subject, 'answers:') OR starts_with(subject, 'service:'))
GROUP BY subject, bucket
""")
# The newest moments of each bot until they hold enough calls, and none from before it was begun anew.
_NEWEST = text("""
SELECT subject, sum(count)::bigint AS count, sum(errors)::bigint AS errors, sum(sum_ms) AS sum_ms,
    max(started_at) FILTER (WHERE count > errors) AS answered_at, max(started_at) FILTER (WHERE errors > 0) AS failed_at
FROM (
    SELECT s.*, coalesce(sum(count) OVER (PARTITION BY subject ORDER BY started_at DESC
        ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS newer
    FROM web_series s
    LEFT JOIN unnest(CAST(:subjects AS text[]), CAST(:begun AS timestamptz[])) AS b (subject, begun_at) USING (subject)
    WHERE span_s = 10 AND started_at >= :since AND started_at >= coalesce(begun_at, '-infinity')
        AND starts_with(subject, 'answers:')
) moments WHERE newer < :enough GROUP BY subject
""")
_USUAL = text("""
SELECT subject, sum(count - errors)::bigint AS answered, sum(sum_ms) AS sum_ms FROM web_series
WHERE starts_with(subject, 'answers:') AND count > errors
    AND (span_s = 3600 AND started_at >= :since AND started_at < :hour
        OR span_s = 60 AND started_at >= :hour AND started_at < :until)
GROUP BY subject
""")
_ANSWERS = text("""
SELECT subject, started_at, count, errors FROM web_series
WHERE span_s = :span_s AND started_at >= :since AND started_at < :until AND starts_with(subject, 'answers:')
""")
_PRUNE = text("DELETE FROM web_series WHERE span_s = :span_s AND started_at < :before")
_PRUNE_WRITERS = text("DELETE FROM web_series_writers WHERE written_at < now() - interval '1 day'")


@dataclass(slots=True, kw_only=True)
class Tally:
    """What was measured in some time, still being counted."""

    count: int = 0
    errors: int = 0
    sum_ms: float = 0.0
    max_ms: float = 0.0
    buckets: dict[int, int]

    def add(self, other: "Tally") -> None:
        """Count what another counted."""
        self.count += other.count
        self.errors += other.errors
        self.sum_ms += other.sum_ms
        self.max_ms = max(self.max_ms, other.max_ms)
        merge(self.buckets, other.buckets)


@dataclass(frozen=True, slots=True, kw_only=True)
class Increment:
    """What to add to the row of one subject, span and start."""

    subject: str
    span_s: int
    started_at: datetime
    tally: Tally


@dataclass(frozen=True, slots=True, kw_only=True)
class Total:
    """The calls of a bot in a window: all, failed, and those of its last part."""

    count: int
    errors: int
    lately: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Newest:
    """The newest calls of a bot, and when the last of either kind was counted."""

    tally: Tally
    answered_at: datetime | None
    failed_at: datetime | None


async def add(connection: AsyncConnection, increments: Sequence[Increment], *, writer: UUID, batch: int) -> None:
    """Add a batch, once however often it is sent: a writer numbers its batches from 1 upwards."""
    rows = orjson.dumps([_row(increment) for increment in increments]).decode()
    await connection.execute(_ADD, {"rows": rows, "writer": writer, "batch": batch})


async def read(
    connection: AsyncConnection, subject: str, *, span_s: int, since: datetime
) -> list[tuple[datetime, Tally]]:
    """The rows of one subject from ``since`` on, in order."""
    rows = await many(connection, _READ, {"subject": subject, "span_s": span_s, "since": since})
    return [(row["started_at"], _tally(row)) for row in rows]


async def totals(connection: AsyncConnection, *, since: datetime, lately: datetime) -> dict[str, Total]:
    """The calls of every bot since a minute, by subject; ``lately`` begins the last part."""
    rows = await many(connection, _TOTALS, {"since": since, "lately": lately})
    return {row["subject"]: Total(count=row["count"], errors=row["errors"], lately=row["lately"]) for row in rows}


async def newest_answers(
    connection: AsyncConnection, *, since: datetime, enough: int, begun: Mapping[str, datetime]
) -> dict[str, Newest]:
    """The newest calls of every bot, by subject: as many as are enough or a few more, none older than ``since``.

    ``begun`` says from when on a subject counts.
    """
    values = {"since": since, "enough": enough, "subjects": list(begun), "begun": list(begun.values())}
    return {
        row["subject"]: Newest(
            tally=Tally(count=row["count"], errors=row["errors"], sum_ms=row["sum_ms"], buckets={}),
            answered_at=row["answered_at"],
            failed_at=row["failed_at"],
        )
        for row in await many(connection, _NEWEST, values)
    }


async def usual_ms(connection: AsyncConnection, *, hour: datetime, until: datetime) -> dict[str, tuple[int, float]]:
    """How many answers every bot gave in the day before ``until``, and their mean time, by subject."""
    values = {"since": hour - timedelta(days=1), "hour": hour, "until": until}
    return {
        row["subject"]: (row["answered"], row["sum_ms"] / row["answered"])
        for row in await many(connection, _USUAL, values)
    }


async def answers(
    connection: AsyncConnection, *, span_s: int, since: datetime, until: datetime
) -> list[tuple[str, datetime, int, int]]:
    """The calls of all bots, and those that failed, by bot and the start of each hour or day."""
    rows = await many(connection, _ANSWERS, {"span_s": span_s, "since": since, "until": until})
    return [(row["subject"].partition(":")[2], row["started_at"], row["count"], row["errors"]) for row in rows]


async def histograms(
    connection: AsyncConnection, *, since: datetime, lately: datetime
) -> dict[str, tuple[dict[int, int], dict[int, int]]]:
    """The answer times of every bot and dependency since a minute, and since a later one, by subject."""
    found: dict[str, tuple[dict[int, int], dict[int, int]]] = {}
    for row in await many(connection, _HISTOGRAMS, {"since": since, "lately": lately}):
        all_of, newest = found.setdefault(row["subject"], ({}, {}))
        all_of[row["bucket"]] = row["n"]
        if row["lately"]:
            newest[row["bucket"]] = row["lately"]
    return found


async def prune(connection: AsyncConnection, before: Mapping[int, datetime]) -> None:
    """Drop what is older than its span is kept."""
    for span_s, limit in before.items():
        await connection.execute(_PRUNE, {"span_s": span_s, "before": limit})
    await connection.execute(_PRUNE_WRITERS)


def _row(increment: Increment) -> dict[str, Any]:
    tally = increment.tally
    ordered = sorted(tally.buckets.items())
    return {
        "subject": increment.subject,
        "span_s": increment.span_s,
        "started_at": increment.started_at,
        "count": tally.count,
        "errors": tally.errors,
        "sum_ms": tally.sum_ms,
        "max_ms": tally.max_ms,
        "buckets": [bucket for bucket, _ in ordered],
        "counts": [count for _, count in ordered],
    }


def _tally(row: Mapping[Any, Any]) -> Tally:
    return Tally(
        count=row["count"],
        errors=row["errors"],
        sum_ms=row["sum_ms"],
        max_ms=row["max_ms"],
        buckets=from_pairs(row["buckets"], row["counts"]),
    )
