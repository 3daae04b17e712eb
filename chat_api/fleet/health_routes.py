"""Liveness, readiness and metrics."""

import secrets
from ipaddress import ip_address
from typing import Annotated

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST

from chat_api.core.errors import NotAuthenticated, Unavailable
from chat_api.core.metrics import Metrics
from chat_api.core.settings import Settings
from chat_api.fleet.health import HealthService
from chat_api.fleet.overview_routes import service_states
from chat_api.fleet.service import FleetService
from chat_api.fleet.status_bodies import HealthAnswer, ReadyAnswer
from chat_api.http.base_models import ErrorBody
from chat_api.http.dependencies import Bearer, address_of, admin, service
from chat_api.http.errors import errors

router = APIRouter(tags=["Health"])

Fleet = Annotated[FleetService, service(FleetService)]
Health = Annotated[HealthService, service(HealthService)]


@router.get(
    "/health",
    summary="Liveness",
    response_model_exclude_unset=True,
    responses={429: errors("rate_limited")[429] | {"model": ErrorBody}},
)
async def health(request: Request, bearer: Bearer, fleet: Fleet) -> HealthAnswer:
    """Little to strangers; with an administrator's token also the services and the bots."""
    view = fleet.current()
    try:
        await admin(request, bearer, None)
    except (NotAuthenticated, Unavailable):
        return HealthAnswer(status=view.status.value)
    return HealthAnswer(
        status=view.status.value,
        services=service_states(view.services),
        bots={bot.name: bot.shown.value for bot in view.bots},
    )


@router.get(
    "/health/ready", summary="Readiness", responses={503: {"model": ReadyAnswer, "description": "Send no traffic."}}
)
async def ready(response: Response, health: Health) -> ReadyAnswer:
    """200 while this process can store messages, hears the others and is not shutting down, else 503.

    Without Redis it stays 200: then processes find each other's events in the database.
    """
    is_ready = await health.is_ready()
    response.status_code = 200 if is_ready else 503
    return ReadyAnswer(status="ready" if is_ready else "not_ready", realtime=health.realtime.value)


@router.get(
    "/metrics",
    summary="Prometheus metrics",
    response_class=Response,
    responses={
        200: {"description": "Prometheus's text format.", "content": {"text/plain": {"schema": {"type": "string"}}}},
        **errors("not_authenticated", "rate_limited", "unavailable"),
    },
)
async def metrics(request: Request, bearer: Bearer, settings: Annotated[Settings, service(Settings)]) -> Response:
    """For a scraper with `METRICS_TOKEN`, for an administrator, and without a token set for this machine itself."""
    if not _is_scraper(request, bearer, settings):
        await admin(request, bearer, None)
    collected: Metrics = request.app.state.metrics
    return Response(collected.render(), media_type=CONTENT_TYPE_LATEST)


def _is_scraper(request: Request, bearer: Bearer, settings: Settings) -> bool:
    token = settings.metrics_token
    if token is not None:
        given = bearer.credentials if bearer else ""
        return secrets.compare_digest(given.encode(), token.get_secret_value().encode())
    if "x-forwarded-for" in request.headers or "forwarded" in request.headers:
        return False  # from a proxy on this machine, and so from anywhere
    try:
        return ip_address(address_of(request)).is_loopback
    except ValueError:
        return False
