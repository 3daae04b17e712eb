"""Looks at the parts of the fleet every few seconds; one process does, and tells the others."""

import asyncio
import contextlib
from collections.abc import Callable
from dataclasses import replace

from chat_api.background.worker_registry import heartbeat
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerSummary
from chat_api.engine.views import bot_of
from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import PartRole, ServiceStatus
from chat_api.fleet.service import FleetService
from chat_api.parts.adoption import AdoptionService
from chat_api.parts.checks import PartChecks
from chat_api.parts.recognition import part_of, parts_of
from chat_api.parts.schemas import Part

log = get_logger(__name__)

INTERVAL_S = 5.0
LEAST_INTERVAL_S = 1.0
RELOAD_S = 30.0
MAX_PARALLEL = 16


async def keep_adopted(adoption: AdoptionService, list_soon: Callable[[], None]) -> None:
    """Read what is adopted at the start, when it changes, and now and then, until cancelled; every process does."""
    while True:
        heartbeat(interval_s=RELOAD_S)
        if await adoption.load():
            list_soon()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(RELOAD_S):
                await adoption.changed.wait()
                list_soon()


class PartsWorker:
    """Reports each part to the fleet, as a dependency of its own. What was adopted and is gone stays, as missing."""

    def __init__(
        self,
        engine: ContainerEngine,
        fleet: FleetService,
        adoption: AdoptionService,
        *,
        is_inside: bool,
        check_interval_s: float = INTERVAL_S,
        woken: asyncio.Event | None = None,
        was_asked_to_stop: Callable[[str], bool] = lambda _: False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """``is_inside``: as for :class:`PartChecks`. ``check_interval_s``: how often bots are looked at.

        ``woken`` is set by whoever wants it to look now. ``was_asked_to_stop``: by the name of a container.
        """
        self._engine = engine
        self._fleet = fleet
        self._adoption = adoption
        # Not less often than bots: what was seen is believed for so many of these, and then nobody knows.
        self._interval_s = min(INTERVAL_S, max(LEAST_INTERVAL_S, check_interval_s))
        self._clock = clock
        self._checks = PartChecks(is_inside=is_inside, was_asked_to_stop=was_asked_to_stop, clock=clock)
        self._slots = asyncio.Semaphore(MAX_PARALLEL)
        self._woken = woken or asyncio.Event()

    async def run(self) -> None:
        """Look until cancelled."""
        if isinstance(self._engine, NoEngine):
            await asyncio.Event().wait()
        self._checks.begin_anew()
        while True:
            heartbeat(interval_s=self._interval_s)
            self._woken.clear()
            try:
                await self.look()
            except AppError as error:
                log.debug("parts_not_listed", code=error.code, detail=error.detail)
            try:
                async with asyncio.timeout(self._interval_s):
                    await self._woken.wait()
            except TimeoutError:
                continue

    async def look(self) -> None:
        """Look once. Raises: EngineUnavailable, EngineFailed."""
        summaries = await self._engine.list_containers()
        parts = (*parts_of(summaries), *self._missing(summaries))
        for service in self._fleet.current().services:
            self._checks.recall(service)
        for report in await asyncio.gather(*(self._report(part) for part in parts)):
            self._fleet.record_service(report)
        present = {part.key for part in parts}
        for service in self._fleet.current().services:
            if service.role is not PartRole.DEPENDENCY and service.name not in present:
                self._checks.forget(service.name)
                gone = ServiceReport(
                    name=service.name,
                    title=service.title,
                    status=ServiceStatus.NOT_CONFIGURED,
                    checked_at=self._clock.now(),
                    role=service.role,
                )
                self._fleet.record_service(gone)

    async def _report(self, part: Part) -> ServiceReport:
        async with self._slots:
            return await self._checks.report(part)

    def _missing(self, summaries: tuple[ContainerSummary, ...]) -> tuple[Part, ...]:
        """Adopted containers that the engine has no more; bots among them are shown as bots."""
        listed = {summary.name for summary in summaries}
        known = {
            service.container: service
            for service in self._fleet.current().services
            if service.container and service.container not in listed
        }
        missing = []
        for one in self._adoption.stored:
            is_bot = bot_of(one.name, None, label="", adopted=self._engine.adopted) is not None
            if one.name in listed or (is_bot and one.name not in known):
                continue
            summary = ContainerSummary(
                name=one.name,
                id="",
                kind=ContainerKind.CONTAINER,
                state=ContainerState.MISSING,
                project=one.project,
                is_adopted=True,
            )
            part = part_of(summary)
            if service := known.get(one.name):  # its image said what it is
                recognition = replace(part.recognition, role=service.role, title=service.title)
                part = replace(part, recognition=recognition)
            missing.append(part)
        return tuple(missing)
