"""The live state of every bot and dependency, in one place; pages, doors and the WebSocket all read it here.

The poller, the container watcher and the restarts report what they see; each change makes a new immutable
:class:`FleetView`, published once for everybody.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, TypedDict

from chat_api.clients.bots import BotConnector
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import NotFound
from chat_api.schemas.bots import BotInfo, BotSpec, Contract, Probe
from chat_api.schemas.containers import ContainerView
from chat_api.schemas.fleet import (
    BotFigures,
    BotPolicy,
    BotStatus,
    BotView,
    CanaryView,
    ContainerUsage,
    FleetView,
    Heartbeat,
    RestartView,
    ServiceStatus,
    ServiceView,
)
from chat_api.schemas.fleet_reports import (
    ContainersReport,
    FiguresReport,
    FleetReport,
    InfoReport,
    PoliciesReport,
    ServiceReport,
)
from chat_api.schemas.principals import Permission, Principal
from chat_api.services.bot_registry import BotRegistry
from chat_api.services.fleet_status import PUBLIC_STATUS, bot_status, system_status
from chat_api.services.root_cause import root_causes

HEARTBEATS = 90
LATENCIES = 60
STALE_AFTER_INTERVALS = 2.0
# A canary may take as long as a message may; what it said is not believed for longer than two intervals and this.
CANARY_GRACE_S = 60.0
# In the order in which pages show them.
SERVICES = ("postgres", "redis", "qdrant", "docker", "llm")
# Changes this close together reach the pages as one: a poll of 500 bots is one update, not 500.
COALESCE_S = 0.05
# A dependency that was well for so long and fails again is in new trouble; before that it flaps.
FLAPPING = timedelta(minutes=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicBot:
    """A bot as a user sees it. Source: specification, ``GET /api/bots``."""

    name: str
    display_name: str
    description: str
    emoji: str
    status: Literal["online", "offline", "busy"]


class _Calls(TypedDict):
    """What a view says that changes without a report: how busy the bot is, and what has grown old."""

    canary: CanaryView | None
    breaker: str
    calls_in_flight: int
    calls_waiting: int
    call_slots: int


@dataclass(slots=True, kw_only=True)
class _BotState:
    probe: Probe | None = None
    last_seen_at: datetime | None = None
    container: ContainerView | None = None
    restart: RestartView | None = None
    figures: BotFigures | None = None
    canary: CanaryView | None = None
    usage: ContainerUsage | None = None
    policy: BotPolicy | None = None
    info: BotInfo | None = None
    contract: Contract | None = None
    heartbeats: deque[Heartbeat]


class FleetService:
    """Holds what was last seen, and tells everybody who listens to ``changes``."""

    def __init__(
        self,
        registry: BotRegistry,
        connector: BotConnector,
        *,
        check_interval_s: float,
        canary_interval_s: float = 300.0,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._registry = registry
        self._connector = connector
        self._canary_stale_after = timedelta(seconds=STALE_AFTER_INTERVALS * canary_interval_s + CANARY_GRACE_S)
        self.set_check_interval(check_interval_s)
        self._clock = clock
        self._started_at = clock.now()
        self._states: dict[str, _BotState] = {}
        self._bots: dict[str, BotView] = {}
        self._services: dict[str, ServiceView] = {}
        self._version = 0
        self._flush: asyncio.TimerHandle | None = None
        self.changes: Topic[FleetView] = Topic("fleet")
        # What this process itself saw, for the others.
        self.reports: Topic[FleetReport] = Topic("fleet_reports")
        self._is_relaying = False

    def set_check_interval(self, seconds: float) -> None:
        """How often bots are looked at: what is older than two of it is unknown."""
        self._stale_after = timedelta(seconds=STALE_AFTER_INTERVALS * seconds + 1.0)

    # What pages and doors read

    def view(self, principal: Principal) -> FleetView:
        """Everything at this moment. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        return self.current()

    def current(self) -> FleetView:
        """Everything at this moment, for the service itself."""
        bots = tuple(self._bots.values())
        services = tuple(self._services[name] for name in sorted(self._services, key=_place))
        causes = root_causes(bots, services, now=self._clock.now())
        bots = tuple(
            bot if causes.get(bot.name) == bot.cause else replace(bot, cause=causes.get(bot.name)) for bot in bots
        )
        status, headline = system_status(bots, services)
        return FleetView(
            version=self._version,
            status=status,
            headline=headline,
            started_at=self._started_at,
            bots=bots,
            services=services,
            problems=self._registry.problems,
        )

    def public_bots(self) -> tuple[PublicBot, ...]:
        """The bots as users see them, by name."""
        return tuple(
            PublicBot(
                name=bot.name,
                display_name=bot.display_name,
                description=bot.description,
                emoji=bot.emoji,
                status=PUBLIC_STATUS.get(bot.status, "offline"),  # type: ignore[arg-type]
            )
            for bot in self._bots.values()
        )

    def restart_of(self, bot_name: str) -> RestartView | None:
        """The last restart of a bot that this process knows of."""
        state = self._states.get(bot_name)
        return state.restart if state else None

    def policy_of(self, bot_name: str) -> BotPolicy | None:
        """What operators decided for a bot."""
        state = self._states.get(bot_name)
        return state.policy if state else None

    def info(self, principal: Principal, bot_name: str) -> BotInfo | None:
        """What a bot last said about itself, and so which contract it speaks; ``None`` before it did.

        Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        state = self._states.get(bot_name)
        return state.info if state else None

    # What the workers report

    def sync_registry(self) -> None:
        """Take over the registry's bots: new ones appear unknown, removed ones go."""
        specs = self._registry.all()
        for name in self._states.keys() - {spec.name for spec in specs}:
            del self._states[name]
        for spec in specs:
            self._states.setdefault(spec.name, _BotState(heartbeats=deque(maxlen=HEARTBEATS)))
        self._bots = {spec.name: self._view_of(spec) for spec in specs}
        self._changed()

    def restore_heartbeats(self, bot_name: str, heartbeats: list[Heartbeat]) -> None:
        """Fill a bar with what earlier processes saw."""
        state = self._states.get(bot_name)
        if state is not None and not state.heartbeats:
            state.heartbeats.extend(heartbeats)
            self._update(bot_name)

    def record_probe(self, probe: Probe) -> Heartbeat | None:
        """Take over one health check; returns the heartbeat it made, ``None`` for a bot that is gone."""
        state = self._states.get(probe.bot_name)
        if state is None:
            return None
        self._report(probe)
        state.probe = probe
        if probe.is_healthy:
            state.last_seen_at = probe.checked_at
            state.contract = probe.contract or state.contract
        else:
            state.canary = None  # It comes back as another.
        heartbeat = Heartbeat(
            checked_at=probe.checked_at, status=self._status(probe.bot_name), latency_ms=probe.latency_ms
        )
        if not state.heartbeats or state.heartbeats[-1].checked_at != heartbeat.checked_at:
            state.heartbeats.append(heartbeat)
        self._update(probe.bot_name)
        return heartbeat

    def record_containers(self, containers: tuple[ContainerView, ...]) -> tuple[str, ...]:
        """Take over what the engine shows; returns the bots whose container changed."""
        self._report(ContainersReport(reported_at=self._clock.now(), containers=containers))
        seen = {container.bot_name: container for container in containers}
        changed = []
        for name, state in self._states.items():
            container = seen.get(name)
            is_changed = not _is_same(container, state.container)
            state.container = container
            if is_changed:
                self._update(name)
                changed.append(name)
        return tuple(changed)

    def record_restart(self, restart: RestartView) -> None:
        """Take over the progress of a restart."""
        state = self._states.get(restart.bot_name)
        if state is not None:
            self._report(restart)
            state.restart = restart
            self._update(restart.bot_name)

    def forget_restart(self, bot_name: str) -> None:
        """Drop a restart that nobody reports any more: its process is gone."""
        state = self._states.get(bot_name)
        if state is not None and state.restart is not None:
            state.restart = None
            self._update(bot_name)

    def record_canary(self, canary: CanaryView) -> None:
        """Take over how a synthetic conversation went."""
        state = self._states.get(canary.bot_name)
        if state is not None:
            self._report(canary)
            state.canary = canary
            self._update(canary.bot_name)

    def forget_canary(self, bot_name: str) -> None:
        """Drop the last synthetic conversation, e.g. because the bot was restarted since."""
        state = self._states.get(bot_name)
        if state is not None and state.canary is not None:
            state.canary = None
            self._update(bot_name)

    def record_info(self, report: InfoReport) -> None:
        """Take over what a bot says about itself."""
        state = self._states.get(report.info.bot_name)
        if state is not None:
            self._report(report)
            state.info = report.info

    def record_usage(self, usage: ContainerUsage) -> None:
        """Take over what a container uses."""
        state = self._states.get(usage.bot_name)
        if state is not None:
            self._report(usage)
            state.usage = usage
            self._update(usage.bot_name)

    def record_figures(self, report: FiguresReport) -> None:
        """Take over how all bots and services did lately."""
        self._report(report)
        for name, state in self._states.items():
            figures = report.bots.get(name)
            if figures != state.figures:
                state.figures = figures
                self._update(name)
        for name, (p50_ms, p95_ms, p99_ms) in report.services.items():
            service = self._services.get(name)
            if service is not None:
                self._services[name] = replace(service, p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms)
                self._changed()

    def record_policies(self, report: PoliciesReport) -> None:
        """Take over what operators decided; for a bot without a policy everything is as by default."""
        self._report(report)
        policies = {policy.bot_name: policy for policy in report.policies}
        for name, state in self._states.items():
            if state.policy != policies.get(name):
                state.policy = policies.get(name)
                self._update(name)

    def record_service(self, report: ServiceReport) -> None:
        """Take over one check of a dependency."""
        self._report(report)
        before = self._services.get(report.name)
        latencies = (before.latencies_ms if before else ())[-LATENCIES + 1 :]
        is_healthy = report.status is ServiceStatus.HEALTHY
        is_configured = report.status is not ServiceStatus.NOT_CONFIGURED
        failing_since, last_failed_at = _trouble(before, report)
        self._services[report.name] = ServiceView(
            name=report.name,
            title=report.title,
            status=report.status,
            latency_ms=report.latency_ms,
            last_checked_at=report.checked_at,
            last_seen_at=report.checked_at if is_healthy else (before.last_seen_at if before else None),
            error=report.error,
            latencies_ms=(*latencies, report.latency_ms) if is_configured else latencies,
            p50_ms=before.p50_ms if before else None,
            p95_ms=before.p95_ms if before else None,
            p99_ms=before.p99_ms if before else None,
            failing_since=failing_since,
            last_failed_at=last_failed_at,
        )
        self._changed()

    @contextmanager
    def relaying(self) -> Iterator[None]:
        """What is recorded inside the block came from another process: it is not reported to the others again."""
        self._is_relaying = True
        try:
            yield
        finally:
            self._is_relaying = False

    async def refresh(self) -> None:
        """Let what has grown old become unknown, and see how busy the bots are; called every second."""
        for name, view in self._bots.items():
            state = self._states[name]
            error = self._error(state, canary=self._canary(name))
            seen = replace(view, status=self._status(name), error=error, **self._calls(name))
            if seen != view:
                self._bots[name] = seen
                self._changed()
        now = self._clock.now()
        for name, service in self._services.items():
            is_settled = service.status in {ServiceStatus.UNKNOWN, ServiceStatus.NOT_CONFIGURED}
            if not is_settled and service.last_checked_at and now - service.last_checked_at > self._stale_after:
                self._services[name] = replace(service, status=ServiceStatus.UNKNOWN)
                self._changed()

    # Inside

    def _status(self, bot_name: str) -> BotStatus:
        state = self._states[bot_name]
        return bot_status(
            state.probe,
            container=state.container,
            restart=state.restart,
            breaker=self._connector.breaker_state(bot_name),
            now=self._clock.now(),
            stale_after=self._stale_after,
            policy=state.policy,
            canary=self._canary(bot_name),
        )

    def _canary(self, bot_name: str) -> CanaryView | None:
        """The last canary, unless it is old or the bot was begun anew since."""
        state = self._states[bot_name]
        canary, container, restart = state.canary, state.container, state.restart
        if canary is None or self._clock.now() - canary.checked_at > self._canary_stale_after:
            return None
        began_at = [restart.requested_at] if restart else []
        if container is not None and container.started_at is not None:
            began_at.append(container.started_at)
        return canary if all(canary.checked_at >= at for at in began_at) else None

    def _update(self, bot_name: str) -> None:
        try:
            spec = self._registry.get(bot_name)
        except NotFound:
            return
        self._bots[spec.name] = self._view_of(spec)
        self._changed()

    def _view_of(self, spec: BotSpec) -> BotView:
        state = self._states[spec.name]
        return BotView(
            name=spec.name,
            display_name=spec.display_name,
            description=spec.description,
            emoji=spec.emoji,
            port=spec.port,
            status=self._status(spec.name),
            last_checked_at=state.probe.checked_at if state.probe else None,
            last_seen_at=state.last_seen_at,
            latency_ms=state.probe.latency_ms if state.probe and state.probe.is_healthy else None,
            error=self._error(state, canary=self._canary(spec.name)),
            heartbeats=tuple(state.heartbeats),
            container=state.container,
            restart=state.restart,
            figures=state.figures,
            usage=state.usage,
            policy=state.policy,
            contract=state.contract,
            **self._calls(spec.name),
        )

    def _error(self, state: _BotState, *, canary: CanaryView | None) -> str | None:
        """Why a bot is not well, in a few words for operators."""
        if state.policy is not None and state.policy.is_stopped(state.container) and not _is_healthy(state):
            return f"stopped by {state.policy.stopped_by}"
        if state.probe is not None and state.probe.error is not None:
            return state.probe.error
        is_heeded = state.policy is None or state.policy.is_canary_on
        if canary is None or canary.is_answered or not is_heeded:
            return None
        return f"does not answer messages: {canary.error}"

    def _calls(self, bot_name: str) -> _Calls:
        lane = self._connector.lane_view(bot_name)
        return {
            "canary": self._canary(bot_name),
            "breaker": lane.breaker,
            "calls_in_flight": lane.in_flight,
            "calls_waiting": lane.waiting,
            "call_slots": lane.slots,
        }

    def _report(self, report: FleetReport) -> None:
        if not self._is_relaying:
            self.reports.publish(report)

    def _changed(self) -> None:
        if self._flush is None:
            self._flush = asyncio.get_running_loop().call_later(COALESCE_S, self._publish)

    def _publish(self) -> None:
        self._flush = None
        self._version += 1
        self.changes.publish(self.current())


def _place(service: str) -> int:
    return SERVICES.index(service) if service in SERVICES else len(SERVICES)


def _is_healthy(state: _BotState) -> bool:
    return state.probe is not None and state.probe.is_healthy


def _trouble(before: ServiceView | None, report: ServiceReport) -> tuple[datetime | None, datetime | None]:
    """When a dependency's trouble began and was last seen, after one more check of it."""
    since = before.failing_since if before else None
    last = before.last_failed_at if before else None
    if report.status is not ServiceStatus.UNHEALTHY:
        return since, last
    is_new = since is None or last is None or report.checked_at - last > FLAPPING
    return (report.checked_at if is_new else since), report.checked_at


def _is_same(one: ContainerView | None, other: ContainerView | None) -> bool:
    """Whether two looks at a container saw the same; when each was taken does not matter."""
    if one is None or other is None:
        return one is other
    return replace(one, last_seen_at=other.last_seen_at) == other
