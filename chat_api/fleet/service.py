"""The live state of every bot and dependency, in one place; pages, doors and the WebSocket all read it here.

The poller, the container watcher and the restarts report what they see; each change makes a new immutable
:class:`FleetView`, published once for everybody.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field

from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotInfo, Probe
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import NotFound
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.read_models import ReadModel
from chat_api.engine.schemas import ContainerUsage, ContainerView
from chat_api.fleet.check_intervals import USUAL_INTERVALS, CheckIntervals
from chat_api.fleet.claimed_queues import followed
from chat_api.fleet.conduct_schemas import ConductReport
from chat_api.fleet.dependencies import ORDER
from chat_api.fleet.headline import system_status
from chat_api.fleet.identity import BotIdentities
from chat_api.fleet.registry import BotRegistry
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
)
from chat_api.fleet.root_cause import LanguageModel, root_causes
from chat_api.fleet.schemas import (
    SEVERAL_FAILURES,
    BotPolicy,
    BotView,
    FleetView,
    Heartbeat,
    PartRole,
    RecentAnswers,
    RestartView,
    ServiceStatus,
    ServiceView,
    SyntheticCheckView,
    Trouble,
)
from chat_api.fleet.status import PUBLIC_STATUS
from chat_api.fleet.views import BotState, BotViews, is_same_container, service_view
from models import Severity

log = get_logger(__name__)

# Changes this close together reach the pages as one: a poll of 500 bots is one update, not 500.
COALESCE_S = 0.05
_ROLES = tuple(PartRole)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicBot(ReadModel):
    """A bot as a user sees it. Source: specification, ``GET /api/bots``."""

    name: Annotated[str, Field(examples=["elena"])]
    display_name: Annotated[str, Field(examples=["Elena Rodriguez"])]
    description: Annotated[str, Field(examples=["Marine biologist AI companion"])]
    emoji: Annotated[str, Field(examples=["🌊"])]
    status: Literal["online", "offline", "busy"]


class FleetService:
    """Holds what was last seen, and tells everybody who listens to ``changes``."""

    def __init__(
        self,
        registry: BotRegistry,
        connector: BotConnector,
        *,
        check_interval_s: float,
        check_intervals: CheckIntervals = USUAL_INTERVALS,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._registry = registry
        self.identities = BotIdentities(registry, connector, clock=clock)
        self.identities.changes.listen(self._judged_anew)
        self.identities.conduct.changes.listen(self.record_conduct)
        self._views = BotViews(
            connector,
            self.identities,
            check_interval_s=check_interval_s,
            check_intervals=check_intervals,
            clock=clock,
        )
        self._clock = clock
        self._started_at = clock.now()
        self._states: dict[str, BotState] = {}
        self._bots: dict[str, BotView] = {}
        self._services: dict[str, ServiceView] = {}
        self._alerts: tuple[Trouble, ...] = ()
        self._incidents: tuple[Trouble, ...] = ()
        self._language_model = LanguageModel()
        self._version = 0
        self._flush: asyncio.TimerHandle | None = None
        self.changes: Topic[FleetView] = Topic("fleet")
        # What this process itself saw, for the others.
        self.reports: Topic[FleetReport] = Topic("fleet_reports")
        self._is_relaying = False

    def set_check_interval(self, seconds: float) -> None:
        """How often bots are looked at: what is older than two of it is unknown."""
        self._views.set_check_interval(seconds)

    def begin_anew(self) -> None:
        """Everything has to be looked at again before anything is concluded from what is not known, as at a start."""
        self._started_at = self._clock.now()
        self._changed()

    # What pages and doors read

    def view(self, principal: Principal) -> FleetView:
        """Everything at this moment. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        return self.current()

    def current(self) -> FleetView:
        """Everything at this moment, for the service itself."""
        bots = tuple(self._bots.values())
        services = tuple(self._services[name] for name in sorted(self._services, key=self._order))
        services = self._language_model.judged(services, bots, now=self._clock.now())
        causes = root_causes(bots, services, now=self._clock.now())
        bots = tuple(
            bot if causes.get(bot.name) == bot.cause else replace(bot, cause=causes.get(bot.name)) for bot in bots
        )
        status, headline = system_status(bots, services, alerts=self._alerts, incidents=self._incidents)
        return FleetView(
            version=self._version,
            status=status,
            headline=headline,
            started_at=self._started_at,
            bots=bots,
            services=services,
            problems=self._registry.problems,
            alerts=self._alerts,
            incidents=self._incidents,
        )

    @property
    def service_names(self) -> frozenset[str]:
        """The dependencies, and the other parts of the fleet, that are watched."""
        return frozenset(self._services)

    def public_bots(self) -> tuple[PublicBot, ...]:
        """The bots as users see them, by name."""
        return tuple(
            PublicBot(
                name=bot.name,
                display_name=bot.display_name,
                description=bot.description,
                emoji=bot.emoji,
                status=PUBLIC_STATUS.get(bot.shown, "offline"),  # type: ignore[arg-type]
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
            state = self._states.setdefault(spec.name, BotState.unseen())
            if state.addresses and spec.url not in state.addresses:
                state.probe = None  # What was seen was seen elsewhere.
            state.addresses = spec.addresses
        self._bots = {spec.name: self._views.of_bot(spec, self._states[spec.name]) for spec in specs}
        self._changed()

    def restore_heartbeats(self, bot_name: str, heartbeats: list[Heartbeat]) -> None:
        """Fill a bar with what earlier processes saw."""
        state = self._states.get(bot_name)
        if state is not None and not state.heartbeats:
            state.heartbeats.extend(heartbeats)
            self._update(bot_name)

    def restore_last_seen(self, seen: Mapping[str, datetime | None]) -> None:
        """Fill in when earlier processes saw bots for the last time."""
        for name, at in seen.items():
            state = self._states.get(name)
            if state is not None and at is not None and state.last_seen_at is None:
                state.last_seen_at = at
                self._update(name)

    def record_probe(self, probe: Probe) -> Heartbeat | None:
        """Take over one health check; returns the heartbeat it made, ``None`` for a bot that is gone."""
        state = self._states.get(probe.bot_name)
        if state is None:
            return None
        if probe.url is not None and probe.url not in state.addresses:
            return None  # The bot has another address since.
        self._report(probe)
        state.probe = probe
        if probe.url is not None and self._registry.confirm_address(probe.bot_name, probe.url):
            log.info("bot_found_elsewhere", bot_name=probe.bot_name, url=probe.url)
        if probe.is_healthy:
            if self.identities.fault(probe.bot_name) is None:  # else it is another bot that was seen
                state.last_seen_at = probe.checked_at
            state.contract = probe.contract or state.contract
        else:
            state.synthetic_check = None  # It comes back as another.
            self._begin_anew(probe.bot_name, state)
        status = self._views.status(probe.bot_name, state)
        heartbeat = Heartbeat(checked_at=probe.checked_at, status=status, latency_ms=probe.latency_ms)
        if not state.heartbeats or state.heartbeats[-1].checked_at != heartbeat.checked_at:
            state.heartbeats.append(heartbeat)
        self._update(probe.bot_name)
        return heartbeat

    def record_containers(self, containers: tuple[ContainerView, ...]) -> tuple[str, ...]:
        """Take over what the engine shows; returns the bots whose container changed."""
        self._report(ContainersReport(reported_at=self._clock.now(), containers=containers))
        seen: dict[str, ContainerView] = {}
        for container in containers:
            name = self._registry.name_of(container.bot_name)
            seen[name] = container if container.bot_name == name else replace(container, bot_name=name)
        changed = []
        for name, state in self._states.items():
            shown = seen.get(name)
            is_changed = not is_same_container(shown, state.container)
            is_other = _is_other_run(shown, state.container)
            state.container = shown
            if is_other:
                self._begin_anew(name, state)
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

    def drop_restart(self, bot_name: str) -> None:
        """Drop a restart that nobody reports any more: its process is gone."""
        state = self._states.get(bot_name)
        if state is not None and state.restart is not None:
            state.restart = None
            self._update(bot_name)

    def record_synthetic_check(self, check: SyntheticCheckView) -> SyntheticCheckView:
        """Take over how a synthetic conversation went; what this process asked itself goes on in the count."""
        state = self._states.get(check.bot_name)
        if state is None:
            return check
        if not self._is_relaying:
            check = _counted(check, self._views.synthetic_check(state))
        self._report(check)
        self._views.learn(check)
        state.synthetic_check = check
        self._update(check.bot_name)
        return check

    def annotate_synthetic_check(self, check: SyntheticCheckView) -> None:
        """Add what became known of the last synthetic conversation after it was recorded."""
        state = self._states.get(check.bot_name)
        last = state.synthetic_check if state is not None else None
        if state is not None and last is not None and last.checked_at == check.checked_at:
            self._report(check)
            state.synthetic_check = check
            self._update(check.bot_name)

    def drop_synthetic_check(self, bot_name: str) -> None:
        """Drop the last synthetic conversation, e.g. because the bot was restarted since."""
        state = self._states.get(bot_name)
        if state is not None and state.synthetic_check is not None:
            state.synthetic_check = None
            self._update(bot_name)

    def record_info(self, report: InfoReport) -> None:
        """Take over what a bot says about itself."""
        state = self._states.get(report.info.bot_name)
        if state is not None:
            self._report(report)
            state.info = report.info
            state.queues = followed(state.queues, report.info.facts, at=report.reported_at)
            self.identities.note(report.info)
            self._update(report.info.bot_name)

    def record_conduct(self, report: ConductReport) -> None:
        """Take over how a bot behaves over several answers, as one process saw it."""
        state = self._states.get(report.bot_name)
        if state is not None:
            self._report(report)
            state.conduct = {**state.conduct, report.reporter: report}
            self._update(report.bot_name)

    def record_usage(self, usage: ContainerUsage) -> None:
        """Take over what a container uses."""
        state = self._states.get(usage.bot_name)
        if state is not None:
            self._report(usage)
            state.usage = usage
            self._update(usage.bot_name)

    def record_statistics(self, report: StatisticsReport) -> None:
        """Take over how all bots and services did lately."""
        self._report(report)
        for name, state in self._states.items():
            statistics = report.bots.get(name)
            if statistics != state.figures:
                state.figures = statistics
                self._update(name)
        for name, (p50_ms, p95_ms, p99_ms) in report.services.items():
            service = self._services.get(name)
            if service is not None:
                self._services[name] = replace(service, p50_ms=p50_ms, p95_ms=p95_ms, p99_ms=p99_ms)
                self._changed()

    def record_answers(self, report: AnswersReport) -> None:
        """Take over how the newest calls of all bots went."""
        self._report(report)
        for name, state in self._states.items():
            recent, before = report.bots.get(name), state.recent
            state.recent, state.recent_at = recent, report.reported_at
            if recent != before:
                self._update(name)

    def recent_of(self, bot_name: str) -> tuple[RecentAnswers | None, datetime | None]:
        """How a bot's newest calls went, and when it was begun anew: what it did before counts no more."""
        state = self._states.get(bot_name)
        return (self._views.recent(state), state.began_at) if state else (None, None)

    def record_alerts(self, report: AlertsReport) -> None:
        """Take over which alerts fire."""
        self._report(report)
        self._alerts = report.alerts
        titles = _titles(report.alerts)
        for name, state in self._states.items():
            if state.alerts != titles.get(name, ()):
                state.alerts = titles.get(name, ())
                self._update(name)
        self._changed()

    def record_incidents(self, report: IncidentsReport) -> None:
        """Take over which incidents are open."""
        self._report(report)
        self._incidents = report.incidents
        titles = _titles(report.incidents)
        for name, state in self._states.items():
            if state.incidents != titles.get(name, ()):
                state.incidents = titles.get(name, ())
                self._update(name)
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
        if report.role is not PartRole.DEPENDENCY and report.status is ServiceStatus.NOT_CONFIGURED:
            self._services.pop(report.name, None)  # it is no part of the fleet any more
        else:
            self._services[report.name] = service_view(self._services.get(report.name), report)
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
        self.identities.conduct.tick()
        for name, view in self._bots.items():
            seen = self._views.aged(view, self._states[name])
            if seen != view:
                self._bots[name] = seen
                self._changed()
        for name, service in self._services.items():
            aged = self._views.aged_service(service)
            if aged is not service:
                self._services[name] = aged
                self._changed()

    # Inside

    def _order(self, name: str) -> tuple[int, int, str]:
        """Our own dependencies first, then the fleet's workers, stores and services."""
        service = self._services[name]
        return ORDER.get(name, len(ORDER)), _ROLES.index(service.role), service.title

    def _judged_anew(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name in self._states:
                self._update(name)

    def _begin_anew(self, bot_name: str, state: BotState) -> None:
        """What was known of the bot that was there says nothing of the one that will be."""
        self.identities.expire(bot_name)
        self.identities.conduct.begin_anew(bot_name)
        state.conduct, state.queues = {}, {}

    def _update(self, bot_name: str) -> None:
        try:
            spec = self._registry.get(bot_name)
        except NotFound:
            return
        self._bots[spec.name] = self._views.of_bot(spec, self._states[spec.name])
        self._changed()

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


def _is_other_run(now: ContainerView | None, before: ContainerView | None) -> bool:
    """Whether something else may listen where a bot's container did: it was started, stopped, or is another."""
    if now is None or before is None:
        return now is not before
    return (now.id, now.started_at, now.state) != (before.id, before.started_at, before.state)


def _titles(troubles: tuple[Trouble, ...]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for trouble in troubles:
        if trouble.severity is not Severity.INFO:
            for name in trouble.bots:
                found[name] = (*found.get(name, ()), trouble.title)
    return found


def _counted(check: SyntheticCheckView, before: SyntheticCheckView | None) -> SyntheticCheckView:
    """The next of a row of synthetic conversations. After several that failed, one that went well may be luck."""
    if not check.is_answered:
        failures = before.failures + 1 if before is not None else 1
        return replace(check, failures=failures, answers_until_trusted=1 if failures >= SEVERAL_FAILURES else 0)
    if before is None or before.answers_until_trusted == 0 or before.is_answered:
        return check
    return replace(check, answers_until_trusted=before.answers_until_trusted, fault=before.fault)
