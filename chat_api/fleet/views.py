"""What is known of one bot, and how it is told: its status, its error, its view; and the view of a dependency."""

from collections import deque
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TypedDict

from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotInfo, BotSpec, Contract, Probe
from chat_api.core.clock import Clock
from chat_api.core.language import N_
from chat_api.engine.schemas import ContainerState, ContainerUsage, ContainerView
from chat_api.fleet.check_intervals import CheckIntervals
from chat_api.fleet.claimed_queues import ClaimedQueue, ClaimedQueues, growing
from chat_api.fleet.conduct import STALE_AFTER, combined
from chat_api.fleet.conduct_schemas import ConductReport
from chat_api.fleet.identity import BotIdentities
from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import (
    BotPolicy,
    BotStatistics,
    BotStatus,
    BotView,
    Heartbeat,
    Reason,
    RecentAnswers,
    RestartView,
    ServiceStatus,
    ServiceView,
    SyntheticCheckView,
)
from chat_api.fleet.status import bot_reasons, bot_status

HEARTBEATS = 90
LATENCIES = 60
STALE_AFTER_INTERVALS = 2.0
# A synthetic check takes its time; what it said is not believed for longer than two intervals and this.
CHECK_GRACE_S = 60.0
# Whoever counts answers says so at least every quarter of a minute.
ANSWERS_STALE_AFTER = timedelta(seconds=60)
# A dependency that was well for so long and fails again is in new trouble; before that it flaps.
FLAPPING = timedelta(minutes=2)


class _Calls(TypedDict):
    """What a view says that changes without a report: how busy the bot is, and what has grown old."""

    synthetic_check: SyntheticCheckView | None
    breaker: str
    calls_in_flight: int
    calls_waiting: int
    call_slots: int


class _Evidence(TypedDict):
    """What speaks of a bot beside its health check."""

    check: SyntheticCheckView | None
    recent: RecentAnswers | None
    conduct: ConductReport | None
    queue: ClaimedQueue | None


@dataclass(slots=True, kw_only=True)
class BotState:
    """What was last reported of one bot; ``addresses`` are those that it had then."""

    addresses: tuple[str, ...] = ()
    probe: Probe | None = None
    last_seen_at: datetime | None = None
    container: ContainerView | None = None
    restart: RestartView | None = None
    figures: BotStatistics | None = None
    synthetic_check: SyntheticCheckView | None = None
    usage: ContainerUsage | None = None
    policy: BotPolicy | None = None
    info: BotInfo | None = None
    contract: Contract | None = None
    recent: RecentAnswers | None = None
    recent_at: datetime | None = None
    # By the process that saw it.
    conduct: dict[str, ConductReport] = field(default_factory=dict)
    queues: ClaimedQueues = field(default_factory=dict)
    # Titles of the alerts and the incidents that are about it.
    alerts: tuple[str, ...] = ()
    incidents: tuple[str, ...] = ()
    heartbeats: deque[Heartbeat]

    @property
    def began_at(self) -> datetime | None:
        """When the bot was begun anew, as far as that is known: what it did before says nothing any more."""
        began_at = [self.restart.requested_at] if self.restart else []
        if self.container is not None and self.container.started_at is not None:
            began_at.append(self.container.started_at)
        return max(began_at, default=None)

    @classmethod
    def unseen(cls) -> "BotState":
        """Of a bot that nobody has looked at yet."""
        return cls(heartbeats=deque(maxlen=HEARTBEATS))


class BotViews:
    """Makes views of states, as they are at this moment."""

    def __init__(
        self,
        connector: BotConnector,
        identities: BotIdentities,
        *,
        check_interval_s: float,
        check_intervals: CheckIntervals,
        clock: Clock,
    ) -> None:
        self._connector = connector
        self._identities = identities
        self._clock = clock
        self._check_intervals = check_intervals
        self.set_check_interval(check_interval_s)

    def learn(self, check: SyntheticCheckView) -> None:
        """Know a bot's words without a language model again, in the answers that it gives to people."""
        if check.apology is not None or not check.is_failing:
            self._connector.learn_apology(check.bot_name, check.apology)

    def set_check_interval(self, seconds: float) -> None:
        """How often bots are looked at: what is older than two of it is unknown."""
        self.stale_after = timedelta(seconds=STALE_AFTER_INTERVALS * seconds + 1.0)

    def status(self, bot_name: str, state: BotState) -> BotStatus:
        """How the bot is now."""
        return bot_status(
            state.probe,
            container=state.container,
            restart=state.restart,
            breaker=self._connector.breaker_state(bot_name),
            now=self._clock.now(),
            stale_after=self.stale_after,
            policy=state.policy,
            is_misaddressed=self._identities.fault(bot_name) is not None,
            **self._evidence(state),
        )

    def reasons(self, bot_name: str, state: BotState, status: BotStatus) -> tuple[Reason, ...]:
        """Why the bot is degraded, if it is."""
        if status is not BotStatus.DEGRADED:
            return ()
        return bot_reasons(
            state.probe,
            breaker=self._connector.breaker_state(bot_name),
            policy=state.policy,
            **self._evidence(state),
        )

    def of_bot(self, spec: BotSpec, state: BotState) -> BotView:
        """Everything about a bot."""
        status = self.status(spec.name, state)
        reasons = self.reasons(spec.name, state, status)
        return BotView(
            name=spec.name,
            display_name=spec.display_name,
            description=spec.description,
            emoji=spec.emoji,
            port=spec.port,
            url=spec.url,
            status=status,
            reasons=reasons,
            recent=self.recent(state),
            troubles=state.alerts + state.incidents,
            last_checked_at=state.probe.checked_at if state.probe else None,
            last_seen_at=state.last_seen_at,
            latency_ms=state.probe.latency_ms if state.probe and state.probe.is_healthy else None,
            error=self._error(spec.name, state, reasons),
            heartbeats=tuple(state.heartbeats),
            container=state.container,
            restart=state.restart,
            figures=state.figures,
            usage=state.usage,
            policy=state.policy,
            contract=state.contract,
            discord=state.probe.discord if state.probe else None,
            declared_by=spec.declared_by[-1] if spec.declared_by else None,
            conduct=self.conduct(state),
            **self._calls(spec.name, state),
        )

    def aged(self, view: BotView, state: BotState) -> BotView:
        """The same view a moment later: what has grown old is unknown, and how busy the bot is may have changed."""
        status, calls = self.status(view.name, state), self._calls(view.name, state)
        reasons = self.reasons(view.name, state, status)
        return replace(
            view,
            status=status,
            reasons=reasons,
            recent=self.recent(state),
            conduct=self.conduct(state),
            error=self._error(view.name, state, reasons),
            **calls,
        )

    def aged_service(self, view: ServiceView) -> ServiceView:
        """The same view a moment later: a check that has grown old says nothing any more."""
        is_settled = view.status in {ServiceStatus.UNKNOWN, ServiceStatus.NOT_CONFIGURED}
        if is_settled or not view.last_checked_at or self._clock.now() - view.last_checked_at <= self.stale_after:
            return view
        return replace(view, status=ServiceStatus.UNKNOWN)

    def synthetic_check(self, state: BotState) -> SyntheticCheckView | None:
        """The last check, unless it is old or the bot was begun anew since."""
        check = state.synthetic_check
        if check is None or self._clock.now() - check.checked_at > self._stale_after(check, state.contract):
            return None
        return check if state.began_at is None or check.checked_at >= state.began_at else None

    def _stale_after(self, check: SyntheticCheckView, contract: Contract | None) -> timedelta:
        """A good answer stands until the next is due; one that failed is soon repeated, or nobody repeats it."""
        intervals = self._check_intervals
        interval_s = intervals.of(contract) if check.is_answered else intervals.shortest_s
        return timedelta(seconds=STALE_AFTER_INTERVALS * interval_s + CHECK_GRACE_S)

    def recent(self, state: BotState) -> RecentAnswers | None:
        """How the newest answers went, unless nobody counts them any more or the bot was begun anew since."""
        if state.recent is None or state.recent_at is None:
            return None
        is_old = self._clock.now() - state.recent_at > ANSWERS_STALE_AFTER
        return None if is_old or (state.began_at is not None and state.recent_at < state.began_at) else state.recent

    def conduct(self, state: BotState) -> ConductReport | None:
        """How the bot behaves over several answers, unless that was long ago or it was begun anew since."""
        now, began_at = self._clock.now(), state.began_at
        return combined(
            report
            for report in state.conduct.values()
            if now - report.reported_at <= STALE_AFTER and (began_at is None or report.reported_at >= began_at)
        )

    def _evidence(self, state: BotState) -> _Evidence:
        return {
            "check": self.synthetic_check(state),
            "recent": self.recent(state),
            "conduct": self.conduct(state),
            "queue": growing(state.queues, now=self._clock.now()),
        }

    def _error(self, bot_name: str, state: BotState, reasons: tuple[Reason, ...]) -> str | None:
        """Why a bot is not well, in a few words for operators."""
        is_healthy = state.probe is not None and state.probe.is_healthy
        if state.policy is not None and state.policy.is_stopped(state.container) and not is_healthy:
            return f"stopped by {state.policy.stopped_by}"
        if (said := _of_container(state.container)) and not is_healthy:
            return said
        if state.probe is not None and state.probe.error is not None:
            return state.probe.error
        fault = self._identities.fault(bot_name)
        if fault is not None:
            return fault
        said = "; ".join(reason.words for reason in reasons)
        return said or _still_open(state)

    def _calls(self, bot_name: str, state: BotState) -> _Calls:
        endpoint = self._connector.endpoint_view(bot_name)
        return {
            "synthetic_check": self.synthetic_check(state),
            "breaker": endpoint.breaker,
            "calls_in_flight": endpoint.in_flight,
            "calls_waiting": endpoint.waiting,
            "call_slots": endpoint.slots,
        }


def service_view(before: ServiceView | None, report: ServiceReport) -> ServiceView:
    """The view of a dependency after one more check of it."""
    latencies = (before.latencies_ms if before else ())[-LATENCIES + 1 :]
    is_healthy = report.status is ServiceStatus.HEALTHY
    is_configured = report.status is not ServiceStatus.NOT_CONFIGURED
    failing_since, last_failed_at = _trouble(before, report)
    return ServiceView(
        name=report.name,
        title=report.title,
        status=report.status,
        latency_ms=report.latency_ms,
        last_checked_at=report.checked_at,
        last_seen_at=report.checked_at if is_healthy else (before.last_seen_at if before else None),
        error=report.error,
        latencies_ms=(*latencies, report.queue.depth if report.queue else report.latency_ms)
        if is_configured
        else latencies,
        p50_ms=before.p50_ms if before else None,
        p95_ms=before.p95_ms if before else None,
        p99_ms=before.p99_ms if before else None,
        failing_since=failing_since,
        last_failed_at=last_failed_at,
        fault=report.fault,
        role=report.role,
        container=report.container,
        project=report.project,
        is_managed=report.is_managed,
        queue=report.queue,
    )


def _of_container(container: ContainerView | None) -> str | None:
    """What somebody did with a bot's container."""
    if container is None:
        return None
    if container.state is ContainerState.PAUSED:
        return N_("its container is paused")
    return N_("stopped outside the console") if container.is_stopped else None


def _still_open(state: BotState) -> str | None:
    """What is not over yet about a bot that is well itself: a title alone would say that it still is as it was."""
    if state.alerts:
        return f"alert still firing: {state.alerts[0]}"
    return f"incident still open: {state.incidents[0]}" if state.incidents else None


def is_same_container(one: ContainerView | None, other: ContainerView | None) -> bool:
    """Whether two looks at a container saw the same; when each was taken does not matter."""
    if one is None or other is None:
        return one is other
    return replace(one, last_seen_at=other.last_seen_at) == other


def _trouble(before: ServiceView | None, report: ServiceReport) -> tuple[datetime | None, datetime | None]:
    """When a dependency's trouble began and was last seen, after one more check of it."""
    since = before.failing_since if before else None
    last = before.last_failed_at if before else None
    if report.status is not ServiceStatus.UNHEALTHY:
        return since, last
    is_new = since is None or last is None or report.checked_at - last > FLAPPING
    return (report.checked_at if is_new else since), report.checked_at
