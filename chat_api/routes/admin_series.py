"""The console's API to what was measured and observed over time."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response

from chat_api.routes.dependencies import Admin, AppServices, BotName
from chat_api.routes.errors import CONSOLE, errors
from chat_api.routes.exports import Format, also_as, csv_of
from chat_api.routes.models_series import (
    SeriesAnswer,
    SeriesPointEntry,
    StatusIntervalEntry,
    StatusIntervalsAnswer,
    UptimeAnswer,
)
from chat_api.schemas.principals import Principal
from chat_api.schemas.series import BotSeries, Window
from chat_api.services.container import Services

router = APIRouter(prefix="/api/admin", tags=["Administration"])

ServiceName = Annotated[str, Path(max_length=30, description="`postgres`, `redis`, `qdrant` or `docker`.")]
InWindow = Annotated[Window, Query(description="How far back, at most 400 steps.")]
InFormat = Annotated[Format, Query(alias="format", description="`csv` for a file that a spreadsheet opens.")]

_ANSWERS = also_as("text/csv") | errors(*CONSOLE, "not_found", "invalid_input")


@router.get("/bots/{bot_name}/series", summary="A bot's series", response_model=SeriesAnswer, responses=_ANSWERS)
async def bot_series(
    bot_name: BotName,
    principal: Admin,
    services: AppServices,
    kind: Annotated[BotSeries, Query(description="Users' messages, health checks, or canaries.")] = BotSeries.ANSWERS,
    window: InWindow = Window.DAY,
    in_format: InFormat = "json",
) -> SeriesAnswer | Response:
    """Counts, failures and percentiles of a bot's answers, health checks or canaries."""
    return await _series(services, principal, f"{kind}:{bot_name.lower()}", window, in_format)


@router.get("/bots/{bot_name}/uptime", summary="A bot's uptime", response_model=UptimeAnswer, responses=_ANSWERS)
async def bot_uptime(
    bot_name: BotName,
    principal: Admin,
    services: AppServices,
    window: InWindow = Window.DAY,
    in_format: InFormat = "json",
) -> UptimeAnswer | Response:
    """Time-weighted; what nobody observed and what was announced as maintenance is told apart and does not count."""
    return await _uptime(services, principal, f"bot:{bot_name.lower()}", window, in_format)


@router.get(
    "/bots/{bot_name}/intervals", summary="A bot's states", response_model=StatusIntervalsAnswer, responses=_ANSWERS
)
async def bot_intervals(
    bot_name: BotName,
    principal: Admin,
    services: AppServices,
    window: InWindow = Window.DAY,
    in_format: InFormat = "json",
) -> StatusIntervalsAnswer | Response:
    """The exact intervals behind the uptime, with their reasons."""
    return await _intervals(services, principal, f"bot:{bot_name.lower()}", window, in_format)


@router.get("/services/{name}/series", summary="A dependency's series", response_model=SeriesAnswer, responses=_ANSWERS)
async def service_series(
    name: ServiceName,
    principal: Admin,
    services: AppServices,
    window: InWindow = Window.DAY,
    in_format: InFormat = "json",
) -> SeriesAnswer | Response:
    """How quickly a dependency answered its checks."""
    return await _series(services, principal, f"service:{name}", window, in_format)


@router.get("/services/{name}/uptime", summary="A dependency's uptime", response_model=UptimeAnswer, responses=_ANSWERS)
async def service_uptime(
    name: ServiceName,
    principal: Admin,
    services: AppServices,
    window: InWindow = Window.DAY,
    in_format: InFormat = "json",
) -> UptimeAnswer | Response:
    """How much of the observed time a dependency answered its checks."""
    return await _uptime(services, principal, f"service:{name}", window, in_format)


@router.get(
    "/services/{name}/intervals",
    summary="A dependency's states",
    response_model=StatusIntervalsAnswer,
    responses=_ANSWERS,
)
async def service_intervals(
    name: ServiceName,
    principal: Admin,
    services: AppServices,
    window: InWindow = Window.DAY,
    in_format: InFormat = "json",
) -> StatusIntervalsAnswer | Response:
    """The exact intervals behind a dependency's uptime, with their reasons."""
    return await _intervals(services, principal, f"service:{name}", window, in_format)


@router.get("/series/{name}", summary="Our own series", response_model=SeriesAnswer, responses=_ANSWERS)
async def own_series(
    name: Literal["http", "loop_lag"],
    principal: Admin,
    services: AppServices,
    window: InWindow = Window.DAY,
    in_format: InFormat = "json",
) -> SeriesAnswer | Response:
    """Our own request times (`http`), or how late our event loops run what is due (`loop_lag`), of all processes."""
    return await _series(services, principal, name, window, in_format)


async def _series(
    services: Services, principal: Principal, subject: str, window: Window, in_format: Format
) -> SeriesAnswer | Response:
    points = await services.series.points(principal, subject, window)
    answer = SeriesAnswer(subject=subject, window=window, points=points)
    return _file(subject, "series", window, SeriesPointEntry, answer.points) if in_format == "csv" else answer


async def _uptime(
    services: Services, principal: Principal, subject: str, window: Window, in_format: Format
) -> UptimeAnswer | Response:
    answer = UptimeAnswer.of(subject, await services.series.uptime(principal, subject, window))
    return _file(subject, "uptime", window, UptimeAnswer, [answer]) if in_format == "csv" else answer


async def _intervals(
    services: Services, principal: Principal, subject: str, window: Window, in_format: Format
) -> StatusIntervalsAnswer | Response:
    intervals = await services.series.intervals(principal, subject, window)
    answer = StatusIntervalsAnswer(subject=subject, window=window, intervals=intervals)
    return _file(subject, "intervals", window, StatusIntervalEntry, answer.intervals) if in_format == "csv" else answer


def _file(subject: str, what: str, window: Window, kind: type[Any], entries: list[Any]) -> Response:
    name = f"{subject.replace(':', '-')}-{what}-{window}"
    return csv_of(name, kind, entries)
