"""Rolling restarts: a batch at a time, each gated by health and by a real answer, no further than the first failure.

::

    requested → batch 1: restart, health, synthetic check → batch 2 … → done
                   └ one fails: failed, the rest untouched
                   └ somebody asked: aborted after this batch

Nothing goes on by itself: what a dead process left is marked interrupted, and its remaining bots stay as they are.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, Conflict, InvalidInput, NotFound
from chat_api.core.ids import new_id
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.pubsub import PubSub
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import BotView
from chat_api.fleet.service import FleetService
from chat_api.restarts import rolling_repository as rolling
from chat_api.restarts.rolling_runs import Check, Checkup, RollingRun
from chat_api.restarts.rolling_schemas import (
    PreviewedBot,
    RollingPreview,
    RollingStep,
    RollingView,
    StepState,
)
from chat_api.restarts.service import RestartsService
from models import AuditOutcome, RollingState

log = get_logger(__name__)

TOPIC = "rolling"
MAX_BATCH = 50
WATCH_S = 2.0
# Who runs one says so every few seconds; after this long without it is over.
SILENT_S = 30.0
CLOSE_TIMEOUT_S = 3.0


class RollingService:
    """Begins, follows and ends rolling restarts; ``changes`` has each step of the newest one, in every process."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        fleet: FleetService,
        restarts: RestartsService,
        audit: AuditService,
        pubsub: PubSub,
        *,
        check: Check,
        checkup: Checkup | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """``checkup`` asks bots the prompts of a suite of checks."""
        self._database = database
        self._registry = registry
        self._fleet = fleet
        self._restarts = restarts
        self._audit = audit
        self._pubsub = pubsub
        self._check = check
        self._checkup = checkup
        self._clock = clock
        self._newest: RollingView | None = None
        self._run: RollingRun | None = None
        self._task: asyncio.Task[None] | None = None
        self._wake = asyncio.Event()
        self.changes: Topic[RollingView] = Topic("rolling")
        pubsub.subscribe(TOPIC, lambda _: self._wake.set())
        pubsub.on_gap(self._wake.set)

    async def preview(self, principal: Principal, bot_names: Sequence[str], *, batch_size: int = 1) -> RollingPreview:
        """What a rolling restart of these bots would do, in their order; without any: of all, the quietest first.

        Raises: NotFound, InvalidInput, PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.RESTART_BOT)
        if not 1 <= batch_size <= MAX_BATCH:
            raise InvalidInput(_("from 1 to {most}", most=MAX_BATCH), field="batch_size")
        names = list(dict.fromkeys(self._registry.get(name).name for name in bot_names))
        names = names or [spec.name for spec in self._registry.all()]
        views = {bot.name: bot for bot in self._fleet.current().bots}
        skipped = {name: reason for name in names if (reason := _why_not(views.get(name)))}
        wanted = [name for name in names if name not in skipped]
        affected = await self._restarts.history.affected(principal, wanted)
        estimates = await self._restarts.history.estimates_s(wanted)
        if not bot_names:
            wanted.sort(key=lambda name: (affected.by_bot[name], name))
        bots = tuple(
            PreviewedBot(
                bot_name=name,
                display_name=views[name].display_name,
                batch=place // batch_size + 1,
                affected_users=affected.by_bot[name],
                estimate_s=estimates[name],
            )
            for place, name in enumerate(wanted)
        )
        return RollingPreview(
            batch_size=batch_size,
            bots=bots,
            affected_users=affected.total,
            estimate_s=_estimate_s(bots),
            skipped=skipped,
        )

    async def begin(
        self,
        principal: Principal,
        bot_names: Sequence[str],
        *,
        batch_size: int = 1,
        check_suite_id: UUID | None = None,
    ) -> RollingView:
        """Begin what :meth:`preview` shows; with a suite of checks, stop where one that passed before fails after.

        Raises: NotFound, InvalidInput (nothing to restart), Conflict (one is under way), PermissionDenied,
        NotAuthenticated.
        """
        await self._audit.require(principal, Permission.RESTART_BOT, "rolling restart")
        plan = await self.preview(principal, bot_names, batch_size=batch_size)
        if not plan.bots:
            raise InvalidInput("none of these bots can be restarted", field="bot_names")
        view = RollingView(
            rolling_id=new_id(),
            requested_by=principal.username,
            requested_at=self._clock.now(),
            batch_size=batch_size,
            state=RollingState.RUNNING,
            estimate_s=plan.estimate_s,
            steps=tuple(RollingStep(bot_name=bot.bot_name, batch=bot.batch) for bot in plan.bots),
        )
        await self._store(principal, view, check_suite_id)
        self._run = RollingRun(
            self,
            self._restarts,
            self._fleet,
            self._check,
            self._database,
            clock=self._clock,
            view=view,
            checkup=self._checkup,
            check_suite_id=check_suite_id,
        )
        self._task = asyncio.create_task(self._run.run(principal), name=f"rolling-{view.rolling_id}")
        self.tell(view)
        return view

    async def abort(self, principal: Principal, rolling_id: UUID) -> RollingView:
        """Let it end after the batch that runs now. Raises: NotFound, Conflict (it is over), PermissionDenied."""
        await self._audit.require(principal, Permission.RESTART_BOT, "rolling restart")
        await self.of_id(principal, rolling_id)
        async with self._database.write() as connection:
            view = await rolling.ask_to_abort(connection, rolling_id, principal.username)
            if view is None:
                raise Conflict("This rolling restart has ended.")
            await self._audit.record(principal, "bot.rolling.abort", str(rolling_id), connection=connection)
        if self._run is not None and self._is_ours(view):
            self._run.note_abort(principal.username)
            view = self._run.view
        self.tell(view)
        return view

    async def of_id(self, principal: Principal, rolling_id: UUID) -> RollingView:
        """One rolling restart. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            view = await rolling.of_id(connection, rolling_id)
        if view is None:
            raise NotFound
        return view

    async def recent(self, principal: Principal, *, limit: int = 20) -> tuple[RollingView, ...]:
        """The last ones, newest first. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await rolling.newest(connection, limit=limit)

    # What the service does for itself

    def tell(self, view: RollingView) -> None:
        """Show a step here, and let the other processes look."""
        self._newest = view
        self.changes.publish(view)
        self._pubsub.publish(TOPIC, str(view.rolling_id))

    async def watch(self) -> None:
        """See what another process runs, until cancelled: when it says so, and every two seconds."""
        while True:
            self._wake.clear()
            try:
                async with self._database.read() as connection:
                    newest = await rolling.newest(connection, limit=1)
                self._saw(newest[0] if newest else None)
            except AppError as error:
                log.debug("rolling_not_read", detail=error.detail)
            try:
                async with asyncio.timeout(WATCH_S):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def interrupt_dead(self) -> None:
        """End those whose process is gone; the bots that were not their turn stay as they are."""
        async with self._database.read() as connection:
            silent = await rolling.silent(connection, seconds=SILENT_S)
        for view in silent:
            reason = "The console that ran it stopped; the remaining bots were left as they are."
            if await self.end(view, RollingState.INTERRUPTED, reason):
                log.warning("rolling_interrupted", rolling_id=str(view.rolling_id))
                target = str(view.rolling_id)
                await self._audit.record(
                    None, "bot.rolling.interrupted", target, outcome=AuditOutcome.AUTOMATIC, details={"reason": reason}
                )

    async def end(self, view: RollingView, state: RollingState, error: str | None) -> bool:
        """Store and tell the end; returns whether it was not over before."""
        steps = tuple(_at_the_end(step, state) for step in view.steps)
        now = self._clock.now()
        async with self._database.write() as connection:
            is_ended = await rolling.finish(connection, view.rolling_id, state=state, steps=steps, at=now, error=error)
            stored = await rolling.of_id(connection, view.rolling_id)
        if stored is not None:
            self.tell(stored)
        log.info("rolling_finished", rolling_id=str(view.rolling_id), state=state)
        return is_ended

    async def close(self) -> None:
        """Leave the one that we run, and say that it was interrupted. The restart that runs goes on in the engine."""
        task, self._task = self._task, None
        if task is None or task.done():
            return
        task.cancel()
        await asyncio.wait([task], timeout=CLOSE_TIMEOUT_S)

    async def _store(self, principal: Principal, view: RollingView, check_suite_id: UUID | None) -> None:
        details: dict[str, object] = {"bots": [step.bot_name for step in view.steps], "batch_size": view.batch_size}
        if check_suite_id is not None:
            details["check_suite_id"] = str(check_suite_id)
        async with self._database.write() as connection:
            await rolling.start(connection, view)
            target = str(view.rolling_id)
            await self._audit.record(principal, "bot.rolling", target, details=details, connection=connection)

    def _saw(self, view: RollingView | None) -> None:
        if view is not None and view != self._newest and not self._is_ours(view):
            self._newest = view
            self.changes.publish(view)

    def _is_ours(self, view: RollingView) -> bool:
        """Whether we run it, and so know better than what is stored."""
        is_at_it = self._task is not None and not self._task.done()
        return is_at_it and self._run is not None and self._run.view.rolling_id == view.rolling_id


def _why_not(bot: BotView | None) -> str | None:
    """Why a rolling restart leaves a bot out."""
    if bot is None or bot.container is None or not bot.container.is_managed:
        return "no labelled container or service runs it"
    if bot.policy is not None and bot.policy.is_stopped(bot.container):
        return f"stopped by {bot.policy.stopped_by}"
    return None


def _estimate_s(bots: Sequence[PreviewedBot]) -> float:
    slowest: dict[int, float] = {}
    for bot in bots:
        slowest[bot.batch] = max(slowest.get(bot.batch, 0.0), bot.estimate_s)
    return round(sum(slowest.values()), 1)


def _at_the_end(step: RollingStep, state: RollingState) -> RollingStep:
    if step.state is StepState.WAITING:
        return replace(step, state=StepState.UNTOUCHED)
    if step.state in {StepState.RESTARTING, StepState.SYNTHETIC_CHECK}:
        return replace(step, state=StepState.FAILED, error=step.error or f"The rolling restart was {state}.")
    return step
