"""The console's API to what was measured and observed over time."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Path, Query, Response

from chat_api.core.principals import Principal
from chat_api.fleet.dependencies import DEPENDENCIES
from chat_api.http.dependencies import Admin, BotName, service
from chat_api.http.errors import CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_of
from chat_api.series.bodies import (
    SeriesAnswer,
    StatusIntervalEntry,
    StatusIntervalsAnswer,
    UptimeAnswer,
)
from chat_api.series.schemas import BotSeries, SeriesPoint, Window
from chat_api.series.service import SeriesService

router = APIRouter(prefix="/api/admin", tags=["Administration"])


ServiceName = Annotated[
    str,
    Path(
        max_length=50,
        description=f"One of {', '.join(f'`{name}`' for name in DEPENDENCIES)}, or another part of the fleet.",
    ),
]
_ANSWERS = also_as("text/csv") | errors(*CONSOLE, "not_found", "invalid_input")


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What each of these routes is asked, beside whose series it is to give."""

    principal: Principal
    series: SeriesService
    window: Window
    format: Format


async def question(
    principal: Admin,
    series: Annotated[SeriesService, service(SeriesService)],
    window: Annotated[Window, Query(description="How far back, at most 400 steps.")] = Window.DAY,
    format: Annotated[Format, Query(description="`csv` for a file that a spreadsheet opens.")] = "json",
) -> Question:
    """The question of a request; async, for FastAPI runs a plain function in a thread."""
    return Question(principal=principal, series=series, window=window, format=format)


Asked = Annotated[Question, Depends(question)]


@router.get("/bots/{bot_name}/series", summary="A bot's series", response_model=SeriesAnswer, responses=_ANSWERS)
async def bot_series(
    bot_name: BotName,
    asked: Asked,
    kind: Annotated[
        BotSeries, Query(description="Users' messages, health checks, or synthetic checks (`canary`: deprecated).")
    ] = BotSeries.ANSWERS,
) -> SeriesAnswer | Response:
    """Counts, failures and percentiles of a bot's answers, health checks or synthetic checks."""
    kind = BotSeries.SYNTHETIC_CHECK if kind is BotSeries.CANARY else kind
    return await _series(asked, f"{kind}:{bot_name.lower()}")


@router.get("/bots/{bot_name}/uptime", summary="A bot's uptime", response_model=UptimeAnswer, responses=_ANSWERS)
async def bot_uptime(bot_name: BotName, asked: Asked) -> UptimeAnswer | Response:
    """Time-weighted; what nobody observed and what was announced as maintenance is told apart and does not count."""
    return await _uptime(asked, f"bot:{bot_name.lower()}")


@router.get(
    "/bots/{bot_name}/intervals", summary="A bot's states", response_model=StatusIntervalsAnswer, responses=_ANSWERS
)
async def bot_intervals(bot_name: BotName, asked: Asked) -> StatusIntervalsAnswer | Response:
    """The exact intervals behind the uptime, with their reasons."""
    return await _intervals(asked, f"bot:{bot_name.lower()}")


@router.get("/services/{name}/series", summary="A dependency's series", response_model=SeriesAnswer, responses=_ANSWERS)
async def service_series(name: ServiceName, asked: Asked) -> SeriesAnswer | Response:
    """How quickly a dependency answered its checks."""
    return await _series(asked, f"service:{name}")


@router.get("/services/{name}/uptime", summary="A dependency's uptime", response_model=UptimeAnswer, responses=_ANSWERS)
async def service_uptime(name: ServiceName, asked: Asked) -> UptimeAnswer | Response:
    """How much of the observed time a dependency answered its checks."""
    return await _uptime(asked, f"service:{name}")


@router.get(
    "/services/{name}/intervals",
    summary="A dependency's states",
    response_model=StatusIntervalsAnswer,
    responses=_ANSWERS,
)
async def service_intervals(name: ServiceName, asked: Asked) -> StatusIntervalsAnswer | Response:
    """The exact intervals behind a dependency's uptime, with their reasons."""
    return await _intervals(asked, f"service:{name}")


@router.get("/series/{name}", summary="Our own series", response_model=SeriesAnswer, responses=_ANSWERS)
async def own_series(name: Literal["http", "loop_lag"], asked: Asked) -> SeriesAnswer | Response:
    """Our own request times (`http`), or how late our event loops run what is due (`loop_lag`), of all processes."""
    return await _series(asked, name)


async def _series(asked: Question, subject: str) -> SeriesAnswer | Response:
    points = await asked.series.points(asked.principal, subject, asked.window)
    answer = SeriesAnswer(subject=subject, window=asked.window, points=points)
    return _file(asked, subject, "series", SeriesPoint, answer.points) if asked.format == "csv" else answer


async def _uptime(asked: Question, subject: str) -> UptimeAnswer | Response:
    answer = UptimeAnswer.of(subject, await asked.series.uptime(asked.principal, subject, asked.window))
    return _file(asked, subject, "uptime", UptimeAnswer, [answer]) if asked.format == "csv" else answer


async def _intervals(asked: Question, subject: str) -> StatusIntervalsAnswer | Response:
    intervals = await asked.series.intervals(asked.principal, subject, asked.window)
    answer = StatusIntervalsAnswer(subject=subject, window=asked.window, intervals=intervals)
    return (
        _file(asked, subject, "intervals", StatusIntervalEntry, answer.intervals) if asked.format == "csv" else answer
    )


def _file(asked: Question, subject: str, what: str, kind: type[Any], entries: Sequence[Any]) -> Response:
    return csv_of(f"{subject.replace(':', '-')}-{what}-{asked.window}", kind, entries)
