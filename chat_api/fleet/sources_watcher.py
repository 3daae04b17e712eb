"""Keeps the registry current: what the files say every half minute, what the container engine shows at once."""

import asyncio
import contextlib

from chat_api.background.supervisor import every
from chat_api.background.worker_registry import heartbeat
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.engine.schemas import ContainerState, ContainerView
from chat_api.engine.watcher import LIST_INTERVAL_S, DockerWatcher
from chat_api.fleet.health_poller import HealthPoller
from chat_api.fleet.known_bots import KnownBotsService
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.service import FleetService
from chat_api.fleet.sources import LabelledContainer

log = get_logger(__name__)

REFRESH_S = 30.0
REPEAT_S = 15.0
REMEMBER_S = 5.0
LAST_REMEMBER_TIMEOUT_S = 1.0
# A container in one of these declares its bot; one that merely lies there only keeps it, until somebody removes it.
UP = frozenset({ContainerState.RUNNING, ContainerState.RESTARTING, ContainerState.PAUSED})


class SourcesWatcher:
    """Turns what the sources and the engine say into the fleet that everybody sees."""

    def __init__(
        self,
        registry: BotRegistry,
        fleet: FleetService,
        poller: HealthPoller,
        engine: ContainerEngine,
        *,
        list_interval_s: float = LIST_INTERVAL_S,
        known: KnownBotsService | None = None,
    ) -> None:
        """``known`` remembers bots that nothing describes any more."""
        self._registry = registry
        self._fleet = fleet
        self._poller = poller
        self._engine = engine
        self._list_interval_s = list_interval_s
        self._known = known
        self._reported: frozenset[str] = frozenset()
        self._labelled: tuple[LabelledContainer, ...] = ()
        self._engine_problem = ""
        self._watcher: DockerWatcher | None = None

    async def refresh_regularly(self) -> None:
        """Read the sources every half minute until cancelled; every process does."""
        while True:
            heartbeat(interval_s=REFRESH_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(REFRESH_S):
                    await (self._known.changed if self._known else asyncio.Event()).wait()
            await self.refresh()

    async def remember_regularly(self) -> None:
        """Store who was seen until cancelled, and once more then; one process does, for all."""
        if self._known is None:
            await asyncio.Event().wait()
            return
        try:
            await every(REMEMBER_S, self._known.keep)
        finally:
            # Without it, whoever was first seen in the last seconds would never have been seen after a restart.
            with contextlib.suppress(TimeoutError, AppError):
                async with asyncio.timeout(LAST_REMEMBER_TIMEOUT_S):
                    await self._known.keep()

    async def watch_containers(self) -> None:
        """Watch the engine until cancelled; one process does, for all."""
        if isinstance(self._engine, NoEngine):
            await asyncio.Event().wait()
        watcher = DockerWatcher(self._engine, self.record_containers, list_interval_s=self._list_interval_s)
        self._watcher = watcher
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(watcher.run())
            tasks.create_task(self._repeat(watcher))

    def list_soon(self) -> None:
        """What may be acted on has changed: ask the engine again, where this process watches it."""
        if self._watcher is not None:
            self._watcher.list_soon()

    def was_asked_to_stop(self, container: str) -> bool:
        """Whether somebody was seen to stop this container, which is no bot; the process that watches knows."""
        return self._watcher is not None and self._watcher.was_asked_to_stop(container)

    async def refresh(self) -> None:
        """Read the sources now."""
        if self._known is not None:
            self._known.changed.clear()
            await self._known.load()
        await self._registry.refresh(labelled=self._labelled, engine_problem=self._engine_problem)
        named = {spec.container_name: spec.name for spec in self._registry.all() if spec.container_name}
        if named != self._engine.adopted.bots:
            self._engine.adopted.bots = named
            self.list_soon()
        problems = frozenset(self._registry.problems)
        for problem in sorted(problems - self._reported):
            (log.error if self._registry.is_config_unread else log.warning)("registry_problem", problem=problem)
        self._reported = problems
        self._fleet.sync_registry()
        if self._known is not None:
            self._known.show_last_seen()

    async def _repeat(self, watcher: DockerWatcher) -> None:
        """Say again what has not changed: for who has not heard it, and to tell it from the silence of who is gone."""
        while True:
            await asyncio.sleep(REPEAT_S)
            if watcher.has_listed:
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
                inner_port=container.inner_port,
                service_name=container.service_name,
                alias=container.alias,
                is_labelled=container.is_managed or container.is_bot,
                is_up=container.state in UP,
            )
            for container in containers
        )
        problem = _problem(containers)
        if labelled == self._labelled and problem == self._engine_problem:
            return False
        self._labelled, self._engine_problem = labelled, problem
        await self.refresh()
        return True


def _problem(containers: tuple[ContainerView, ...]) -> str:
    """Why what is known of containers is not new, in words for the operator; empty when it is."""
    if not containers or any(container.state is not ContainerState.UNKNOWN for container in containers):
        return ""
    seen_at = max(container.last_seen_at for container in containers)
    return (
        f"The container engine has not listed its containers since {seen_at:%Y-%m-%d %H:%M} UTC. The last list is used."
    )
