"""Keeps the registry current: what the files say every half minute, what the container engine shows at once."""

import asyncio

from chat_api.clients.container_engine import ContainerEngine, NoEngine
from chat_api.core.logging import get_logger
from chat_api.core.worker_book import beat
from chat_api.schemas.containers import ContainerView
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.bot_sources import LabelledContainer
from chat_api.services.fleet import FleetService
from chat_api.workers.docker_watcher import LIST_INTERVAL_S, DockerWatcher
from chat_api.workers.health_poller import HealthPoller

log = get_logger(__name__)

REFRESH_S = 30.0
REPEAT_S = 15.0


class FleetKeeper:
    """Turns what the sources and the engine say into the fleet that everybody sees."""

    def __init__(
        self,
        registry: BotRegistry,
        fleet: FleetService,
        poller: HealthPoller,
        engine: ContainerEngine,
        *,
        list_interval_s: float = LIST_INTERVAL_S,
    ) -> None:
        self._registry = registry
        self._fleet = fleet
        self._poller = poller
        self._engine = engine
        self._list_interval_s = list_interval_s
        self._labelled: tuple[LabelledContainer, ...] = ()

    async def refresh_regularly(self) -> None:
        """Read the sources every half minute until cancelled; every process does."""
        while True:
            beat(interval_s=REFRESH_S)
            await asyncio.sleep(REFRESH_S)
            await self.refresh()

    async def watch_containers(self) -> None:
        """Watch the engine until cancelled; one process does, for all."""
        if isinstance(self._engine, NoEngine):
            await asyncio.Event().wait()
        watcher = DockerWatcher(self._engine, self.record_containers, list_interval_s=self._list_interval_s)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watcher.run())
            tasks.create_task(self._repeat(watcher))

    async def refresh(self) -> None:
        """Read the sources now."""
        if await self._registry.refresh(labelled=self._labelled):
            for problem in self._registry.problems:
                log.warning("registry_problem", problem=problem)
        self._fleet.sync_registry()

    async def _repeat(self, watcher: DockerWatcher) -> None:
        """Say again what has not changed: for who has not heard it, and to tell it from the silence of who is gone."""
        while True:
            await asyncio.sleep(REPEAT_S)
            if watcher.has_looked:
                await self.record_containers(watcher.views)

    async def record_containers(self, containers: tuple[ContainerView, ...]) -> None:
        """Take over what the engine shows."""
        await self.learn(containers)
        await self._poller.record_containers(containers)

    async def learn(self, containers: tuple[ContainerView, ...]) -> bool:
        """Let labels describe bots: one that came or went changes the fleet itself. Returns whether one did."""
        labelled = tuple(
            LabelledContainer(
                bot_name=container.bot_name,
                container_name=container.name,
                port=container.port,
                labels=container.labels,
            )
            for container in containers
            if container.is_managed
        )
        if labelled == self._labelled:
            return False
        self._labelled = labelled
        await self.refresh()
        return True
