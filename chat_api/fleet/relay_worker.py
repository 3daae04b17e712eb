"""Carries what one process sees of the fleet to the others, so that all show the same.

Over Redis at once; the newest report of each thing is also stored every second. A process reads the stored ones when it
starts, when it may have missed something, and every second while Redis is away.
"""

import asyncio
import contextlib
import math
from dataclasses import replace
from datetime import datetime
from typing import Any

from chat_api.background.worker_registry import heartbeat
from chat_api.bots.schemas import Probe
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.core.pubsub import PubSub
from chat_api.engine.schemas import ContainerState, ContainerUsage
from chat_api.fleet import reports_repository as fleet_reports
from chat_api.fleet.conduct_schemas import ConductReport
from chat_api.fleet.reports import (
    AlertsReport,
    AnswersReport,
    ContainersReport,
    FleetReport,
    IncidentsReport,
    InfoReport,
    PoliciesReport,
    ServiceReport,
    StatisticsReport,
    decode,
    encode,
    key_of,
    order_of,
)
from chat_api.fleet.schemas import RestartView, SyntheticCheckView
from chat_api.fleet.service import FleetService
from chat_api.fleet.sources_watcher import SourcesWatcher

log = get_logger(__name__)

TOPIC = "fleet"
INTERVAL_S = 1.0
SUSPECT_S = 3.0
# Who looks at containers, or waits for a restart, says so at least every 15 seconds.
EVICT_AFTER_S = 45.0


class FleetRelay:
    """Tells the others what this process saw, and takes over what they saw."""

    def __init__(
        self,
        fleet: FleetService,
        sources: SourcesWatcher,
        pubsub: PubSub,
        database: Database,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._fleet = fleet
        self._sources = sources
        self._pubsub = pubsub
        self._database = database
        self._clock = clock
        self._newest: dict[str, tuple[datetime, int]] = {}
        self._unsaved: dict[str, str] = {}
        # What goes on elsewhere, and when it was last heard of; monotonic.
        self._going_on: dict[str, tuple[ContainersReport | RestartView, float]] = {}
        self._containers: ContainersReport | None = None
        self._since: datetime | None = None
        self._suspect_until_s = -math.inf
        self._wake = asyncio.Event()
        fleet.reports.listen(self._saw)
        pubsub.subscribe(TOPIC, self._on_report)
        pubsub.on_gap(self._missed)

    async def run(self) -> None:
        """Relay until cancelled."""
        while True:
            self._wake.clear()
            await self.turn()
            heartbeat(interval_s=INTERVAL_S)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(INTERVAL_S):
                    await self._wake.wait()

    async def turn(self) -> None:
        """What is done every second, and at once where something waits."""
        await self._take_containers()
        await self._store()
        if self._clock.monotonic_s() < self._suspect_until_s or not self._pubsub.is_live:
            await self.catch_up()
        self._evict_silent()

    async def catch_up(self) -> None:
        """Take over what is stored. While PostgreSQL is away nothing happens, and what is known grows old."""
        try:
            async with self._database.read() as connection:
                rows = await fleet_reports.newer(connection, since=self._since)
        except AppError as error:
            self._suspect()
            log.debug("fleet_reports_not_read", detail=error.detail)
            return
        found = [(report, row.age_s) for row in rows if (report := decode(row.key, row.report)) is not None]
        self._since = max((row.reported_at for row in rows), default=self._since)
        for report, age_s in found:
            if isinstance(report, ContainersReport):  # first, for its labels make bots
                self._take(report, age_s=age_s)
                await self._take_containers()
        for report, age_s in found:
            if not isinstance(report, ContainersReport):
                self._take(report, age_s=age_s)

    # What we saw

    def _saw(self, report: FleetReport) -> None:
        key = key_of(report)
        self._newest[key] = order_of(report)
        self._unsaved[key] = text = encode(report)
        self._pubsub.publish(TOPIC, [key, text])
        self._going_on.pop(key, None)
        if isinstance(report, ContainersReport):
            self._going_on[key] = (report, self._clock.monotonic_s())  # It grows old if we are leader no more.

    async def _store(self) -> None:
        batch, self._unsaved = self._unsaved, {}
        if not batch:
            return
        try:
            async with self._database.statement() as connection:
                await fleet_reports.put(connection, batch)
        except AppError as error:
            log.debug("fleet_reports_not_stored", detail=error.detail)
            self._unsaved = batch | self._unsaved

    # What others saw

    def _on_report(self, payload: Any) -> None:
        key, text = payload
        report = decode(key, text)
        if report is not None:
            self._take(report)

    def _missed(self) -> None:
        self._suspect()
        self._wake.set()

    def _suspect(self) -> None:
        """Read what is stored, for a while: what was missed just now is stored a second later."""
        self._suspect_until_s = self._clock.monotonic_s() + SUSPECT_S

    def _take(self, report: FleetReport, *, age_s: float = 0.0) -> None:
        """Show what another process saw, unless something newer is known."""
        report = self._not_from_the_future(report)
        key, order = key_of(report), order_of(report)
        newest = self._newest.get(key)
        is_repeated = order == newest and isinstance(report, RestartView) and key in self._going_on
        if newest is not None and order <= newest and not is_repeated:
            return
        if self._is_shown(key, report, age_s=age_s):
            self._newest[key] = order

    def _is_shown(self, key: str, report: FleetReport, *, age_s: float) -> bool:
        received_s = self._clock.monotonic_s() - age_s
        if isinstance(report, ContainersReport):
            self._containers = report
            self._going_on[key] = (report, received_s)
            self._wake.set()
            return True
        with self._fleet.relaying():
            if isinstance(report, Probe):
                return self._fleet.record_probe(report) is not None
            if isinstance(report, ServiceReport):
                self._fleet.record_service(report)
                return True
            if not isinstance(report, RestartView):
                self._record_lasting(report)
                return True
            if age_s > EVICT_AFTER_S:
                return False
            self._going_on.pop(key, None)
            if report.is_running:
                self._going_on[key] = (report, received_s)
            self._fleet.record_restart(report)
        return True

    def _record_lasting(
        self,
        report: StatisticsReport
        | PoliciesReport
        | SyntheticCheckView
        | ContainerUsage
        | InfoReport
        | AnswersReport
        | ConductReport
        | AlertsReport
        | IncidentsReport,
    ) -> None:
        """Take over what stays true until the next report of its kind."""
        match report:
            case StatisticsReport():
                self._fleet.record_statistics(report)
            case PoliciesReport():
                self._fleet.record_policies(report)
            case SyntheticCheckView():
                self._fleet.record_synthetic_check(report)
            case ContainerUsage():
                self._fleet.record_usage(report)
            case InfoReport():
                self._fleet.record_info(report)
            case AnswersReport():
                self._fleet.record_answers(report)
            case ConductReport():
                self._fleet.record_conduct(report)
            case AlertsReport():
                self._fleet.record_alerts(report)
            case IncidentsReport():
                self._fleet.record_incidents(report)

    async def _take_containers(self) -> None:
        report, self._containers = self._containers, None
        if report is None:
            return
        if await self._sources.learn(report.containers):
            self._since = None  # Bots that were not known until now may have been reported.
            self._suspect()
        with self._fleet.relaying():
            self._fleet.record_containers(report.containers)

    def _evict_silent(self) -> None:
        """Containers and restarts that nobody reports any more are unknown, not as they last were."""
        before_s = self._clock.monotonic_s() - EVICT_AFTER_S
        for key, (report, received_s) in list(self._going_on.items()):
            if received_s > before_s:
                continue
            del self._going_on[key]
            if isinstance(report, RestartView):
                self._fleet.drop_restart(report.bot_name)
                continue
            unknown = (replace(view, state=ContainerState.UNKNOWN, health=None) for view in report.containers)
            with self._fleet.relaying():
                self._fleet.record_containers(tuple(unknown))

    def _not_from_the_future(self, report: FleetReport) -> FleetReport:
        """Another machine's clock may be ahead; what is old must not look fresh for that."""
        if isinstance(report, (Probe, ServiceReport)):
            return replace(report, checked_at=min(report.checked_at, self._clock.now()))
        return report
