"""How the fleet is used, over HTTP."""

from datetime import datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_file, csv_of
from chat_api.series.analytics import AnalyticsService
from chat_api.series.analytics_bodies import BotShareEntry, RetentionAnswer, UsageAnswer, UsageEntry
from chat_api.series.analytics_schemas import Grain

router = APIRouter(prefix="/api/admin/analytics", tags=["Analytics"])
_LISTS = also_as("text/csv") | errors(*CONSOLE, "invalid_input")
Period = Literal["hour", "day", "week"]
Time = Annotated[AwareDatetime | None, Query(description="Widened to a whole period.")]

Analytics = Annotated[AnalyticsService, service(AnalyticsService)]


@router.get("/usage", summary="Use over time", responses=_LISTS, response_model=UsageAnswer)
async def usage(
    principal: Admin,
    analytics: Analytics,
    by: Period = "day",
    since: Time = None,
    until: Time = None,
    format: Format = "json",
) -> UsageAnswer | Response:
    """People, messages, answer times, failures and visits by hour, day or week (UTC), and each bot's share."""
    answer = await _report(analytics, principal, by, since, until)
    if format == "csv":
        return csv_of("usage", UsageEntry, answer.periods)
    return answer


@router.get("/bots", summary="Use by bot", responses=_LISTS, response_model=list[BotShareEntry])
async def bots(
    principal: Admin,
    analytics: Analytics,
    by: Period = "day",
    since: Time = None,
    until: Time = None,
    format: Format = "json",
) -> list[BotShareEntry] | Response:
    """Each bot's part of a time, the most used first; `users` is the most of any of its periods."""
    answer = await _report(analytics, principal, by, since, until)
    if format == "csv":
        return csv_of("bots", BotShareEntry, answer.bots)
    return answer.bots


@router.get("/retention", summary="Who came back", responses=_LISTS, response_model=RetentionAnswer)
async def retention(principal: Admin, analytics: Analytics, format: Format = "json") -> RetentionAnswer | Response:
    """By the week of the first message: how many people wrote in it, and in each week from then on."""
    answer = RetentionAnswer(cohorts=await analytics.retention(principal))
    if format == "csv":
        longest = max((len(entry.people) for entry in answer.cohorts), default=0)
        rows = [{"week": one.week} | {f"week_{n}": p for n, p in enumerate(one.people)} for one in answer.cohorts]
        return csv_file("retention", ["week", *(f"week_{number}" for number in range(longest))], rows)
    return answer


async def _report(
    analytics: AnalyticsService, principal: Admin, by: Period, since: datetime | None, until: datetime | None
) -> UsageAnswer:
    return UsageAnswer.of(await analytics.report(principal, grain=Grain(by), since=since, until=until))
