"""One restart, start or stop from its first step to its last: the engine is asked, then the bot, until it answers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

from chat_api.bots.schemas import BotSpec
from chat_api.core.clock import Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.language import N_
from chat_api.core.logging import get_logger
from chat_api.core.masking import mask_lines
from chat_api.core.stored_sentences import stored
from chat_api.engine.interface import ContainerEngine
from chat_api.engine.schemas import ContainerView
from chat_api.fleet.probes import BotProbes
from chat_api.fleet.reports import InfoReport
from chat_api.fleet.schemas import RestartView
from chat_api.fleet.service import FleetService
from chat_api.restarts import repository as restarts
from models import ActionOrigin, BotAction, RestartState

log = get_logger(__name__)

STOP_TIMEOUT_S = 10.0
HEALTH_INTERVAL_S = 0.5
REPEAT_S = 10.0
LOG_LINES = 20
# Evidence is worth a short wait, not a bot that stays broken because nobody could write it down.
EVIDENCE_TIMEOUT_S = 10.0
# What evidence is captured for.
_HEALING = stored(N_("restart by itself"))
_REASONS = {
    BotAction.RESTART: stored(N_("restart by {name}")),
    BotAction.START: stored(N_("start by {name}")),
    BotAction.STOP: stored(N_("stop by {name}")),
}

BeforeRestart = Callable[[str, str], Awaitable[None]]


async def no_evidence(bot_name: str, reason: str) -> None:
    """Stands where nobody wants to look at a bot before it is restarted or stopped."""


class RestartRuns:
    """Runs actions, and tells and stores how far each has come. ``health_deadline_s`` may be changed at any time."""

    def __init__(
        self,
        database: Database,
        engine: ContainerEngine,
        probes: BotProbes,
        fleet: FleetService,
        *,
        health_deadline_s: float,
        clock: Clock,
        before_restart: BeforeRestart,
    ) -> None:
        self._database = database
        self._engine = engine
        self._probes = probes
        self._fleet = fleet
        self.health_deadline_s = health_deadline_s
        self._clock = clock
        self._before_restart = before_restart

    async def run(self, spec: BotSpec, container: ContainerView, view: RestartView) -> RestartView:
        """Do it, and give back how it ended; a failure is a view with ``error``."""
        started_s = self._clock.monotonic_s()
        error: str | None = None
        try:
            view, error = await self._acted(spec, container, view)
        except AppError as failure:
            error = failure.message
            log.warning("restart_failed", bot_name=spec.name, code=failure.code, detail=failure.detail)
        except Exception:
            error = f"The {view.action} failed unexpectedly; the log of the console says more."
            log.exception("restart_failed", bot_name=spec.name)
        if error is not None:
            error += await self._last_words(container)
        return await self._finished(view, error, duration_s=self._clock.monotonic_s() - started_s)

    async def _acted(
        self, spec: BotSpec, container: ContainerView, view: RestartView
    ) -> tuple[RestartView, str | None]:
        is_stopping = view.action is not BotAction.START
        if is_stopping:
            await self._check_first(view)
        started_s = self._clock.monotonic_s()
        if is_stopping:
            view = await self._moved(view, RestartState.STOPPING)
        if view.action is BotAction.STOP:
            await self._engine.stop(container, timeout_s=_stop_timeout_s(container))
            return view, None
        if view.action is BotAction.RESTART:
            await self._engine.restart(container, timeout_s=_stop_timeout_s(container))
            started_s = self._clock.monotonic_s()  # what it took to stop is not the bot's time to come up
            view = await self._moved(view, RestartState.STARTING)
        else:
            view = await self._moved(view, RestartState.STARTING)
            await self._engine.start(container)
        view = await self._moved(view, RestartState.HEALTH_CHECK)
        if await self._is_healthy_again(spec, view, started_s=started_s):
            return view, None
        fault = self._fleet.identities.fault(spec.name)
        if fault is not None:
            return view, f"The bot is misaddressed. {fault}"
        return view, f"The bot did not answer its health check within {self.health_deadline_s:.0f} s."

    async def _check_first(self, view: RestartView) -> None:
        """Let others keep what the restart would destroy; whatever comes of it, the restart goes on."""
        is_healing = view.origin is ActionOrigin.AUTO_HEAL
        reason = _HEALING if is_healing else _REASONS[view.action].format(name=view.requested_by)
        try:
            async with asyncio.timeout(EVIDENCE_TIMEOUT_S):
                await self._before_restart(view.bot_name, reason)
        except TimeoutError:
            log.warning("evidence_too_slow", bot_name=view.bot_name)
        except Exception:
            log.exception("evidence_failed", bot_name=view.bot_name)

    async def _is_healthy_again(self, spec: BotSpec, view: RestartView, *, started_s: float) -> bool:
        """Probe until the bot answers. A first answer may still come from the process that is being replaced."""
        said_s = started_s
        self._fleet.identities.expire(spec.name)
        self._probes.search_now(spec.name)
        while True:
            seen = await self._probes.observe(spec)
            probe = seen.probe
            if seen.info is not None:
                self._fleet.record_info(InfoReport(reported_at=self._clock.now(), info=seen.info))
            if probe.is_healthy and probe.is_ready is not False:
                self._fleet.record_probe(probe)
                if self._fleet.identities.fault(spec.name) is None:
                    return True
            if self._clock.monotonic_s() - started_s >= self.health_deadline_s:
                return False
            if self._clock.monotonic_s() - said_s > REPEAT_S:  # Others take a silent one for one whose process died.
                said_s = self._clock.monotonic_s()
                self._fleet.record_restart(view)
            await asyncio.sleep(HEALTH_INTERVAL_S)

    async def _moved(self, view: RestartView, state: RestartState) -> RestartView:
        view = replace(view, state=state)
        self._fleet.record_restart(view)
        async with self._database.write() as connection:
            await restarts.move(connection, view.restart_id, state)
        return view

    async def _finished(self, view: RestartView, error: str | None, *, duration_s: float) -> RestartView:
        state = RestartState.ONLINE if view.action is not BotAction.STOP else RestartState.STOPPED
        state = RestartState.FAILED if error else state
        view = replace(view, state=state, finished_at=self._clock.now(), duration_s=duration_s, error=error)
        if state is RestartState.ONLINE:
            self._fleet.drop_synthetic_check(
                view.bot_name
            )  # what it said of the process before says nothing of this one
        log.info(
            "restart_finished",
            bot_name=view.bot_name,
            action=view.action,
            origin=view.origin,
            state=state,
            duration_s=round(duration_s, 2),
        )
        end: dict[str, Any] = {"at": view.finished_at, "duration_s": duration_s, "error": error}
        try:
            async with self._database.write() as connection:
                await restarts.finish(connection, view.restart_id, state=state, **end)
        finally:  # who sees that it is over finds it so in the history; without the database it is over all the same
            self._fleet.record_restart(view)
        return view

    async def _last_words(self, container: ContainerView) -> str:
        try:
            lines = await self._engine.logs_tail(container, LOG_LINES)
        except AppError:
            return ""
        return "\nLast log lines:\n" + "\n".join(mask_lines(lines)) if lines else ""


def _stop_timeout_s(container: ContainerView) -> float:
    """How long a bot may take to end by itself: what its container was made with, and no less than ever."""
    return max(STOP_TIMEOUT_S, float(container.stop_timeout_s or 0))
