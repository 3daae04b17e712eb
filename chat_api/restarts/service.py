"""Restarting, starting and stopping bots: only registered, labelled ones; one at a time per bot; done when seen."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import partial
from uuid import UUID

from chat_api.audit.service import AuditService
from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotSpec
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Connection, Database
from chat_api.core.errors import AppError, Conflict, DatabaseUnavailable, InvalidInput, NotFound
from chat_api.core.ids import new_id
from chat_api.core.keyed_locks import KeyedLocks
from chat_api.core.language import N_, _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.engine.interface import ContainerEngine
from chat_api.engine.schemas import ContainerView
from chat_api.fleet.policies import PoliciesService
from chat_api.fleet.probes import BotProbes
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import RestartView
from chat_api.fleet.service import FleetService
from chat_api.restarts import repository as restarts
from chat_api.restarts.history import RestartHistory
from chat_api.restarts.runs import BeforeRestart, RestartRuns, no_evidence
from chat_api.restarts.schemas import DEFAULT_ESTIMATE_S, BulkOutcome, BulkView, RestartFilter
from models import ActionOrigin, AuditOutcome, BotAction, RestartState

log = get_logger(__name__)

# A bulk is many bots, and one engine: it gets a few at a time.
MAX_PARALLEL = 5
MAX_BULK = 1_000
FINISH_POLL_S = 1.0
HEALER = "auto-heal"
NO_CONTAINER = N_("No container that the console may act on runs this bot. Adopt one on the Adopt page.")
_UNDER_WAY: Mapping[BotAction, str] = {
    BotAction.STOP: N_("{name} is stopping this bot. Try again when that is done."),
    BotAction.START: N_("{name} is starting this bot. Try again when that is done."),
    BotAction.RESTART: N_("{name} is restarting this bot. Try again when that is done."),
}
PERMISSIONS: Mapping[BotAction, Permission] = {
    BotAction.RESTART: Permission.RESTART_BOT,
    BotAction.START: Permission.STOP_BOT,
    BotAction.STOP: Permission.STOP_BOT,
}


class RestartsService:
    """The same line of code for the page's button, for the API, for rolling restarts and for the healing."""

    def __init__(
        self,
        database: Database,
        engine: ContainerEngine,
        registry: BotRegistry,
        connector: BotConnector,
        fleet: FleetService,
        audit: AuditService,
        policies: PoliciesService,
        *,
        health_deadline_s: float,
        clock: Clock = SYSTEM_CLOCK,
        before_restart: BeforeRestart = no_evidence,
    ) -> None:
        """``before_restart`` (bot name, reason) is awaited, within a limit, before a bot is restarted or stopped."""
        self._database = database
        self._engine = engine
        self._registry = registry
        self._fleet = fleet
        self._audit = audit
        self._policies = policies
        self.history = RestartHistory(database, registry)
        self._clock = clock
        self._runs = RestartRuns(
            database,
            engine,
            BotProbes(registry, connector, fleet.identities, clock=clock),
            fleet,
            health_deadline_s=health_deadline_s,
            clock=clock,
            before_restart=before_restart,
        )
        self._running: dict[UUID, asyncio.Task[RestartView]] = {}
        self._bulks: set[asyncio.Task[None]] = set()
        self._locks = KeyedLocks()

    def set_deadline(self, health_deadline_s: float) -> None:
        """Give a restarted bot another time to answer, also one that is being restarted now."""
        self._runs.health_deadline_s = health_deadline_s

    async def restart(self, principal: Principal, bot_name: str) -> RestartView:
        """Begin a restart, or join the one that is under way: a hundred clicks are one engine call.

        Progress appears in the bot's view on ``fleet.changes``.
        Raises: NotFound (bot, or no labelled container of it), Conflict (it is being stopped or started),
        PermissionDenied, NotAuthenticated, EngineUnavailable.
        """
        return await self.act(principal, BotAction.RESTART, bot_name)

    async def start(self, principal: Principal, bot_name: str) -> RestartView:
        """Begin to start a bot that is stopped. Raises: as :meth:`restart`."""
        return await self.act(principal, BotAction.START, bot_name)

    async def stop(self, principal: Principal, bot_name: str) -> RestartView:
        """Begin to stop a bot; it is not healed until somebody starts it. Raises: as :meth:`restart`."""
        return await self.act(principal, BotAction.STOP, bot_name)

    async def act(
        self,
        principal: Principal,
        action: BotAction,
        bot_name: str,
        *,
        origin: ActionOrigin = ActionOrigin.OPERATOR,
        group_id: UUID | None = None,
    ) -> RestartView:
        """Begin one of the three. Raises: as :meth:`restart`."""
        spec = self._registry.get(bot_name)
        await self._audit.require(principal, PERMISSIONS[action], spec.name)
        return await self._once(spec, self._asked(spec, action, principal.username, origin, group_id), principal)

    async def act_on(self, principal: Principal, action: BotAction, bot_names: Sequence[str]) -> BulkView:
        """Do one of the three with many bots, at most five at a time; says at once for which it cannot be done.

        Raises: PermissionDenied, NotAuthenticated, InvalidInput (none, or too many), EngineUnavailable.
        """
        names = tuple(dict.fromkeys(bot_names))
        if not 0 < len(names) <= MAX_BULK:
            raise InvalidInput(_("1 to {most} bots", most=MAX_BULK), field="bot_names")
        await self._audit.require(principal, PERMISSIONS[action], f"{len(names)} bots")
        known = {spec.name for spec in self._registry.all()}
        seen = await self._engine.list_bots() if known.intersection(names) else ()
        managed = {self._registry.name_of(view.bot_name) for view in seen if view.is_managed}
        outcomes = tuple(_outlook(name, known, managed) for name in names)
        bulk = BulkView(group_id=new_id(), action=action, outcomes=outcomes)
        accepted = [outcome.bot_name for outcome in outcomes if outcome.is_accepted]
        details = {"group_id": str(bulk.group_id), "bots": accepted}
        await self._audit.record(principal, f"bot.{action}.bulk", f"{len(accepted)} bots", details=details)
        if accepted:
            task = asyncio.create_task(self._act_on_all(principal, bulk, accepted), name=f"bulk-{bulk.group_id}")
            self._bulks.add(task)
            task.add_done_callback(self._bulks.discard)
        return bulk

    async def heal(self, bot_name: str, reason: str) -> RestartView:
        """Restart a bot because its health checks failed; for the healing only.

        Raises: NotFound, Conflict, EngineUnavailable.
        """
        spec = self._registry.get(bot_name)
        asked = self._asked(spec, BotAction.RESTART, HEALER, ActionOrigin.AUTO_HEAL, None)
        return await self._once(spec, asked, None, details={"reason": reason})

    async def finished(self, view: RestartView) -> RestartView:
        """Wait until an action is over, also one that another process runs, and give back how it ended."""
        task = self._running.get(view.restart_id)
        if task is not None:
            return await asyncio.shield(task)
        while view.is_running:
            try:
                async with self._database.read() as connection:
                    stored = await restarts.of_id(connection, view.restart_id)
            except DatabaseUnavailable:
                stored = None
            if stored is not None:
                view = replace(stored, estimate_s=view.estimate_s)
            if view.is_running:
                await asyncio.sleep(FINISH_POLL_S)
        return view

    async def abandon_dead(self) -> None:
        """End restarts that a process left behind when it died."""
        now = self._clock.now()
        before = now - timedelta(seconds=self._runs.health_deadline_s + 60)
        async with self._database.write() as connection:
            if await restarts.abandon(connection, before=before, at=now):
                log.warning("restarts_abandoned")

    async def close(self) -> None:
        """Stop waiting for restarts; what the engine was asked for goes on without us."""
        tasks = [*self._bulks, *self._running.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    # Inside

    def _asked(
        self, spec: BotSpec, action: BotAction, by: str, origin: ActionOrigin, group_id: UUID | None
    ) -> RestartView:
        return RestartView(
            restart_id=new_id(),
            bot_name=spec.name,
            requested_by=by,
            requested_at=self._clock.now(),
            state=RestartState.REQUESTED,
            estimate_s=DEFAULT_ESTIMATE_S,
            action=action,
            origin=origin,
            group_id=group_id,
        )

    async def _once(
        self,
        spec: BotSpec,
        asked: RestartView,
        principal: Principal | None,
        *,
        details: Mapping[str, object] | None = None,
    ) -> RestartView:
        async with self._locks.queue(spec.name):
            current = self._fleet.restart_of(spec.name)
            if current is not None and current.is_running:
                return _joined(current, asked)
            return await self._begin(spec, asked, principal, details=details)

    async def _begin(
        self,
        spec: BotSpec,
        asked: RestartView,
        principal: Principal | None,
        *,
        details: Mapping[str, object] | None,
    ) -> RestartView:
        container = await self._labelled_container(spec.name)
        view = replace(asked, requested_at=self._clock.now(), estimate_s=await self.history.estimate_s(spec.name))
        outcome = AuditOutcome.ALLOWED if principal else AuditOutcome.AUTOMATIC
        async with self._database.write() as connection:
            is_ours = await restarts.start(connection, view)
            if is_ours:
                await self._record_intent(view, container, connection)
                await self._audit.record(
                    principal,
                    f"bot.{view.action}",
                    spec.name,
                    outcome=outcome,
                    details=details or _group(view),
                    connection=connection,
                )
        if not is_ours:  # another process is at it
            return _joined(await self._elsewhere(spec.name, view.estimate_s), asked)
        self._fleet.record_restart(view)
        task = asyncio.create_task(self._run(spec, container, view), name=f"{view.action}-{spec.name}")
        self._running[view.restart_id] = task
        task.add_done_callback(partial(self._over, view.restart_id))
        return view

    async def _record_intent(self, view: RestartView, container: ContainerView, connection: Connection) -> None:
        if view.origin is ActionOrigin.AUTO_HEAL:
            await self._policies.require_healable(view.bot_name, container, connection=connection)
        elif view.action is BotAction.STOP:
            await self._policies.want_stopped(view.bot_name, view.requested_by, connection=connection)
        else:
            await self._policies.want_running(view.bot_name, view.requested_by, connection=connection)

    async def _run(self, spec: BotSpec, container: ContainerView, view: RestartView) -> RestartView:
        await self._policies.tell()
        ended = await self._runs.run(spec, container, view)
        if ended.action is BotAction.STOP:
            if ended.state is RestartState.FAILED:
                await self._policies.not_stopped(ended.bot_name)
        elif ended.state is RestartState.ONLINE and ended.origin is not ActionOrigin.AUTO_HEAL:
            await self._policies.healed_by_hand(ended.bot_name, ended.requested_by)
        return ended

    def _over(self, restart_id: UUID, task: asyncio.Task[RestartView]) -> None:
        self._running.pop(restart_id, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.warning("restart_not_stored", error=type(error).__name__)

    async def _labelled_container(self, bot_name: str) -> ContainerView:
        for container in await self._engine.list_bots():
            if self._registry.name_of(container.bot_name) == bot_name and container.is_managed:
                return container
        raise NotFound(NO_CONTAINER)

    async def _elsewhere(self, bot_name: str, estimate_s: float) -> RestartView:
        async with self._database.read() as connection:
            running = await restarts.running(connection, bot_name)
            view = running or (await restarts.found(connection, RestartFilter(bot_name=bot_name, limit=1)))[0]
        return replace(view, estimate_s=estimate_s)

    # A bulk

    async def _act_on_all(self, principal: Principal, bulk: BulkView, names: Sequence[str]) -> None:
        slots = asyncio.Semaphore(MAX_PARALLEL)

        async def one(name: str) -> None:
            async with slots:
                spec = self._registry.get(name)
                asked = self._asked(spec, bulk.action, principal.username, ActionOrigin.BULK, bulk.group_id)
                try:
                    await self.finished(await self._once(spec, asked, principal))
                except AppError as error:
                    await self._not_begun(asked, error.message)

        for outcome in await asyncio.gather(*(one(name) for name in names), return_exceptions=True):
            if isinstance(outcome, Exception):
                log.error("bulk_action_failed", exc_info=outcome)

    async def _not_begun(self, asked: RestartView, error: str) -> None:
        """Leave a line in the history for what a bulk could not even begin: nobody waits for its answer."""
        now = self._clock.now()
        view = replace(asked, state=RestartState.FAILED, finished_at=now, duration_s=0.0, error=error)
        try:
            async with self._database.write() as connection:
                await restarts.start(connection, view)
        finally:
            self._fleet.record_restart(view)


def _outlook(name: str, known: set[str], managed: set[str]) -> BulkOutcome:
    """Whether something can be done with a bot at all."""
    if name in managed & known:
        return BulkOutcome(bot_name=name, is_accepted=True)
    error = NO_CONTAINER if name in known else "No such bot."
    return BulkOutcome(bot_name=name[:50], is_accepted=False, error=error)


def _joined(current: RestartView, asked: RestartView) -> RestartView:
    """The same again is one; something else has to wait. Raises: Conflict."""
    if current.is_running and current.action is not asked.action:
        raise Conflict(_(_UNDER_WAY[current.action], name=current.requested_by))
    return current


def _group(view: RestartView) -> Mapping[str, object] | None:
    return {"origin": view.origin, "group_id": str(view.group_id)} if view.group_id else None
