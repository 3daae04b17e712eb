"""What one process saw of the fleet, as it travels to the others: over Redis, and through the database."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from chat_api.bots.schemas import BotInfo, Probe
from chat_api.engine.schemas import ContainerUsage, ContainerView
from chat_api.fleet.conduct_schemas import ConductReport
from chat_api.fleet.schemas import (
    BotPolicy,
    BotStatistics,
    PartRole,
    QueueView,
    RecentAnswers,
    RestartView,
    ServiceStatus,
    SyntheticCheckView,
    Trouble,
)
from models import RestartState


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceReport:
    """One look at one dependency, or at another part of the fleet: see :class:`ServiceView`.

    ``latency_ms`` is its answer's; ``error`` and ``fault`` are for operators. A part that is not configured is gone.
    """

    name: str
    title: str
    status: ServiceStatus
    checked_at: datetime
    latency_ms: float | None = None
    error: str | None = None
    fault: str = "is down"
    role: PartRole = PartRole.DEPENDENCY
    container: str = ""
    project: str = ""
    is_managed: bool = False
    queue: QueueView | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainersReport:
    """All containers of bots that the engine shows."""

    reported_at: datetime
    containers: tuple[ContainerView, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsReport:
    """The figures of all bots by name, and of services their percentiles ``(p50, p95, p99)`` in milliseconds."""

    reported_at: datetime
    bots: Mapping[str, BotStatistics]
    services: Mapping[str, tuple[float | None, float | None, float | None]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswersReport:
    """How the newest calls of bots went; a bot that is not in it had none lately."""

    reported_at: datetime
    bots: Mapping[str, RecentAnswers]


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertsReport:
    """All alerts that fire."""

    reported_at: datetime
    alerts: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentsReport:
    """All incidents that are open."""

    reported_at: datetime
    incidents: tuple[Trouble, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PoliciesReport:
    """What operators decided for bots; a bot that is not in it has no decision."""

    reported_at: datetime
    policies: tuple[BotPolicy, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InfoReport:
    """What a bot said about itself."""

    reported_at: datetime
    info: BotInfo


FleetReport = (
    Probe
    | InfoReport
    | ServiceReport
    | ContainersReport
    | RestartView
    | StatisticsReport
    | PoliciesReport
    | SyntheticCheckView
    | ContainerUsage
    | AnswersReport
    | ConductReport
    | AlertsReport
    | IncidentsReport
)

_KINDS: dict[str, TypeAdapter[Any]] = {
    "probe": TypeAdapter(Probe),
    "info": TypeAdapter(InfoReport),
    "service": TypeAdapter(ServiceReport),
    "containers": TypeAdapter(ContainersReport),
    "restart": TypeAdapter(RestartView),
    "figures": TypeAdapter(StatisticsReport),
    "policies": TypeAdapter(PoliciesReport),
    "synthetic_check": TypeAdapter(SyntheticCheckView),
    "usage": TypeAdapter(ContainerUsage),
    "answers": TypeAdapter(AnswersReport),
    "conduct": TypeAdapter(ConductReport),
    "alerts": TypeAdapter(AlertsReport),
    "incidents": TypeAdapter(IncidentsReport),
}
# What one process tells of all bots at once.
_OF_ALL: dict[type, str] = {
    ContainersReport: "containers",
    StatisticsReport: "figures",
    PoliciesReport: "policies",
    AnswersReport: "answers",
    AlertsReport: "alerts",
    IncidentsReport: "incidents",
}
_STEPS = list(RestartState)


def key_of(report: FleetReport) -> str:
    """What a report is about: a newer one with the same key replaces it."""
    match report:
        case Probe():
            return f"probe:{report.bot_name}"
        case InfoReport():
            return f"info:{report.info.bot_name}"
        case ServiceReport():
            return f"service:{report.name}"
        case RestartView():
            return f"restart:{report.bot_name}"
        case SyntheticCheckView():
            return f"synthetic_check:{report.bot_name}"
        case ConductReport():
            return f"conduct:{report.bot_name}:{report.reporter}"
        case ContainerUsage():
            return f"usage:{report.bot_name}"
        case _:
            return _OF_ALL[type(report)]


def order_of(report: FleetReport) -> tuple[datetime, int]:
    """Which of two reports with one key is newer."""
    match report:
        case Probe() | ServiceReport():
            return report.checked_at, 0
        case SyntheticCheckView():
            return report.checked_at, int(report.memory_note is not None)
        case InfoReport() | ContainersReport() | StatisticsReport() | PoliciesReport():
            return report.reported_at, 0
        case AnswersReport() | ConductReport() | AlertsReport() | IncidentsReport():
            return report.reported_at, 0
        case ContainerUsage():
            return report.measured_at, 0
        case RestartView():
            return report.requested_at, _STEPS.index(report.state)


def encode(report: FleetReport) -> str:
    """A report as JSON."""
    return orjson.dumps(report).decode()


def decode(key: str, text: str) -> FleetReport | None:
    """The report that :func:`encode` wrote under this key; ``None`` for what another version of us may have written."""
    adapter = _KINDS.get(key.partition(":")[0])
    try:
        report: FleetReport | None = adapter.validate_json(text) if adapter else None
    except ValidationError:
        return None
    return report
