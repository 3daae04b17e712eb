"""The intervals of states: exact, never longer than somebody looked, and whole over a change of the leader."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from chat_api.core.database import Database
from chat_api.fleet.reports import PoliciesReport, ServiceReport
from chat_api.fleet.schemas import BotPolicy, ServiceStatus
from chat_api.series.schemas import StatusInterval, Uptime, Window
from chat_api.series.service import SeriesService
from chat_api.series.status_worker import StatusRecorder
from tests.support.sql_proxy import sql_proxy
from tests.support.still_fleet import CHECK_INTERVAL_S, StillFleet, still_fleet, viewer

HOUR_S = 3600.0


@dataclass(kw_only=True)
class Watch:
    """A fleet, the keeper that watches it, and a reader."""

    still: StillFleet
    database: Database
    keeper: StatusRecorder

    async def look(self, *, seconds: float, latency_ms: float | None = 12.0) -> None:
        """Health checks on their interval for so long; each is seen, and stored as in the running service."""
        for _ in range(round(seconds / CHECK_INTERVAL_S)):
            self.still.hands.move(CHECK_INTERVAL_S)
            self.still.probe("elena", latency_ms=latency_ms)
            await self.still.fleet.refresh()
            self.keeper.observe_changes(self.still.fleet.current())
            await self.keeper.store()

    async def another_leads(self) -> None:
        """The leader is gone without a word, and another begins."""
        self.keeper = StatusRecorder(
            self.still.fleet, self.database, check_interval_s=CHECK_INTERVAL_S, clock=self.still.hands.clock
        )
        await self.keeper.resume()

    async def intervals(self, subject: str = "bot:elena") -> list[tuple[str, float]]:
        """The states of a day with their length in seconds."""
        return [(one.status, one.duration_s) for one in await self.raw(subject)]

    async def raw(self, subject: str = "bot:elena") -> tuple[StatusInterval, ...]:
        """The states of a day."""
        return await self._service().intervals(viewer(), subject, Window.DAY)

    async def uptime(self, subject: str = "bot:elena") -> Uptime:
        """The uptime of a day."""
        return await self._service().uptime(viewer(), subject, Window.DAY)

    def _service(self) -> SeriesService:
        return SeriesService(self.database, self.still.registry, clock=self.still.hands.clock)


@pytest.fixture
async def watch(database_url: str, tmp_path: Path) -> AsyncIterator[Watch]:
    """Elena, who was just seen online for the first time."""
    database = Database(database_url, pool_size=3)
    still = await still_fleet(tmp_path, "elena")
    keeper = StatusRecorder(still.fleet, database, check_interval_s=CHECK_INTERVAL_S, clock=still.hands.clock)
    await keeper.resume()
    still.probe("elena")
    keeper.observe(still.fleet.current())
    yield Watch(still=still, database=database, keeper=keeper)
    await database.dispose()


async def test_uptime_is_weighted_by_time(watch: Watch) -> None:
    """Three hours online, one offline: 75 %, however many checks there were; the rest of the day is unknown."""
    await watch.look(seconds=3 * HOUR_S)
    await watch.look(seconds=HOUR_S, latency_ms=None)
    assert await watch.intervals() == [
        ("online", 3 * HOUR_S + CHECK_INTERVAL_S),
        ("offline", HOUR_S - CHECK_INTERVAL_S),
    ]
    uptime = await watch.uptime()
    assert uptime.share == pytest.approx(0.75, abs=0.01)
    assert uptime.unknown_s == 20 * HOUR_S
    assert (await watch.raw())[-1].reason == "cannot connect"


async def test_an_hour_without_the_console_is_unknown(watch: Watch) -> None:
    """It was up before and it was up after; nobody knows what was between."""
    await watch.look(seconds=2 * HOUR_S)
    watch.still.hands.move(HOUR_S)
    await watch.another_leads()
    await watch.look(seconds=2 * HOUR_S)
    first, second = await watch.raw()
    assert second.started_at - first.until_at == timedelta(seconds=HOUR_S + CHECK_INTERVAL_S)
    uptime = await watch.uptime()
    assert uptime.share == 1.0
    assert uptime.unknown_s == pytest.approx(20 * HOUR_S, abs=2 * CHECK_INTERVAL_S)


async def test_a_bot_that_nobody_looks_at_is_unknown(watch: Watch) -> None:
    """The console runs and its checks do not: the interval ends at the last one."""
    await watch.look(seconds=HOUR_S)
    for _ in range(60):
        watch.still.hands.move(60)
        await watch.still.fleet.refresh()
        watch.keeper.observe(watch.still.fleet.current())
        await watch.keeper.store()
    assert await watch.intervals() == [("online", HOUR_S)]
    await watch.look(seconds=HOUR_S)
    assert [status for status, _ in await watch.intervals()] == ["online", "online"]


async def test_a_new_leader_goes_on_with_the_interval(watch: Watch) -> None:
    """A change of the leader is no event of the bot."""
    await watch.look(seconds=HOUR_S)
    await watch.another_leads()
    await watch.look(seconds=HOUR_S)
    assert await watch.intervals() == [("online", 2 * HOUR_S)]
    await watch.another_leads()
    await watch.look(seconds=CHECK_INTERVAL_S, latency_ms=None)
    assert await watch.intervals() == [("online", 2 * HOUR_S + CHECK_INTERVAL_S), ("offline", 0.0)]


async def test_maintenance_counts_neither_way(watch: Watch) -> None:
    """An announced hour with the bot off changes no uptime, and is told by itself."""
    await watch.look(seconds=HOUR_S)
    at = watch.still.hands.at
    policy = BotPolicy(bot_name="elena", changed_at=at, maintenance_since=at, maintenance_reason="new model")
    watch.still.fleet.record_policies(PoliciesReport(reported_at=at, policies=(policy,)))
    await watch.look(seconds=HOUR_S, latency_ms=None)
    watch.still.fleet.record_policies(PoliciesReport(reported_at=watch.still.hands.at, policies=()))
    await watch.look(seconds=HOUR_S)
    uptime = await watch.uptime()
    assert (uptime.share, uptime.down_s) == (1.0, 0.0)
    assert uptime.maintenance_s == pytest.approx(HOUR_S, abs=CHECK_INTERVAL_S)
    assert [one.reason for one in await watch.raw()] == ["", "new model", ""]


async def test_dependencies_have_intervals_too(watch: Watch) -> None:
    """Healthy and down, with the reason; one that is not configured has none."""
    for status in (ServiceStatus.HEALTHY, ServiceStatus.HEALTHY, ServiceStatus.UNHEALTHY, ServiceStatus.NOT_CONFIGURED):
        report = ServiceReport(
            name="redis", title="Redis", status=status, checked_at=watch.still.hands.at, error="gone"
        )
        watch.still.fleet.record_service(report)
        watch.keeper.observe(watch.still.fleet.current())
        watch.still.hands.move(60)
    await watch.keeper.store()
    assert await watch.intervals("service:redis") == [("healthy", 120.0), ("unhealthy", 0.0)]
    assert (await watch.raw("service:redis"))[-1].reason == "gone"


async def test_what_changes_while_postgresql_is_away_is_written_afterwards(watch: Watch, database_url: str) -> None:
    """With its exact times."""
    async with sql_proxy(database_url) as proxy:
        away = Database(proxy.url, pool_size=2)
        watch.keeper._database = away
        await watch.look(seconds=HOUR_S)
        await proxy.cut()
        await watch.look(seconds=HOUR_S, latency_ms=None)
        await watch.look(seconds=HOUR_S)
        await proxy.heal()
        await watch.look(seconds=HOUR_S)
        await away.dispose()
    assert await watch.intervals() == [
        ("online", HOUR_S + CHECK_INTERVAL_S),
        ("offline", HOUR_S),
        ("online", 2 * HOUR_S - CHECK_INTERVAL_S),
    ]
