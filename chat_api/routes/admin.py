"""The console's API."""

from collections.abc import Iterable
from datetime import UTC, datetime

from fastapi import APIRouter

from chat_api import __version__
from chat_api.routes.dependencies import Admin, AppServices, BotName
from chat_api.routes.errors import CONSOLE, errors
from chat_api.routes.models_restarts import ImpactAnswer, RestartAnswer
from chat_api.routes.models_status import BotState, ServiceState, StatusAnswer, SystemState
from chat_api.schemas.fleet import BotStatus, BotView, ServiceStatus, ServiceView

router = APIRouter(prefix="/api/admin", tags=["Administration"])


@router.get(
    "/status",
    summary="System status",
    responses=errors(*CONSOLE),
)
async def status(principal: Admin, services: AppServices) -> StatusAnswer:
    """The whole, its services and its bots, from the last checks: asking costs no bot anything."""
    view = services.fleet.view(principal)
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


@router.post(
    "/bots/{bot_name}/restart",
    summary="Restart a bot",
    responses=errors(*CONSOLE, "not_found", "invalid_input", "engine_failed", "engine_unavailable"),
)
async def restart(bot_name: BotName, principal: Admin, services: AppServices) -> RestartAnswer:
    """Begin a restart, or join the one that is under way; progress shows in the status."""
    view = await services.restarts.restart(principal, bot_name)
    return RestartAnswer(
        success=True,
        message="Bot restart initiated",
        estimated_downtime=f"{max(1, round(view.estimate_s))} seconds",
        restart_id=str(view.restart_id),
    )


@router.get(
    "/bots/{bot_name}/impact",
    summary="What a restart would cost",
    responses=errors(*CONSOLE, "not_found", "invalid_input"),
)
async def impact(bot_name: BotName, principal: Admin, services: AppServices) -> ImpactAnswer:
    """How many people talk with a bot right now, and how long a restart of it takes; to ask before it is done."""
    history = services.restarts.history
    affected = await history.affected(principal, [bot_name])
    return ImpactAnswer(affected_users=affected.total, estimate_s=await history.estimate_s(bot_name))


def service_state(service: ServiceView) -> ServiceState:
    """A dependency as the API gives it; the specification's times are seconds."""
    latency_s = round(service.latency_ms / 1000, 4) if service.latency_ms is not None else None
    fault = service.fault if service.status is ServiceStatus.UNHEALTHY else None
    return ServiceState(status=service.status.value, response_time=latency_s, fault=fault)


def service_states(services: Iterable[ServiceView]) -> dict[str, ServiceState]:
    """The four dependencies that the specification has, always, and the language model where one is watched."""
    return {
        service.name: service_state(service)
        for service in services
        if service.name != "llm" or service.status is not ServiceStatus.NOT_CONFIGURED
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
