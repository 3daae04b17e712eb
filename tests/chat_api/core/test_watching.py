"""What this process sees of itself: slow statements, requests, workers, and a loop that stands still."""

import asyncio
import time
from datetime import UTC, datetime

import pytest
from sqlalchemy import text

from chat_api.background.supervisor import Supervisor, every
from chat_api.background.worker_registry import WorkerRegistry
from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.loop_watch import LoopWatch
from chat_api.core.request_statistics import RequestStatistics
from chat_api.core.slow_queries import MAX_STATEMENTS, SlowQueries, normalised
from tests.support.eventually import eventually


class FakeTime:
    """A clock that goes when it is told to."""

    def __init__(self) -> None:
        self.now_s = 1_000.0
        self.clock = Clock(now=lambda: datetime.fromtimestamp(self.now_s, UTC), monotonic_s=lambda: self.now_s)


@pytest.mark.parametrize(
    ("statement", "shown"),
    [
        ("SELECT * FROM t WHERE a = 'it''s' AND b = 12.5", "SELECT * FROM t WHERE a = ? AND b = ?"),
        ("SELECT  1,\n  $1::UUID", "SELECT ?, $1::UUID"),
        ("INSERT INTO t2 (a, b) VALUES ($1, $2), ($3, $4), ($5, $6)", "INSERT INTO t2 (a, b) VALUES (…), …"),
        ("SELECT x FROM t WHERE a IN ($1::VARCHAR, $2::VARCHAR)", "SELECT x FROM t WHERE a IN (…)"),
    ],
)
def test_a_statement_is_shown_without_its_values(statement: str, shown: str) -> None:
    """Whatever people wrote that ended up in it, and however many values there were."""
    assert normalised(statement) == shown


async def test_slow_statements_are_counted_on_both_ways(database_url: str) -> None:
    """Through SQLAlchemy, on the fast lane, and those that end with an error; quick ones are not."""
    database = Database(database_url, pool_size=4)
    database.slow_queries.limit_s = 0.05
    told: list[float] = []
    database.slow_queries.on_slow = told.append
    try:
        async with database.read() as connection:
            await connection.execute(text("SELECT pg_sleep(:s)"), {"s": 0.06})
            await connection.execute(text("SELECT 1"))
        for _ in range(2):
            await database.fetch("SELECT pg_sleep($1), 'fast'", 0.06)
        with pytest.raises(Exception, match="division"):
            async with database.write() as connection:
                await connection.execute(text("SELECT pg_sleep(0.06), 1 / (pg_sleep(0.06)::text = 'x')::int"))
    finally:
        await database.dispose()
    found = {query.statement: query.count for query in database.slow_queries.worst()}
    assert found.pop("SELECT pg_sleep($1), ?") == 2
    assert sorted(found.values()) == [1, 1]
    assert len(told) == 4
    assert all(query.max_s >= 0.05 for query in database.slow_queries.worst())


def test_slow_statements_are_bounded() -> None:
    """Of more different ones than are kept, the one seen longest ago goes."""
    queries = SlowQueries(limit_s=0.1)
    for number in range(MAX_STATEMENTS + 5):
        queries.record(f"SELECT c{number} FROM t", 1.0)
    queries.record("SELECT quick FROM t", 0.01)
    names = {query.statement for query in queries.worst(1000)}
    assert len(names) == MAX_STATEMENTS
    assert "SELECT c4 FROM t" not in names
    assert "SELECT quick FROM t" not in names


def test_percentiles_of_requests_are_those_of_the_last_minutes() -> None:
    """Within a bucket of the exact ones, and what was before the window is forgotten."""
    statistics = RequestStatistics()
    for _ in range(50):
        statistics.record("/old", 200, 9.0)
    statistics.statistics(0.0)
    for milliseconds in range(1, 1001):
        statistics.record("/api/chat", 500 if milliseconds > 990 else 200, milliseconds / 1000)
    (route,) = statistics.statistics(100.0)
    assert (route.route, route.count, route.errors, route.rate_per_s) == ("/api/chat", 1000, 10, 10.0)
    for got, exact in ((route.p50_ms, 500), (route.p95_ms, 950), (route.p99_ms, 990)):
        assert got is not None
        assert exact / 1.2 <= got <= exact * 1.2
    statistics.statistics(399.0)
    assert statistics.statistics(401.0) == ()


async def test_a_workers_heartbeat_and_its_failures_are_seen() -> None:
    """The last round, the last error, and that it is late; a worker that runs again is on time again."""
    fake, is_broken = FakeTime(), asyncio.Event()
    book = WorkerRegistry(clock=fake.clock)

    async def work() -> None:
        if is_broken.is_set():
            raise RuntimeError("postgresql://user:secret@host is broken")

    supervisor = Supervisor({"busy": lambda: every(0.01, work)}, book=book)
    supervisor.start()
    try:
        (line,) = await eventually(book.lines)
        await eventually(lambda: line.interval_s)
        assert not line.is_late(fake.now_s)
        is_broken.set()
        await eventually(lambda: line.failures)
        assert line.error
        assert "is broken" in line.error
        assert "secret" not in line.error
        assert line.is_late(fake.now_s + 60)
        is_broken.clear()
        fake.now_s += 60
        await eventually(lambda: line.heartbeat_s == fake.now_s)
        assert not line.is_late(fake.now_s)
    finally:
        await supervisor.stop()
    assert not line.is_running


async def test_a_loop_that_stands_still_is_seen_with_where() -> None:
    """How long, and in which function; counted once, however long it lasts."""
    lags: list[float] = []
    blocked: list[float] = []
    watch = LoopWatch(on_lag=lags.append, on_blocked=blocked.append)
    task = asyncio.create_task(watch.run())
    try:
        await eventually(lambda: lags)
        _stand_still()
        await eventually(lambda: blocked)
        assert watch.blocked_count == 1
        assert "_stand_still" in watch.blocked[0].stack
        assert 0.5 <= watch.blocked[0].duration_s <= blocked[0]
        assert watch.lag_ms(1.0) >= 500
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _stand_still() -> None:
    time.sleep(1.0)
