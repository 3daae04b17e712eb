"""Series: increments of several processes add up, once each, and stay right over every window."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import event, text

from chat_api.core.database import Database
from chat_api.core.errors import NotAuthenticated, NotFound
from chat_api.core.histogram import FACTOR
from chat_api.series import repository as series
from chat_api.series import status_intervals_repository as status_intervals
from chat_api.series.recent_answers import RecentAnswersService
from chat_api.series.recent_statistics import RecentStatisticsService
from chat_api.series.recorder import SeriesRecorder
from chat_api.series.rollups_worker import Rollups
from chat_api.series.schemas import Window
from chat_api.series.service import SeriesService
from chat_api.series.status_intervals_repository import OpenInterval
from tests.support.api import RunningApi
from tests.support.eventually import eventually
from tests.support.sql_proxy import sql_proxy
from tests.support.still_fleet import StillFleet, still_fleet, viewer


@dataclass(kw_only=True)
class Books:
    """Who writes and who reads, with one clock."""

    database: Database
    still: StillFleet
    service: SeriesService

    def recorder(self, database: Database | None = None) -> SeriesRecorder:
        """The recorder of one more process."""
        return SeriesRecorder(database or self.database, clock=self.still.hands.clock)

    async def count(self, table: str = "web_series", where: str = "true") -> int:
        """How many rows there are."""
        async with self.database.read() as connection:
            found = await connection.execute(text(f"SELECT count(*) FROM {table} WHERE {where}"))
            return int(found.scalar_one())


@pytest.fixture
async def books(database: Database, tmp_path: Path) -> Books:
    """A database with elena and marcus in no process yet."""
    still = await still_fleet(tmp_path, "elena", "marcus")
    service = SeriesService(database, still.registry, clock=still.hands.clock)
    return Books(database=database, still=still, service=service)


async def test_increments_of_two_processes_add_up(books: Books) -> None:
    """Counts, failures, sums, maxima and histograms of both are in the one point."""
    first, second = books.recorder(), books.recorder()
    for value_s in (0.1, 0.2, 0.3):
        first.record_answer("elena", "ok", value_s)
    second.record_answer("elena", "truncated", 4.0)
    second.record_answer("elena", "bot_timeout", 30.0)
    second.record_answer("elena", "cancelled", 1.0)  # its user went away: nobody's fault
    await first.flush()
    await second.flush()
    first.record_answer("elena", "ok", 0.1)
    await first.flush()
    for window in Window:
        point = (await books.service.points(viewer(), "answers:elena", window))[-1]
        assert (point.count, point.errors, point.max_ms) == (6, 1, 4000.0), window
        assert point.mean_ms == pytest.approx(4700 / 5)
        assert point.p99_ms == pytest.approx(4000, rel=FACTOR - 1)
        assert point.p50_ms == pytest.approx(200, rel=FACTOR - 1)


async def test_every_window_has_at_most_400_steps_and_no_holes(books: Books) -> None:
    """Where nothing was measured there is a step that says so, and the last is the one that is running."""
    books.recorder().record("http", 5.0)
    for window in Window:
        points = await books.service.points(viewer(), "http", window)
        assert 50 <= len(points) <= 400
        assert {later.at - earlier.at for earlier, later in pairwise(points)} == {timedelta(seconds=window.step_s)}
        assert points[-1].at <= books.still.hands.at < points[-1].at + timedelta(seconds=window.step_s)


async def test_a_batch_that_is_sent_twice_counts_once(books: Books) -> None:
    """Whoever does not hear whether a batch arrived may send it again."""
    recorder = books.recorder()
    recorder.record("http", 5.0)
    await recorder.flush()
    async with books.database.read() as connection:
        at, tally = (await series.read(connection, "http", span_s=60, since=books.still.hands.at))[0]
        again = [series.Increment(subject="http", span_s=60, started_at=at, tally=tally)]
        await series.add(connection, again, writer=recorder._writer, batch=1)
        await series.add(connection, again, writer=recorder._writer, batch=2)
        assert (await series.read(connection, "http", span_s=60, since=at))[0][1].count == 2


async def test_what_is_counted_while_postgresql_is_away_is_stored_afterwards(books: Books, database_url: str) -> None:
    """Nothing crashes, nothing is lost and nothing doubled, and the figures go on."""
    async with sql_proxy(database_url) as proxy:
        away = Database(proxy.url, pool_size=2)
        recorder = books.recorder(away)
        rollups = Rollups(
            RecentStatisticsService(away, books.still.registry, clock=books.still.hands.clock),
            RecentAnswersService(away, books.still.registry, books.still.fleet, clock=books.still.hands.clock),
            books.still.fleet,
            away,
            clock=books.still.hands.clock,
        )
        recorder.record_answer("elena", "ok", 0.1)
        await recorder.flush()
        await proxy.cut()
        for _ in range(3):
            recorder.record_answer("elena", "ok", 0.1)
            await recorder.flush()
            books.still.hands.move(60)
        await rollups.turn()  # nothing happens
        await proxy.heal()

        async def arrived() -> bool:
            await recorder.flush()
            await rollups.turn()
            statistics = books.still.fleet.current().bots[0].figures
            return (
                statistics is not None and statistics.p50_ms is not None and await books.count(where="span_s = 60") == 3
            )

        await eventually(arrived)
        await away.dispose()
    points = await books.service.points(viewer(), "answers:elena", Window.HOUR)
    assert [point.count for point in points[-4:]] == [2, 1, 1, 0]
    assert books.still.fleet.current().bots[0].figures.messages_per_min == 0.8  # type: ignore[union-attr]


async def test_retention_keeps_the_number_of_rows_constant(books: Books) -> None:
    """After the first days of each kind the rows of a year are no more than those of a month; days stay."""
    recorder = books.recorder()
    rollups = Rollups(
        RecentStatisticsService(books.database, books.still.registry),
        RecentAnswersService(books.database, books.still.registry, books.still.fleet),
        books.still.fleet,
        books.database,
        clock=books.still.hands.clock,
    )
    counted = []
    for day in range(450):
        for _ in range(4):
            recorder.record("http", 5.0)
            await recorder.flush()
            books.still.hands.move(6 * 3600)
        at = books.still.hands.at
        async with books.database.statement() as connection:
            await status_intervals.put(
                connection,
                [OpenInterval(subject="bot:elena", status="online", started_at=at, until_at=at, reason="")],
            )
        if day % 7 == 0:
            await rollups.prune()
            counted.append((await books.count(where="span_s = 60"), await books.count(where="span_s = 3600")))
    assert max(counted[1:]) == min(counted[10:]), counted
    await rollups.prune()
    assert await books.count(where="span_s = 86400") <= 401
    assert await books.count("web_status_intervals") <= 401
    year = await books.service.points(viewer(), "http", Window.YEAR)
    assert sum(point.count for point in year) >= 364 * 4


async def test_the_figures_of_500_bots_take_three_queries(database: Database, tmp_path: Path) -> None:
    """As many as those of one, and each bot's are its own."""
    names = [f"bot{number:03}" for number in range(500)]
    still = await still_fleet(tmp_path, *names)
    recorder = SeriesRecorder(database, clock=still.hands.clock)
    for number, name in enumerate(names):
        for _ in range(6):
            recorder.record_answer(name, "ok", 0.1 + number / 100)
        recorder.record_answer(name, "bot_failed", 1.0)
    await recorder.flush()
    hour = timedelta(hours=1)
    intervals = [
        OpenInterval(subject=f"bot:{name}", status=status, started_at=start, until_at=start + hour, reason="")
        for name in names
        for status, start in (("online", still.hands.at - 2 * hour), ("offline", still.hands.at - hour))
    ]
    async with database.statement() as connection:
        await status_intervals.put(connection, intervals)
    statements: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *parts: statements.append(str(parts[2])))
    report = await RecentStatisticsService(database, still.registry, clock=still.hands.clock).compute()
    assert len(statements) == 3, statements
    assert len(report.bots) == 500
    for number in (0, 250, 499):
        statistics = report.bots[names[number]]
        assert statistics.p95_ms == pytest.approx(100 + number * 10, rel=FACTOR - 1 + 0.005)
        assert (statistics.uptime_24h, statistics.uptime_30d, statistics.error_rate) == (0.5, 0.5, 0.1429)
        assert statistics.messages_per_min == 1.4


async def test_whose_series_one_may_ask_for(books: Books, api: RunningApi) -> None:
    """Users for none, and nobody for what there is not."""
    with pytest.raises(NotAuthenticated):
        await books.service.points(await api.principal("alice"), "answers:elena", Window.DAY)
    for subject in ("answers:nobody", "service:nobody", "weather", "bot:", "elena"):
        with pytest.raises(NotFound):
            await books.service.points(viewer(), subject, Window.DAY)


async def test_what_happens_in_a_running_api_is_counted(api: RunningApi) -> None:
    """Messages, health checks, dependencies and requests by every door; synthetic checks are nobody's message."""
    alice = await api.principal("alice")
    for _ in range(3):
        await api.services.messages.send(alice, bot_name="elena", content="Hello")
    assert (await api.services.synthetic_checks.ask("elena")).is_answered
    token = await api.admin_login()
    async with api.client(token) as client:

        async def point(path: str) -> dict[str, float]:
            answer = await client.get(f"/api/admin/{path}{'&' if '?' in path else '?'}window=1h")
            assert answer.status_code == 200, answer.text
            counted: dict[str, float] = {"count": 0, "errors": 0}
            for step in answer.json()["points"]:
                counted["count"] += step["count"]
                counted["errors"] += step["errors"]
            return counted

        await eventually(lambda: _is(point("bots/elena/series"), count=3))
        await eventually(lambda: _is(point("bots/elena/series?kind=synthetic_check"), count=1))
        for path in ("bots/elena/series?kind=health", "services/redis/series", "series/http", "series/loop_lag"):
            await eventually(partial(_is_counted, point, path))

        async def uptime() -> float:
            answer = (await client.get("/api/admin/bots/elena/uptime")).json()
            return float(answer["share"] or 0)

        assert await eventually(uptime) == 1.0
        intervals = (await client.get("/api/admin/bots/elena/intervals")).json()["intervals"]
        assert [one["status"] for one in intervals] == ["online"]
        for path in ("bots/elena/series", "bots/elena/uptime", "services/redis/intervals", "series/http"):
            answer = await client.get(f"/api/admin/{path}?format=csv")
            assert answer.headers["content-type"].startswith("text/csv"), path
            assert len(answer.text.splitlines()) >= 2


async def _is_counted(point: Callable[[str], Awaitable[dict[str, float]]], path: str) -> bool:
    return (await point(path))["count"] > 0


async def _is(asked: object, *, count: int) -> bool:
    return (await asked)["count"] == count  # type: ignore[misc,no-any-return]


async def test_the_door_that_every_message_comes_through_is_counted(api: RunningApi) -> None:
    """It passes no middleware, and is a request all the same."""
    token = await api.login("dora")
    counted: list[int] = []
    metrics = api.app.state.metrics
    record = metrics.on_request

    def told(status: int, duration_s: float) -> None:
        record(status, duration_s)
        counted.append(status)

    metrics.on_request = told
    async with api.client(token) as client:
        await client.post("/api/chat", json={"bot_name": "elena", "content": "Hello"})
        await client.post("/api/chat", json={"bot_name": "nobody", "content": "Hello"})
    assert counted == [200, 404]
