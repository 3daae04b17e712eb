"""The console's API."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter

from chat_api import __version__
from chat_api.fleet.schemas import BotStatus, BotView, PartRole, ServiceStatus, ServiceView
from chat_api.fleet.service import FleetService
from chat_api.fleet.status_bodies import BotState, PartServiceState, ServiceState, StatusAnswer, SystemState
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import CONSOLE, errors

# Source: specification, ``GET /api/admin/status``.
SPECIFIED = frozenset({"postgres", "redis", "qdrant", "docker"})

router = APIRouter(prefix="/api/admin", tags=["Administration"])

Fleet = Annotated[FleetService, service(FleetService)]


@router.get(
    "/status",
    summary="System status",
    responses=errors(*CONSOLE),
)
async def status(principal: Admin, fleet: Fleet) -> StatusAnswer:
    """The whole, its services and its bots, from the last checks: asking costs no bot anything."""
    view = fleet.view(principal)
    uptime_s = (datetime.now(UTC) - view.started_at).total_seconds()
    return StatusAnswer(
        system=SystemState(
            status=view.status.value,
            uptime=duration_text(uptime_s),
            version=__version__,
            headline=view.headline,
            needs_attention=view.attention,
            alerts_firing=len(view.alerts),
            incidents_open=len(view.incidents),
        ),
        services=service_states(view.services),
        bots={bot.name: _bot_state(bot) for bot in view.bots},
    )


def service_state(service: ServiceView) -> ServiceState:
    """A dependency as the API gives it; the specification's times are seconds."""
    latency_s = round(service.latency_ms / 1000, 4) if service.latency_ms is not None else None
    fault = service.fault if service.status is ServiceStatus.UNHEALTHY else None
    state = ServiceState(status=service.status.value, response_time=latency_s, fault=fault)
    if service.role is PartRole.DEPENDENCY:
        return state
    return PartServiceState(**state.model_dump(), role=service.role.value, container=service.container)


def service_states(services: Iterable[ServiceView]) -> dict[str, PartServiceState | ServiceState]:
    """The four dependencies that the specification has, always, and others where they are watched."""
    return {
        service.name: service_state(service)
        for service in services
        if service.name in SPECIFIED or service.status is not ServiceStatus.NOT_CONFIGURED
    }


def duration_text(seconds: float) -> str:
    """A duration for people, e.g. ``2d 3h 14m``."""
    minutes, whole_s = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days}d {hours}h {minutes}m"
    if hours:
        return f"{hours}h {minutes}m"
    return f"{minutes}m {whole_s}s"


def _bot_state(bot: BotView) -> BotState:
    if bot.last_checked_at is None or bot.status is BotStatus.UNKNOWN:
        health_check = "unknown"
    else:
        health_check = "unhealthy" if bot.latency_ms is None else "healthy"
    return BotState(
        display_name=bot.display_name,
        status=bot.shown.value,
        reason=bot.error,
        health_check=health_check,
        port=bot.port,
        latency_ms=bot.latency_ms,
        last_seen_at=bot.last_seen_at,
        container=bot.container.state.value if bot.container else None,
    )
