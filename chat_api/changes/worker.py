"""Records every start of every bot, and what bots say of themselves; one process does, for all.

It hears what that process itself sees: the engine's containers and the bots' answers. The engine is asked once for a
container, which keeps its image and its environment as long as it lives, and once for a start of a service.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from chat_api.background.worker_registry import heartbeat
from chat_api.changes.facts import facts_of_bot, facts_of_container, facts_of_files, facts_of_image
from chat_api.changes.journal import ConfigurationJournal, is_same_start
from chat_api.changes.schemas import Facts, Start
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.reports import ContainersReport, FleetReport, InfoReport
from chat_api.fleet.service import FleetService

log = get_logger(__name__)

WAKE_S = 5.0
PRUNE_EVERY_S = 3600.0
MAX_PARALLEL = 2
FACTS_TIMEOUT_S = 20.0
# The engine's facts that could not be had are asked for again so often before the start is recorded without them.
MAX_TRIES = 3
RETRY_S = 20.0
_NOT_STARTED = frozenset({ContainerState.CREATED, ContainerState.MISSING, ContainerState.UNKNOWN})


class ChangesWorker:
    """Holds what was heard and is not recorded yet: the last of each bot."""

    def __init__(
        self,
        fleet: FleetService,
        registry: BotRegistry,
        engine: ContainerEngine,
        journal: ConfigurationJournal,
        *,
        characters_dir: Path,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._fleet = fleet
        self._registry = registry
        self._engine = engine
        self._journal = journal
        self._characters_dir = characters_dir
        self._clock = clock
        self._containers: dict[str, ContainerView] = {}
        self._has_listed = isinstance(engine, NoEngine)
        self._recorded: dict[str, str] = {}
        # Bots whose image and environment are known, by the container that has them.
        self._known: dict[str, str] = {}
        self._told: dict[str, InfoReport] = {}
        self._said: dict[str, tuple[Start, Facts]] = {}
        self._tries: dict[str, tuple[str, int, float]] = {}
        self._heard = asyncio.Event()
        self._slots = asyncio.Semaphore(MAX_PARALLEL)

    async def run(self) -> None:
        """Record until cancelled. Raises: DatabaseUnavailable."""
        with self._fleet.reports.listening(self.hear):
            await self._resume()
            while True:
                heartbeat(interval_s=WAKE_S)
                self._heard.clear()
                await self.record()
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(WAKE_S):
                        await self._heard.wait()

    async def prune(self) -> None:
        """Drop what is old."""
        await self._journal.prune()

    def hear(self, report: FleetReport) -> None:
        """Take over what this process saw; what a bot said before its newest start is not that start's."""
        if isinstance(report, InfoReport):
            self._told[report.info.bot_name] = report
            self._heard.set()
        elif isinstance(report, ContainersReport):
            self._take_over(report.containers)

    async def record(self) -> None:
        """Write down what was heard since. Raises: DatabaseUnavailable."""
        names = {spec.name for spec in self._registry.all()}
        for held in (self._containers, self._told, self._said, self._recorded, self._known, self._tries):
            for name in held.keys() - names:
                del held[name]
        begun = [view for name, view in self._containers.items() if self._is_new(name, view)]
        await asyncio.gather(*(self._record_start(view) for view in begun))
        if self._has_listed:
            for name in list(self._told):
                await self._record_told(name)

    async def _resume(self) -> None:
        """What is recorded already need not be asked for again."""
        for last in await self._journal.recorded():
            self._recorded[last.bot_name] = last.start_key
            is_known = last.has_environment and last.key_id == self._journal.values.key_id
            if is_known and last.start_key.startswith("engine:"):
                self._known[last.bot_name] = _container_of(last.start_key)

    def _take_over(self, containers: Iterable[ContainerView]) -> None:
        for view in containers:
            name = self._registry.name_of(view.bot_name)
            if view.state in _NOT_STARTED or view.started_at is None:
                continue
            before = self._containers.get(name)
            if before is None or _key(before) != _key(view):
                self._told.pop(name, None)
                self._heard.set()
            self._containers[name] = view
        self._has_listed = True

    def _is_new(self, name: str, view: ContainerView) -> bool:
        if self._recorded.get(name) == _key(view):
            return False
        key, _, again_s = self._tries.get(name, ("", 0, 0.0))
        return key != _key(view) or self._clock.monotonic_s() >= again_s

    async def _record_start(self, view: ContainerView) -> None:
        name, start = self._registry.name_of(view.bot_name), _start(view)
        async with self._slots:
            facts = await self._engine_facts(name, view)
            if facts is None:
                return
            facts = {**facts, **await self._files(name)}
            await self._journal.started(name, start, facts)
        self._recorded[name] = start.key
        self._said.pop(name, None)
        self._tries.pop(name, None)

    async def _engine_facts(self, name: str, view: ContainerView) -> Facts | None:
        """What the engine tells of a container; nothing new of one that is known; None to come back later."""
        if view.kind is ContainerKind.CONTAINER and self._known.get(name) == view.id:
            return {}
        if not view.is_managed:
            return facts_of_image(view.image, self._journal.values)
        try:
            async with asyncio.timeout(FACTS_TIMEOUT_S):
                found = facts_of_container(await self._engine.facts(view), self._journal.values)
        except (AppError, TimeoutError) as error:
            key, tries, _ = self._tries.get(name, ("", 0, 0.0))
            tries = tries + 1 if key == _key(view) else 1
            log.debug("container_facts_not_read", bot_name=name, tries=tries, error=type(error).__name__)
            if tries >= MAX_TRIES:
                return {}
            self._tries[name] = (_key(view), tries, self._clock.monotonic_s() + RETRY_S)
            return None
        self._known[name] = view.id
        return found

    async def _files(self, name: str) -> Facts:
        return await asyncio.to_thread(facts_of_files, self._characters_dir, name, self._journal.values)

    async def _record_told(self, name: str) -> None:
        """What a bot says, once its start is recorded; without a container its uptime says when that was."""
        report = self._told[name]
        if self._fleet.identities.fault(name) is not None:
            del self._told[name]  # what another bot says at its address is not its own
            return
        facts = facts_of_bot(report.info, self._journal.values)
        view = self._containers.get(name)
        if view is not None and self._recorded.get(name) != _key(view):
            return  # later
        start = _said_start(report) if view is None else _start(view)
        said = self._said.get(name)
        if said is None or said[1] != facts or not is_same_start(said[0], start):
            if view is None:
                known = {**facts, **await self._files(name)}
                await self._journal.started(name, start, known, told_at=report.reported_at)
            if facts:
                await self._journal.told(name, facts, at=report.reported_at)
            self._said[name] = (start, facts)
        if self._told.get(name) is report:  # else it said something else meanwhile
            del self._told[name]


def _start(view: ContainerView) -> Start:
    assert view.started_at is not None
    return Start(key=_key(view), at=view.started_at)


def _key(view: ContainerView) -> str:
    at = view.started_at.isoformat() if view.started_at else ""
    return f"engine:{view.id[:100]}@{at}"


def _container_of(start_key: str) -> str:
    return start_key.removeprefix("engine:").rpartition("@")[0]


def _said_start(report: InfoReport) -> Start:
    """When a bot was started by its own account; one that does not tell was, once, before it was seen."""
    if report.info.uptime_s is None:
        return Start(key="seen:", at=report.reported_at)
    at = report.reported_at - timedelta(seconds=report.info.uptime_s)
    return Start(key=f"uptime:{at:%Y-%m-%dT%H:%M:%S}", at=at)
