"""What one process sees reaches the others, in order, and is not believed for longer than it is said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import asyncpg
import pytest

from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import Probe
from chat_api.core.database import Database
from chat_api.core.pubsub import PubSub
from chat_api.core.redis import connect_redis
from chat_api.core.settings import Settings
from chat_api.engine.interface import NoEngine
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.fleet.dependencies import Connections
from chat_api.fleet.health import HealthService
from chat_api.fleet.health_poller import HealthPoller
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.relay_worker import EVICT_AFTER_S, SUSPECT_S, FleetRelay
from chat_api.fleet.reports import ServiceReport, decode, encode
from chat_api.fleet.schemas import BotStatus, BotView, RestartView, ServiceStatus
from chat_api.fleet.service import FleetService
from chat_api.fleet.sources_watcher import SourcesWatcher
from models import RestartState
from tests.support.api import MakeSettings, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot
from tests.support.still_fleet import Hands

NOWHERE = "redis://127.0.0.1:1"


@dataclass(kw_only=True)
class Process:
    """The part of a process that knows the fleet; nothing in it runs by itself, and Redis is away."""

    fleet: FleetService
    relay: FleetRelay
    pubsub: PubSub

    def bot(self, name: str = "elena") -> BotView:
        """A bot as its pages show it."""
        return next(bot for bot in self.fleet.current().bots if bot.name == name)

    async def turn(self) -> None:
        """What the relay does every second."""
        await self.relay.turn()


@asynccontextmanager
async def process(settings: Settings, hands: Hands, redis_url: str = NOWHERE) -> AsyncIterator[Process]:
    """One process on the test's database."""
    assert settings.database_url
    database = Database(settings.database_url.get_secret_value(), pool_size=2)
    redis = connect_redis(NOWHERE)
    connector, registry = BotConnector(settings), BotRegistry(settings)
    fleet = FleetService(registry, connector, check_interval_s=60, clock=hands.clock)
    health = HealthService(Connections(database=database, redis=redis, engine=NoEngine(), settings=Settings()))
    poller = HealthPoller(registry, connector, fleet, health, database, interval_s=60)
    keeper = SourcesWatcher(registry, fleet, poller, NoEngine())
    pubsub = PubSub(redis_url, deployment_id=uuid4().hex)
    try:
        await keeper.refresh()
        yield Process(fleet=fleet, relay=FleetRelay(fleet, keeper, pubsub, database, clock=hands.clock), pubsub=pubsub)
    finally:
        await redis.aclose()
        await database.dispose()


@pytest.fixture
def hands() -> Hands:
    """Both processes' time."""
    return Hands(at=datetime.now(UTC))


@pytest.fixture
async def two(make_settings: MakeSettings, elena: RunningBot, hands: Hands) -> AsyncIterator[tuple[Process, Process]]:
    """Two processes that reach each other through the database only."""
    settings = make_settings(bots=(elena,))
    async with process(settings, hands) as one, process(settings, hands) as other:
        yield one, other


def probe(hands: Hands, *, is_healthy: bool = True) -> Probe:
    """A look at elena now."""
    return Probe(bot_name="elena", is_healthy=is_healthy, checked_at=hands.at, latency_ms=2.0)


def container(hands: Hands, name: str = "elena") -> ContainerView:
    """A running container."""
    return ContainerView(
        bot_name=name,
        kind=ContainerKind.CONTAINER,
        id="c1",
        name=f"{name}-bot",
        state=ContainerState.RUNNING,
        is_managed=True,
        last_seen_at=hands.at,
        port=9099,
        labels={"whisperengine.bot": name},
    )


def restart(hands: Hands, state: RestartState = RestartState.STOPPING) -> RestartView:
    """A restart of elena that began now."""
    return RestartView(
        restart_id=uuid4(),
        bot_name="elena",
        requested_by="olga",
        requested_at=hands.at,
        state=state,
        estimate_s=30,
        error="Last log lines:\n\x00 nul and ünïcode" if state is RestartState.FAILED else None,
    )


async def test_what_travels_is_what_was_seen(hands: Hands) -> None:
    """Every kind survives the journey; what another version may send is ignored."""
    for key, report in (
        ("probe:elena", probe(hands)),
        ("restart:elena", restart(hands, RestartState.FAILED)),
        (
            "service:redis",
            ServiceReport(name="redis", title="Redis", status=ServiceStatus.HEALTHY, checked_at=hands.at),
        ),
    ):
        assert decode(key, encode(report)) == report
    assert decode("weather:today", "{}") is None
    assert decode("probe:elena", '{"bot_name": 7}') is None
    assert decode("probe:elena", "nonsense") is None


async def test_the_database_carries_all_of_it(two: tuple[Process, Process], hands: Hands) -> None:
    """Bots, services, containers with the bots that their labels make, and the progress of a restart."""
    one, other = two
    one.fleet.record_probe(probe(hands))
    one.fleet.record_containers((container(hands), container(hands, "labelled")))
    one.fleet.record_service(
        ServiceReport(name="docker", title="Docker", status=ServiceStatus.UNHEALTHY, checked_at=hands.at, error="gone")
    )
    one.fleet.record_restart(restart(hands))
    await one.turn()
    await other.turn()
    bot = other.bot()
    assert bot.status is BotStatus.RESTARTING
    assert bot.container is not None
    assert bot.container.state is ContainerState.RUNNING
    assert bot.heartbeats[0].checked_at == hands.at
    assert other.bot("labelled").container is not None
    assert [(service.name, service.error) for service in other.fleet.current().services] == [("docker", "gone")]
    one.fleet.record_restart(replace(restart(hands), state=RestartState.ONLINE))
    await one.turn()
    await other.turn()
    assert other.bot().status is BotStatus.ONLINE


async def test_what_is_old_does_not_replace_what_is_new(two: tuple[Process, Process], hands: Hands) -> None:
    """A report that comes late changes nothing; the same one twice is one heartbeat."""
    one, other = two
    late = probe(hands, is_healthy=False)
    hands.move(1)
    other.fleet.record_probe(probe(hands))
    one.fleet.record_probe(late)
    await one.turn()
    await other.relay.catch_up()
    assert other.bot().status is BotStatus.ONLINE
    await other.turn()
    await other.turn()
    assert other.bot().status is BotStatus.ONLINE
    assert len(other.bot().heartbeats) == 1


async def test_a_clock_that_is_ahead_makes_nothing_fresh(two: tuple[Process, Process], hands: Hands) -> None:
    """A look from the future counts from when it arrived: it grows old like any other."""
    one, other = two
    one.fleet.record_probe(replace(probe(hands), checked_at=hands.at + timedelta(hours=1)))
    await one.turn()
    await other.turn()
    assert other.bot().status is BotStatus.ONLINE
    hands.move(125)
    await other.fleet.refresh()
    assert other.bot().status is BotStatus.UNKNOWN


async def test_silence_ends_restarts_and_makes_containers_unknown(
    two: tuple[Process, Process], hands: Hands, database_url: str
) -> None:
    """Whoever reported them may be dead: neither "restarting" for ever, nor "running" on hearsay."""
    one, other = two

    async def pass_time(seconds: float) -> None:
        """Here, and for what the database keeps."""
        hands.move(seconds)
        connection = await asyncpg.connect(database_url)
        await connection.execute(
            "UPDATE web_fleet_reports SET reported_at = reported_at - $1 * interval '1 s'", seconds
        )
        await connection.close()

    one.fleet.record_containers((container(hands),))
    going_on = restart(hands)
    one.fleet.record_restart(going_on)
    await one.turn()
    await other.turn()
    await pass_time(EVICT_AFTER_S - 1)
    one.fleet.record_restart(going_on)  # said again
    await one.turn()
    await other.turn()
    assert other.bot().status is BotStatus.RESTARTING
    await pass_time(2)
    await other.turn()
    shown = other.bot().container
    assert shown is not None
    assert shown.state is ContainerState.UNKNOWN
    assert shown.last_seen_at < hands.at  # "last seen …"
    assert other.bot().status is BotStatus.RESTARTING
    await pass_time(EVICT_AFTER_S)
    await other.turn()
    assert other.bot().restart is None
    assert one.bot().restart is not None


async def test_after_a_gap_the_database_is_read_for_a_while(
    make_settings: MakeSettings, redis_url: str, elena: RunningBot, hands: Hands
) -> None:
    """What was missed is stored only a second later; without a gap, and with Redis, the database is not asked."""
    settings = make_settings(bots=(elena,))
    async with process(settings, hands) as one, process(settings, hands, redis_url) as other:
        listening = asyncio.create_task(other.pubsub.run())
        try:
            await eventually(lambda: other.pubsub.is_live)  # the gap of having subscribed
            await other.turn()
            one.fleet.record_probe(probe(hands))
            await one.turn()
            await other.turn()
            assert other.bot().status is BotStatus.ONLINE
            hands.move(SUSPECT_S)
            one.fleet.record_probe(probe(hands, is_healthy=False))
            await one.turn()
            await other.turn()
            assert other.bot().status is BotStatus.ONLINE
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)


async def test_redis_carries_it_at_once(make_settings: MakeSettings, elena: RunningBot) -> None:
    """The progress of a restart on one process shows on the other without the database being asked."""
    settings = make_settings(bots=(elena,), bot_health_check_interval=60)
    async with running_api(settings) as one, running_api(settings) as two:
        await eventually(lambda: one.services.pubsub.is_live and two.services.pubsub.is_live)
        view = restart(Hands(at=datetime.now(UTC)))
        two.services.fleet.record_restart(view)
        await eventually(lambda: one.services.fleet.restart_of("elena") == view)
        done = replace(view, state=RestartState.ONLINE)
        two.services.fleet.record_restart(done)
        await eventually(lambda: one.services.fleet.restart_of("elena") == done)
