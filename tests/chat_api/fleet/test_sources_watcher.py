"""From the engine to the fleet: a killed container shows by its event, and by the next list when no event comes."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chat_api.core.database import Database
from chat_api.core.redis import connect_redis
from chat_api.core.settings import Settings
from chat_api.engine.docker import DockerEngine
from chat_api.fleet.dependencies import Connections
from chat_api.fleet.health import HealthService
from chat_api.fleet.health_poller import HealthPoller
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import BotStatus, FleetView
from chat_api.fleet.service import FleetService
from chat_api.fleet.sources_watcher import SourcesWatcher
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually
from tests.support.fault_proxy import FaultProxy, Way, running
from tests.support.still_fleet import still_fleet

HOUR_S = 3600.0


class DeafProxy(FaultProxy):
    """Once ``is_deaf``, the event stream stays open and nothing comes through it; all else passes."""

    def __init__(self, folder: Path, host: str) -> None:
        super().__init__(folder / "sock", Path(host.removeprefix("unix://")))
        self.is_deaf = False
        self.swallowed_bytes = 0
        self._streams: set[asyncio.StreamWriter] = set()

    def _passes(self, connection: asyncio.StreamWriter, chunk: bytes, *, way: Way) -> bool:
        if way is Way.THERE and b"/events?" in chunk:
            self._streams.add(connection)
        if not self.is_deaf or way is Way.THERE or connection not in self._streams:
            return True
        self.swallowed_bytes += len(chunk)
        return False


@dataclass(kw_only=True)
class Sight:
    """The fleet, and what it published."""

    fleet: FleetService
    published: list[FleetView]

    def status(self, name: str) -> BotStatus | None:
        """What the last published view says of a bot."""
        bots = self.published[-1].bots if self.published else ()
        return next((bot.status for bot in bots if bot.name == name), None)


@contextlib.asynccontextmanager
async def watching(
    engine: DockerEngine, folder: Path, database_url: str, redis_url: str, *, list_interval_s: float
) -> AsyncIterator[Sight]:
    """A running keeper; nobody asks bots for their health, so that only containers can change anything."""
    still = await still_fleet(folder, "elena")
    registry = BotRegistry(Settings(bots_env_dir=folder, characters_dir=folder / "none"))
    await registry.refresh()
    fleet = FleetService(registry, still.connector, check_interval_s=HOUR_S)
    database, redis = Database(database_url, pool_size=2), connect_redis(redis_url)
    health = HealthService(Connections(database=database, redis=redis, engine=engine, settings=Settings()))
    poller = HealthPoller(registry, still.connector, fleet, health, database, interval_s=HOUR_S)
    keeper = SourcesWatcher(registry, fleet, poller, engine, list_interval_s=list_interval_s)
    sight = Sight(fleet=fleet, published=[])
    fleet.changes.listen(sight.published.append)
    task = asyncio.create_task(keeper.watch_containers())
    try:
        yield sight
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
        await redis.aclose()
        await database.dispose()


@pytest.mark.docker
async def test_a_killed_container_shows_by_its_event(
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    tmp_path: Path,
    database_url: str,
    redis_url: str,
) -> None:
    """With lists and health checks an hour apart only the engine's event can have told the fleet."""
    engine = DockerEngine(docker_engine.host)
    started = bot_container("elena")
    async with watching(engine, tmp_path, database_url, redis_url, list_interval_s=HOUR_S) as sight:
        await eventually(lambda: sight.status("elena") is BotStatus.UNKNOWN)
        await asyncio.to_thread(started.container.kill)
        await eventually(lambda: sight.status("elena") is BotStatus.OFFLINE)
        bot = sight.published[-1].bots[0]
        assert bot.container is not None
        assert bot.container.exit_code == 137
    await engine.close()


@pytest.mark.docker
async def test_an_event_stream_that_goes_silent_is_made_up_for_by_the_next_list(
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    tmp_path: Path,
    database_url: str,
    redis_url: str,
) -> None:
    """The stream is open and says nothing of the kill; the list does."""
    folder = tmp_path / "p"
    folder.mkdir()
    started = bot_container("elena")
    async with running(DeafProxy(folder, docker_engine.host)) as proxy:
        assert isinstance(proxy, DeafProxy)
        engine = DockerEngine(proxy.host)
        async with watching(engine, tmp_path, database_url, redis_url, list_interval_s=2) as sight:
            await eventually(lambda: sight.status("elena") is BotStatus.UNKNOWN)
            await eventually(lambda: proxy._streams)
            proxy.is_deaf = True
            await asyncio.to_thread(started.container.kill)
            await eventually(lambda: sight.status("elena") is BotStatus.OFFLINE)
            assert proxy.swallowed_bytes > 0
        await engine.close()
