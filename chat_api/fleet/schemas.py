"""The state of the fleet as pages and doors show it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from chat_api.bots.schemas import Contract, Discord
from chat_api.core.read_models import ReadModel
from chat_api.engine.schemas import ContainerState, ContainerUsage, ContainerView
from chat_api.fleet.conduct_schemas import ConductReport
from models import ActionOrigin, BotAction, RestartState, Severity


class BotStatus(StrEnum):
    """What a bot is doing, in the words of every page."""

    ONLINE = "online"
    DEGRADED = "degraded"
    STARTING = "starting"
    RESTARTING = "restarting"
    OFFLINE = "offline"
    MISADDRESSED = "misaddressed"
    QUARANTINED = "quarantined"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


class Fault(StrEnum):
    """Why a bot that answers its health check is not well."""

    NOT_READY = "not_ready"
    DISCORD = "discord"
    LANGUAGE_MODEL = "language_model"
    APOLOGY = "apology"
    SILENT = "silent"
    EMPTY = "empty"
    LOOPING = "looping"
    NOT_STORING = "not_storing"
    FAILING = "failing"
    PAUSED = "paused"
    SLOW = "slow"
    QUEUE_GROWING = "queue_growing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """One thing that is wrong with a bot, in words for operators."""

    fault: Fault
    words: str


class PartRole(StrEnum):
    """What a container is to a fleet; ``dependency`` is a service that this console itself needs or watches."""

    DEPENDENCY = "dependency"
    BOT = "bot"
    WORKER = "worker"
    STORE = "store"
    SERVICE = "service"
    JOB = "job"
    CONSOLE = "console"
    OTHER = "other"


class ServiceStatus(StrEnum):
    """How a dependency, or another part of the fleet, is. ``stopped``: somebody stopped it, and no bot needs it."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    STOPPED = "stopped"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not_configured"


class SystemStatus(StrEnum):
    """How the whole is. Source: specification, ``GET /api/admin/status``."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(ReadModel):
    """One health check as a bar shows it."""

    checked_at: datetime
    status: BotStatus
    latency_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartView(ReadModel):
    """One restart, start or stop, running or over."""

    restart_id: UUID
    bot_name: str
    requested_by: str
    requested_at: datetime
    state: RestartState
    estimate_s: Annotated[float, Field(description="How long such a thing takes, as a rule.")]
    finished_at: datetime | None = None
    duration_s: Annotated[float | None, Field(description="From the request to the first healthy answer.")] = None
    error: Annotated[str | None, Field(description="Why it failed, with the last log lines of the container.")] = None
    action: BotAction = BotAction.RESTART
    origin: Annotated[
        ActionOrigin, Field(description="Who began it: a person, a bulk, a rolling restart, or the healing.")
    ] = ActionOrigin.OPERATOR
    group_id: Annotated[UUID | None, Field(description="Shared by the actions of one bulk or rolling restart.")] = None

    @property
    def is_running(self) -> bool:
        """Whether it is still under way."""
        return self.state not in {RestartState.ONLINE, RestartState.FAILED, RestartState.STOPPED}


@dataclass(frozen=True, slots=True, kw_only=True)
class BotStatistics:
    """How a bot did lately, from the stored series.

    Uptimes are shares (0 to 1) of the time that is known and not maintenance, None when nothing is known. Percentiles
    are of the chat answers of the last hour, as is ``error_rate`` (a share); ``messages_per_min`` and
    ``recent_p95_ms`` of the last five minutes.
    """

    uptime_24h: float | None = None
    uptime_7d: float | None = None
    uptime_30d: float | None = None
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    recent_p95_ms: float | None = None
    messages_per_min: float = 0.0
    error_rate: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RecentAnswers:
    """How the newest calls of a bot went: about twenty, none older than five minutes.

    ``failures`` as everywhere: see ``chat_api.core.call_outcomes``. ``mean_ms`` is of those that were answered,
    ``usual_ms`` of the day before. ``answered_at`` and ``failed_at`` are when the newest of either kind ended, to ten
    seconds. ``is_failing`` and ``is_slow`` change later than the numbers, so that they do not
    flap.
    """

    calls: int
    failures: int
    mean_ms: float | None = None
    usual_ms: float | None = None
    is_failing: bool = False
    is_slow: bool = False
    answered_at: datetime | None = None
    failed_at: datetime | None = None

    @property
    def failure_share(self) -> float:
        """The share that failed, 0 to 1."""
        return self.failures / self.calls if self.calls else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """An alert that fires or an incident that is open, and the bots that it is about."""

    key: str
    title: str
    severity: Severity
    bots: tuple[str, ...] = ()


# Synthetic conversations in a row: a bot that left so many without an answer has to answer two.
SEVERAL_FAILURES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticCheckView:
    """The last synthetic conversation with a bot; ``error`` is for operators.

    ``failures``: how many in a row were not answered until now, this one counted. ``answers_until_trusted``: how
    many answers more it takes, after several that failed, until the bot counts as healthy. ``fault`` is what
    a failed one showed, and ``apology`` a digest of its words when the bot has no language model. ``memory_note``
    says why the bot still remembers it.
    """

    bot_name: str
    is_answered: bool
    checked_at: datetime
    latency_ms: float | None = None
    error: str | None = None
    failures: int = 0
    answers_until_trusted: int = 0
    fault: Fault = Fault.SILENT
    apology: str | None = None
    memory_note: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the bot does not answer, as far as its synthetic conversations tell."""
        if self.fault is Fault.EMPTY and self.failures < SEVERAL_FAILURES:
            return self.answers_until_trusted > 0  # a v1 bot may choose to say nothing, once
        return not self.is_answered or self.answers_until_trusted > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BotPolicy:
    """What operators decided for one bot, and whether the healing gave up on it.

    In maintenance while ``maintenance_since`` is set and ``maintenance_until`` (None: until ended) is not over.
    Where ``is_auto_healed``, a bot that stays offline is restarted after ``heal_after_failures`` failed checks; with
    ``is_healed_when_silent`` also one that is healthy and leaves as many synthetic checks in a row without an answer.
    Automatic restarts before ``healing_since`` count no more. ``stopped_at``: an operator wants the bot to be stopped.
    """

    bot_name: str
    changed_at: datetime
    maintenance_since: datetime | None = None
    maintenance_until: datetime | None = None
    maintenance_reason: str = ""
    is_synthetic_check_on: bool = True
    is_auto_healed: bool = False
    is_healed_when_silent: bool = False
    heal_after_failures: int = 3
    quarantined_at: datetime | None = None
    quarantine_reason: str = ""
    notes: str = ""
    changed_by: str = ""
    healing_since: datetime | None = None
    stopped_at: datetime | None = None
    stopped_by: str = ""

    def is_in_maintenance(self, now: datetime) -> bool:
        """Whether operators want no alarm from this bot at ``now``."""
        if self.maintenance_since is None or self.maintenance_since > now:
            return False
        return self.maintenance_until is None or self.maintenance_until > now

    def is_stopped(self, container: ContainerView | None) -> bool:
        """Whether an operator stopped the bot, and nobody has started its container past the console since."""
        if self.stopped_at is None:
            return False
        is_up = container is not None and container.state is ContainerState.RUNNING
        return not (is_up and container and container.started_at and container.started_at > self.stopped_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class BotView:
    """One bot as the console shows it. ``latency_ms`` is the last health answer's, ``error`` for operators only.

    ``status`` is what the bot itself is seen to do, and ``reasons`` why it is degraded; ``shown`` is the word for it on
    every page and in every answer: no bot is well that an alert or an open incident (``troubles``) is about.
    ``declared_by`` is what makes the bot exist now, None for one that is only remembered.

    ``cause`` is the dependency that this bot's trouble is put down to, a key of ``FleetView.services``. ``contract`` is
    the generation that the bot speaks, None until it was seen to.

    ``conduct`` is how it behaves over several answers, None where nothing speaks against it.

    ``discord`` is its connection to Discord as the last health check saw it, None where it does not tell.

    ``url`` is where it is asked now.

    Of at most ``call_slots`` calls at once ``calls_in_flight`` are under way; ``calls_waiting`` wait for a slot.
    """

    name: str
    display_name: str
    description: str
    emoji: str
    port: int | None
    status: BotStatus
    last_checked_at: datetime | None = None
    last_seen_at: datetime | None = None
    latency_ms: float | None = None
    error: str | None = None
    heartbeats: tuple[Heartbeat, ...] = ()
    container: ContainerView | None = None
    restart: RestartView | None = None
    breaker: str = "closed"
    calls_in_flight: int = 0
    calls_waiting: int = 0
    call_slots: int = 0
    figures: BotStatistics | None = None
    synthetic_check: SyntheticCheckView | None = None
    usage: ContainerUsage | None = None
    policy: BotPolicy | None = None
    cause: str | None = None
    contract: Contract | None = None
    declared_by: str | None = None
    reasons: tuple[Reason, ...] = ()
    recent: RecentAnswers | None = None
    troubles: tuple[str, ...] = ()
    discord: Discord | None = None
    url: str | None = None
    conduct: ConductReport | None = None

    @property
    def shown(self) -> BotStatus:
        """The word for the bot."""
        return BotStatus.DEGRADED if self.troubles and self.status is BotStatus.ONLINE else self.status

    @property
    def needs_attention(self) -> bool:
        """Whether an operator should look at it."""
        return self.shown not in HEALTHY_STATUSES

    def has(self, *faults: Fault) -> bool:
        """Whether one of these is wrong with it."""
        return any(reason.fault in faults for reason in self.reasons)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueView:
    """A queue of the fleet's workers: all jobs, those that are due, and how long the oldest of these has waited.

    ``growing_since`` is set while it only grows.
    """

    depth: int
    waiting: int
    oldest_job_s: float | None = None
    growing_since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """One dependency: ``latencies_ms`` are the last answers, oldest first, ``None`` where there was none.

    The percentiles are of its last hour. ``failing_since`` is when its present or last trouble began; short recoveries
    do not end one. ``last_failed_at`` is its last check that failed. ``fault`` says what is wrong with one that is
    unhealthy, after its title. One that is a ``queue`` has its depths in the place of latencies.

    Other parts of the fleet than our own dependencies have a ``container`` (its name), and a compose ``project``.
    ``is_managed``: it may be acted on and read.
    """

    name: str
    title: str
    status: ServiceStatus
    latency_ms: float | None = None
    last_checked_at: datetime | None = None
    last_seen_at: datetime | None = None
    error: str | None = None
    latencies_ms: tuple[float | None, ...] = ()
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None
    failing_since: datetime | None = None
    last_failed_at: datetime | None = None
    fault: str = "is down"
    role: PartRole = PartRole.DEPENDENCY
    container: str = ""
    project: str = ""
    is_managed: bool = False
    queue: QueueView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """Everything the Fleet page shows at one moment; ``version`` grows with every change.

    ``started_at`` is when it began to be looked at: when the process started, or went on after a pause.
    """

    version: int
    status: SystemStatus
    headline: str
    started_at: datetime
    bots: tuple[BotView, ...] = ()
    services: tuple[ServiceView, ...] = ()
    problems: tuple[str, ...] = field(default=())
    alerts: tuple[Trouble, ...] = ()
    incidents: tuple[Trouble, ...] = ()

    @property
    def attention(self) -> int:
        """How many bots need an operator."""
        return sum(bot.needs_attention for bot in self.bots)


HEALTHY_STATUSES = frozenset({BotStatus.ONLINE, BotStatus.MAINTENANCE})
"""The statuses of a bot that needs no closer look."""
