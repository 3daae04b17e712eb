"""Restarting bots: only registered, labelled ones; one at a time per bot; done only when the bot answers again."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from statistics import median

from sqlalchemy import RowMapping
from sqlalchemy.exc import IntegrityError

from chat_api.clients.bots import BotConnector
from chat_api.clients.container_engine import ContainerEngine
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, NotFound
from chat_api.core.ids import new_id
from chat_api.core.logging import get_logger, redact
from chat_api.repositories import restarts
from chat_api.schemas.bots import BotSpec
from chat_api.schemas.containers import ContainerView
from chat_api.schemas.fleet import RestartView
from chat_api.schemas.principals import Permission, Principal
from chat_api.services.audit import AuditService
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.fleet import FleetService
from chat_api.services.lanes import Lanes
from models import BotRestart, RestartState

log = get_logger(__name__)

DEFAULT_ESTIMATE_S = 30.0  # Source: specification, "estimated_downtime": "30 seconds".
LEARNED_FROM = 10
STOP_TIMEOUT_S = 10.0
HEALTH_INTERVAL_S = 0.5
REPEAT_S = 10.0
ACTIVE_S = 300.0
LOG_LINES = 20


class RestartsService:
    """The same line of code for the page's button and for the API."""

    def __init__(
        self,
        database: Database,
        engine: ContainerEngine,
        registry: BotRegistry,
        connector: BotConnector,
        fleet: FleetService,
        audit: AuditService,
        *,
        health_deadline_s: float,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._engine = engine
        self._registry = registry
        self._connector = connector
        self._fleet = fleet
        self._audit = audit
        self._health_deadline_s = health_deadline_s
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._lanes = Lanes()

    def set_deadline(self, health_deadline_s: float) -> None:
        """Give a restarted bot another time to answer."""
        self._health_deadline_s = health_deadline_s

    async def restart(self, principal: Principal, bot_name: str) -> RestartView:
        """Begin a restart, or join the one that is under way: a hundred clicks are one engine call.

        Progress appears in the bot's view on ``fleet.changes``.
        Raises: NotFound (bot, or no labelled container of it), PermissionDenied, NotAuthenticated, EngineUnavailable.
        """
        spec = self._registry.get(bot_name)
        await self._audit.require(principal, Permission.RESTART_BOT, spec.name)
        async with self._lanes.queue(spec.name):
            current = self._fleet.restart_of(spec.name)
            if current is not None and current.is_running:
                return current
            return await self._begin(principal, spec)

    async def estimate_s(self, bot_name: str) -> float:
        """How long a restart of this bot takes, learned from the last successful ones; seconds."""
        async with self._database.read() as connection:
            durations = await restarts.durations_s(connection, bot_name, limit=LEARNED_FROM)
        return round(median(durations), 1) if durations else DEFAULT_ESTIMATE_S

    async def affected_users(self, principal: Principal, bot_name: str) -> int:
        """How many people wrote to this bot in the last five minutes. Raises: NotFound, PermissionDenied."""
        principal.require(Permission.VIEW_FLEET)
        spec = self._registry.get(bot_name)
        async with self._database.read() as connection:
            return await restarts.active_users(connection, spec.name, seconds=ACTIVE_S)

    async def recent(self, principal: Principal, *, limit: int = 50) -> tuple[RestartView, ...]:
        """The last restarts of all bots, newest first. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            rows = await restarts.newest(connection, limit=limit)
        return tuple(_view(row) for row in rows)

    async def abandon_dead(self) -> None:
        """End restarts that a process left behind when it died."""
        now = self._clock.now()
        before = now - timedelta(seconds=self._health_deadline_s + 60)
        async with self._database.write() as connection:
            if await restarts.abandon(connection, before=before, at=now):
                log.warning("restarts_abandoned")

    async def close(self) -> None:
        """Stop waiting for restarts; what the engine was asked for goes on without us."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _begin(self, principal: Principal, spec: BotSpec) -> RestartView:
        container = await self._labelled_container(spec.name)
        view = RestartView(
            restart_id=new_id(),
            bot_name=spec.name,
            requested_by=principal.username,
            requested_at=self._clock.now(),
            state=RestartState.REQUESTED,
            estimate_s=await self.estimate_s(spec.name),
        )
        row = BotRestart(
            id=view.restart_id,
            bot_name=view.bot_name,
            requested_by=view.requested_by,
            requested_at=view.requested_at,
            state=view.state,
        )
        try:
            async with self._database.write() as connection:
                await restarts.start(connection, row)
                await self._audit.record(principal, Permission.RESTART_BOT, spec.name, connection=connection)
        except IntegrityError:
            # Another process is at it: its row is the lock.
            return await self._joined(spec.name, view.estimate_s)
        self._fleet.record_restart(view)
        task = asyncio.create_task(self._run(spec, container, view), name=f"restart-{spec.name}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return view

    async def _labelled_container(self, bot_name: str) -> ContainerView:
        for container in await self._engine.list_bots():
            if container.bot_name == bot_name and container.is_managed:
                return container
        raise NotFound("No labelled container or service runs this bot.")

    async def _joined(self, bot_name: str, estimate_s: float) -> RestartView:
        async with self._database.read() as connection:
            row = await restarts.running(connection, bot_name) or (await restarts.newest(connection, limit=1))[0]
        return replace(_view(row), estimate_s=estimate_s)

    async def _run(self, spec: BotSpec, container: ContainerView, view: RestartView) -> None:
        started_s = self._clock.monotonic_s()
        error: str | None = None
        try:
            view = await self._moved(view, RestartState.STOPPING)
            await self._engine.restart(container, timeout_s=STOP_TIMEOUT_S)
            view = await self._moved(view, RestartState.STARTING)
            if not await self._is_healthy_again(spec, view, started_s=started_s):
                error = f"The bot did not answer its health check within {self._health_deadline_s:.0f} s."
        except AppError as failure:
            error = failure.message
            log.warning("restart_failed", bot_name=spec.name, code=failure.code, detail=failure.detail)
        except Exception:
            error = "The restart failed unexpectedly; the log of the console says more."
            log.exception("restart_failed", bot_name=spec.name)
        if error is not None:
            error += await self._last_words(container)
        await self._finished(view, error, duration_s=self._clock.monotonic_s() - started_s)

    async def _is_healthy_again(self, spec: BotSpec, view: RestartView, *, started_s: float) -> bool:
        """Probe until the bot answers. A first answer may still come from the process that is being replaced."""
        view = await self._moved(view, RestartState.HEALTH_CHECK)
        said_s = started_s
        while self._clock.monotonic_s() - started_s < self._health_deadline_s:
            probe = await self._connector.get_bot_status(spec)
            if probe.is_healthy and probe.is_ready is not False:
                self._fleet.record_probe(probe)
                return True
            if self._clock.monotonic_s() - said_s > REPEAT_S:  # Others take a silent one for one whose process died.
                said_s = self._clock.monotonic_s()
                self._fleet.record_restart(view)
            await asyncio.sleep(HEALTH_INTERVAL_S)
        return False

    async def _moved(self, view: RestartView, state: RestartState) -> RestartView:
        view = replace(view, state=state)
        self._fleet.record_restart(view)
        async with self._database.write() as connection:
            await restarts.move(connection, view.restart_id, state)
        return view

    async def _finished(self, view: RestartView, error: str | None, *, duration_s: float) -> None:
        state = RestartState.FAILED if error else RestartState.ONLINE
        now = self._clock.now()
        view = replace(view, state=state, finished_at=now, duration_s=duration_s, error=error)
        self._fleet.record_restart(view)
        log.info("restart_finished", bot_name=view.bot_name, state=state, duration_s=round(duration_s, 2))
        async with self._database.write() as connection:
            await restarts.finish(connection, view.restart_id, state=state, at=now, duration_s=duration_s, error=error)

    async def _last_words(self, container: ContainerView) -> str:
        try:
            lines = await self._engine.logs_tail(container, LOG_LINES)
        except AppError:
            return ""
        return "\nLast log lines:\n" + redact("\n".join(lines)) if lines else ""


def _view(row: RowMapping) -> RestartView:
    return RestartView(
        restart_id=row["id"],
        bot_name=row["bot_name"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        state=RestartState(row["state"]),
        estimate_s=DEFAULT_ESTIMATE_S,
        finished_at=row["finished_at"],
        duration_s=row["duration_s"],
        error=row["error"],
    )
