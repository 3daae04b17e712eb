"""The state of the fleet as pages and doors show it."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from chat_api.schemas.containers import ContainerView
from models import RestartState


class BotStatus(StrEnum):
    """What a bot is doing, in the words of every page."""

    ONLINE = "online"
    DEGRADED = "degraded"
    STARTING = "starting"
    RESTARTING = "restarting"
    OFFLINE = "offline"
    QUARANTINED = "quarantined"
    MAINTENANCE = "maintenance"
    UNKNOWN = "unknown"


class ServiceStatus(StrEnum):
    """How a dependency is."""

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    UNKNOWN = "unknown"
    NOT_CONFIGURED = "not_configured"


class SystemStatus(StrEnum):
    """How the whole is. Source: specification, ``GET /api/admin/status``."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """One health check as a bar shows it."""

    checked_at: datetime
    status: BotStatus
    latency_ms: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class RestartView:
    """One restart, running or over. ``duration_s`` is from the request to the first healthy answer."""

    restart_id: UUID
    bot_name: str
    requested_by: str
    requested_at: datetime
    state: RestartState
    estimate_s: float
    finished_at: datetime | None = None
    duration_s: float | None = None
    error: str | None = None

    @property
    def is_running(self) -> bool:
        """Whether it is still under way."""
        return self.state not in {RestartState.ONLINE, RestartState.FAILED}


@dataclass(frozen=True, slots=True, kw_only=True)
class BotView:
    """One bot as the console shows it. ``latency_ms`` is the last health answer's, ``error`` for operators only.

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceView:
    """One dependency: ``latencies_ms`` are the last answers, oldest first, ``None`` where there was none."""

    name: str
    title: str
    status: ServiceStatus
    latency_ms: float | None = None
    last_checked_at: datetime | None = None
    last_seen_at: datetime | None = None
    error: str | None = None
    latencies_ms: tuple[float | None, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FleetView:
    """Everything the Fleet page shows at one moment; ``version`` grows with every change."""

    version: int
    status: SystemStatus
    headline: str
    started_at: datetime
    bots: tuple[BotView, ...] = ()
    services: tuple[ServiceView, ...] = ()
    problems: tuple[str, ...] = field(default=())


HEARTBEAT_WELL = frozenset({BotStatus.ONLINE, BotStatus.MAINTENANCE})
"""The statuses of a bot that needs no closer look."""
