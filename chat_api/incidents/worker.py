"""Keeps the incidents: looks at every change of the fleet, and once a second at what only time changes.

One process does, for all; two that do it at once, while one takes over from the other, do no harm.
"""

import asyncio
import contextlib
from datetime import timedelta
from uuid import UUID

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.fleet.reports import IncidentsReport
from chat_api.fleet.schemas import BotView, FleetView, Trouble
from chat_api.fleet.service import FleetService
from chat_api.incidents import sentences
from chat_api.incidents.journal import IncidentJournal
from chat_api.incidents.rules import bot_cause, judge
from chat_api.incidents.schemas import OpenIncident
from chat_api.incidents.service import IncidentsService
from chat_api.incidents.tracker import Change, IncidentTracker, Merger, Opening, Resolution, Step
from models import Severity

log = get_logger(__name__)

EVALUATE_EVERY_S = 1.0
# Changes so close together are one look: a poll of 500 bots is not 500 of them.
DEBOUNCE_S = 0.2
READ_EVERY_S = 15.0
RETRY_S = 2.0
PRUNE_EVERY_S = 3600.0
PARALLEL_CAPTURES = 4
WITNESSES = 10
RESTARTS_BEFORE = timedelta(minutes=10)


class IncidentWorker:
    """Owns the tracker, which lives on when this process stops leading and leads again."""

    def __init__(
        self,
        fleet: FleetService,
        journal: IncidentJournal,
        incidents: IncidentsService,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._fleet = fleet
        self._journal = journal
        self._incidents = incidents
        self._clock = clock
        self._tracker = IncidentTracker()
        self._open: dict[str, OpenIncident] = {}
        self._is_read = False
        self._read_at_s = 0.0
        self._changed = asyncio.Event()
        self._recorded: set[tuple[UUID, UUID, bool]] = set()
        self._captures: set[asyncio.Task[None]] = set()
        self._capturing = asyncio.Semaphore(PARALLEL_CAPTURES)

    async def run(self) -> None:
        """Keep until cancelled."""
        self._is_read = False
        try:
            with self._fleet.changes.listening(self._notice):
                while True:
                    try:
                        await self.evaluate()
                        pause_s = DEBOUNCE_S
                    except AppError as error:
                        # What was found stays in the tracker until it can be stored.
                        log.warning("incidents_not_stored", code=error.code, detail=error.detail)
                        self._is_read, pause_s = False, RETRY_S
                    await asyncio.sleep(pause_s)
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(EVALUATE_EVERY_S):
                            await self._changed.wait()
        finally:
            for task in tuple(self._captures):
                task.cancel()
            await asyncio.gather(*self._captures, return_exceptions=True)

    async def evaluate(self) -> None:
        """Look once, and do what has to be done. Raises: DatabaseUnavailable."""
        self._changed.clear()
        view = self._fleet.current()
        now = self._clock.now()
        judgements = judge(view, now=now)
        if not self._is_read or self._clock.monotonic_s() - self._read_at_s >= READ_EVERY_S:
            try:
                await self._read(view)
            except AppError:
                # Trouble is noticed also while it cannot be stored.
                self._tracker.steps(view, judgements, self._open, now=now)
                raise
        steps = self._tracker.steps(view, judgements, self._open, now=now)
        for step in steps:
            await self._do(step, view)
        if steps:
            await self._read(view)
        self._tell_fleet(view)
        await self._note_restarts(view)

    async def prune(self) -> None:
        """Drop incidents of long ago."""
        await self._journal.prune()

    async def _do(self, step: Step, view: FleetView) -> None:
        match step:
            case Opening():
                is_of_service = step.judgement.cause.startswith("service:")
                if await self._journal.open(step, dependents=view.bots if is_of_service else ()):
                    self._capture(step.judgement.failing, sentences.INCIDENT_OPENED)
            case Change():
                joined = set(await self._journal.change(step))
                room = max(0, WITNESSES - step.incident.evidence_count)
                witnesses = [bot for bot in step.joined if bot.name in joined]
                self._capture(witnesses[:room], sentences.BOT_JOINED)
            case Resolution():
                await self._journal.resolve(step)
            case Merger():
                await self._journal.merge(step)

    async def _read(self, view: FleetView) -> None:
        self._open = await self._journal.open_ones()
        self._read_at_s = self._clock.monotonic_s()
        if not self._is_read:
            # Whoever opened these may have died before there was any evidence.
            bots = {bot.name: bot for bot in view.bots}
            for incident in self._open.values():
                if not incident.evidence_count:
                    failing = [bots[name] for name in sorted(incident.failing) if name in bots]
                    self._capture(failing, sentences.TAKEN_OVER)
        self._is_read = True

    def _tell_fleet(self, view: FleetView) -> None:
        """What is open is shown wherever it is said how all is."""
        found = tuple(
            Trouble(key=incident.cause, title=incident.title, severity=Severity.WARNING, bots=_bots_of(incident))
            for _, incident in sorted(self._open.items())
        )
        if found != view.incidents:
            self._fleet.record_incidents(IncidentsReport(reported_at=self._clock.now(), incidents=found))

    async def _note_restarts(self, view: FleetView) -> None:
        for bot in view.bots:
            restart = bot.restart
            if restart is None:
                continue
            for incident in self._open.values():
                key = (incident.incident_id, restart.restart_id, restart.is_running)
                is_begun = (incident.incident_id, restart.restart_id, True) in self._recorded
                is_of_it = is_begun or bot.name in incident.failing or incident.cause == bot_cause(bot.name)
                is_recent = restart.requested_at >= incident.opened_at - RESTARTS_BEFORE
                if is_of_it and is_recent and key not in self._recorded:
                    await self._journal.restarted(incident, restart)
                    self._recorded.add(key)
        living = {incident.incident_id for incident in self._open.values()}
        self._recorded = {key for key in self._recorded if key[0] in living}

    def _capture(self, bots: "list[BotView] | tuple[BotView, ...]", reason: str) -> None:
        for bot in bots[:WITNESSES]:
            task = asyncio.create_task(self._captured(bot, reason), name=f"evidence-{bot.name}")
            self._captures.add(task)
            task.add_done_callback(self._captures.discard)

    async def _captured(self, bot: BotView, reason: str) -> None:
        async with self._capturing:
            await self._incidents.capture(bot.name, reason, seen=bot)

    def _notice(self, _: FleetView) -> None:
        self._changed.set()


def _bots_of(incident: OpenIncident) -> tuple[str, ...]:
    kind, _, name = incident.cause.partition(":")
    return tuple(sorted(incident.failing | ({name} if kind == "bot" else set())))
