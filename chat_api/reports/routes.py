"""The daily report over the API."""

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path, Response

from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import also_as, attachment
from chat_api.reports.bodies import ReportScheduleBody
from chat_api.reports.markdown import report_markdown
from chat_api.reports.schemas import DayReport, ReportSchedule
from chat_api.reports.service import ReportsService

router = APIRouter(prefix="/api/admin", tags=["Administration"])

Reports = Annotated[ReportsService, service(ReportsService)]
Day = Annotated[date, Path(description="By the clocks of the report's time zone.", examples=["2026-11-29"])]
_READING = errors(*CONSOLE, "invalid_input")


@router.get(
    "/reports/{day}.md",
    summary="The report of a day as a document",
    response_class=Response,
    responses=also_as("text/markdown", "The report as text") | _READING,
)
async def report_document(day: Day, principal: Admin, reports: Reports) -> Response:
    """The same as Markdown, to be saved or pasted; what bots and people are called cannot become markup."""
    text = report_markdown(await reports.report(principal, day))
    return Response(text, media_type="text/markdown; charset=utf-8", headers=attachment(f"report-{day}.md"))


@router.get("/reports/{day}", summary="The report of a day", responses=_READING)
async def report(day: Day, principal: Admin, reports: Reports) -> DayReport:
    """Bots, people, messages, incidents, restarts and alerts of a day, and what changed. Null: nobody observed it."""
    return await reports.report(principal, day)


@router.get("/report-schedule", summary="When the daily report is sent", responses=errors(*CONSOLE))
async def get_schedule(principal: Admin, reports: Reports) -> ReportSchedule:
    """When, to which channels, and which day was sent last."""
    return await reports.schedule(principal)


@router.put(
    "/report-schedule",
    summary="Decide when the daily report is sent",
    responses=errors(*CONSOLE, *BODIES),
)
async def put_schedule(body: ReportScheduleBody, principal: Admin, reports: Reports) -> ReportSchedule:
    """From the next morning on, each day once; a morning that was missed is made up for, of several the last."""
    return await reports.change_schedule(principal, body.draft())
