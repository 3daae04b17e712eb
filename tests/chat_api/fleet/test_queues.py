"""Queues of the fleet's workers: read from a real Valkey, judged by a clock that the test moves."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from redis.asyncio import Redis

from chat_api.alerts.rules import readings
from chat_api.alerts.schemas import Evaluation, MetricsSnapshot, RuleView
from chat_api.bots.schemas import BotInfo
from chat_api.core.ids import new_id
from chat_api.core.redis import connect_redis
from chat_api.fleet.queue_watcher import QueueWatcher
from chat_api.fleet.queues import QueueGrowth
from chat_api.fleet.reports import FleetReport, InfoReport, ServiceReport, decode, encode, key_of
from chat_api.fleet.schemas import ServiceStatus, ServiceView
from chat_api.fleet_data.queue_lives import QueuesService
from chat_api.fleet_data.schemas import QueueState
from chat_api.incidents.rules import Evaluation as Verdict
from chat_api.incidents.rules import judge
from models import NoData, RuleKind, Severity
from tests.support.still_fleet import Hands, StillFleet, still_fleet, viewer

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)


@dataclass(kw_only=True)
class Watch:
    """A leader that looks when it is told to, and the fleet's Redis."""

    still: StillFleet
    redis: Redis
    watcher: QueueWatcher
    added: int = 0

    @property
    def hands(self) -> Hands:
        """The clock."""
        return self.still.hands

    async def enqueue(self, queue: str, count: int, *, ago_s: float = 0.0) -> None:
        """Jobs as arq adds them."""
        at_ms = (self.hands.at.timestamp() - ago_s) * 1000
        for _ in range(count):
            self.added += 1
            await self.redis.zadd(f"arq:{queue}", {f"job{self.added}": at_ms})

    async def turns(self, minutes: float, *, queue: str = "", a_minute: int = 0) -> None:
        """Look every ten seconds for some minutes; so many jobs are added in each."""
        for turn in range(round(minutes * 6)):
            if a_minute and turn % 6 == 0:
                await self.enqueue(queue, a_minute)
            await self.watcher.turn()
            self.hands.move(10)

    def service(self, name: str) -> ServiceView:
        """What everybody sees of one queue."""
        return next(one for one in self.still.fleet.current().services if one.name == f"queue-{name}")


@pytest.fixture
async def watch(redis_url: str, tmp_path: Path) -> AsyncIterator[Watch]:
    """A fleet whose queues are empty."""
    still = await still_fleet(tmp_path, "elena")
    client = connect_redis(redis_url)
    watcher = QueueWatcher(client, still.fleet, check_interval_s=60, clock=still.hands.clock)
    async with Redis.from_url(redis_url) as redis:
        yield Watch(still=still, redis=redis, watcher=watcher)
    await client.aclose()


async def test_a_queue_that_only_grows_is_an_incident_until_it_has_shrunk(watch: Watch) -> None:
    """Ten minutes of growing, then one worker is back: it takes more than a small dip to be well again."""
    await watch.turns(9, queue="cognition", a_minute=3)
    assert watch.service("cognition").status is ServiceStatus.HEALTHY
    await watch.turns(2, queue="cognition", a_minute=3)
    service = watch.service("cognition")
    assert (service.status, service.title, service.fault) == (
        ServiceStatus.UNHEALTHY,
        "Queue cognition",
        "only grows",
    )
    assert service.error == "33 jobs are waiting, the oldest for 11 min"
    judgement = judge(watch.still.fleet.current(), now=watch.hands.at)["service:queue-cognition"]
    assert (judgement.evaluation, judgement.title) == (Verdict.FAILING, "Queue cognition only grows")
    rule = RuleView(
        rule_id=new_id(),
        name="A dependency is down",
        kind=RuleKind.SERVICE_DOWN,
        severity=Severity.CRITICAL,
        threshold=None,
        for_s=0,
        keep_firing_for_s=0,
        no_data=NoData.KEEP,
        bots=None,
        channels=None,
        repeat_s=3600,
        is_enabled=True,
    )
    snapshot = MetricsSnapshot(restarts={}, disk_free=None, loop_lag_ms=None, muted=frozenset())
    found = readings(rule, watch.still.fleet.current(), snapshot, watch.hands.at)
    assert [one.subject for one in found if one.evaluation is Evaluation.BAD] == ["service:queue-cognition"]
    await watch.redis.zremrangebyrank("arq:cognition", 0, 2)  # a dip
    await watch.turns(3)
    assert watch.service("cognition").status is ServiceStatus.UNHEALTHY
    await watch.redis.zremrangebyrank("arq:cognition", 0, 9)
    await watch.turns(3)
    assert watch.service("cognition").status is ServiceStatus.HEALTHY
    assert watch.service("sensory").status is ServiceStatus.HEALTHY


async def test_depth_counts_all_jobs_and_age_only_those_that_are_due(watch: Watch) -> None:
    """Jobs for later neither age nor make a queue grow."""
    await watch.enqueue("social", 2, ago_s=90)
    await watch.enqueue("social", 5, ago_s=-3600)
    await watch.turns(0.2)
    queue = watch.service("social").queue
    assert queue is not None
    assert (queue.depth, queue.waiting) == (7, 2)
    assert queue.oldest_job_s == pytest.approx(90, abs=1)
    for _ in range(12):
        await watch.enqueue("social", 2, ago_s=-36_000)
        await watch.turns(1)
    assert watch.service("social").status is ServiceStatus.HEALTHY


@pytest.mark.parametrize(
    ("waiting", "is_growing"),
    [
        ([n // 6 for n in range(66)], True),
        ([n // 6 if n != 30 else 0 for n in range(66)], False),  # a worker emptied it in between
        ([n // 6 + n % 3 for n in range(66)], True),  # jobs end within a minute, and more come
        ([4] * 66, False),  # long, and no longer than before
        ([n // 20 for n in range(66)], False),  # three jobs in ten minutes
        (list(range(30)), False),  # five minutes only
    ],
)
def test_growing_is_never_shorter_and_some_jobs_more(waiting: list[int], is_growing: bool) -> None:
    """By looks every ten seconds."""
    growth = QueueGrowth()
    last = False
    for number, count in enumerate(waiting):
        last = growth.record(count, NOON + timedelta(seconds=10 * number))
    assert last is is_growing


def test_what_came_before_a_gap_counts_for_nothing() -> None:
    """A laptop slept, or another process led: ten minutes begin anew."""
    growth = QueueGrowth()
    for number in range(59):
        assert not growth.record(number, NOON + timedelta(seconds=10 * number))
    assert not growth.record(99, NOON + timedelta(minutes=15))


async def test_another_leader_goes_on_where_the_one_before_ended(watch: Watch) -> None:
    """A queue that grew is not well for ten minutes because another process looks at it now."""
    await watch.turns(11, queue="action", a_minute=4)
    assert watch.service("action").status is ServiceStatus.UNHEALTHY
    watch.watcher = QueueWatcher(
        connect_redis("redis://127.0.0.1:9"), watch.still.fleet, check_interval_s=60, clock=watch.hands.clock
    )
    watch.watcher.resume()
    await watch.watcher.turn()  # its Redis is away: nothing is reported, and nothing fails
    assert watch.service("action").status is ServiceStatus.UNHEALTHY
    watch.hands.move(600)
    await watch.still.fleet.refresh()
    assert watch.service("action").status is ServiceStatus.UNKNOWN
    (queue,) = [one for one in QueuesService(watch.still.fleet).queues(viewer()) if one.queue == "action"]
    assert (queue.state, queue.depth, queue.reported_by) == (QueueState.UNKNOWN, 44, None)


async def test_a_report_of_a_queue_reaches_other_processes_whole(watch: Watch) -> None:
    """As every other report, and one of an older version of us is still read."""
    await watch.enqueue("sensory", 3, ago_s=5)
    reports: list[ServiceReport] = []

    def take(report: FleetReport) -> None:
        if isinstance(report, ServiceReport):
            reports.append(report)

    watch.still.fleet.reports.listen(take)
    await watch.watcher.turn()
    report = next(one for one in reports if one.name == "queue-sensory")
    assert decode(key_of(report), encode(report)) == report
    old = encode(report).replace('"queue":', '"other":')
    assert isinstance(decode(key_of(report), old), ServiceReport)


async def test_without_the_fleets_redis_a_bots_word_is_shown_as_its_claim(watch: Watch) -> None:
    """A depth and nothing else, by the first bot that tells; what is no count is left out."""
    service = QueuesService(watch.still.fleet)
    assert service.queues(viewer()) == ()
    facts = {"queue_depths": {"cognition": 117, "sensory": "many", "action": True, "error": "none"}}
    info = BotInfo(bot_name="elena", contract="v2", facts=facts)
    watch.still.fleet.record_info(InfoReport(reported_at=watch.hands.at, info=info))
    assert service.queues(viewer()) == ()  # nobody knows whether she is there
    watch.still.probe("elena")
    (queue,) = service.queues(viewer())
    assert (queue.queue, queue.depth, queue.state, queue.reported_by) == (
        "cognition",
        117,
        QueueState.UNKNOWN,
        "elena",
    )
    assert queue.oldest_job_s is None
