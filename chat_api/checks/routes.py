"""Checks over the API."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from chat_api.checks.bodies import CheckRunBody, CheckRunList, CheckSuiteBody, CheckSuiteList
from chat_api.checks.schemas import RunDetails, RunView, SuiteView
from chat_api.checks.service import ChecksService
from chat_api.http.base_models import Success
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_of

router = APIRouter(prefix="/api/admin", tags=["Administration"])

Checks = Annotated[ChecksService, service(ChecksService)]
_WRITING = (*CONSOLE, *BODIES, "conflict")
_ONE = (*CONSOLE, "invalid_input", "not_found")


@router.get(
    "/check-suites",
    summary="Check suites",
    response_model=CheckSuiteList,
    responses=also_as("text/csv") | errors(*CONSOLE, "invalid_input"),
)
async def suites(principal: Admin, checks: Checks, format: Format = "json") -> CheckSuiteList | Response:
    """Every suite with its prompts and what is expected of the answers."""
    found = await checks.suites(principal)
    if format == "csv":
        return csv_of("check-suites", SuiteView, found)
    return CheckSuiteList(suites=found)


@router.post("/check-suites", summary="Create a check suite", responses=errors(*_WRITING))
async def create_suite(body: CheckSuiteBody, principal: Admin, checks: Checks) -> SuiteView:
    """Add a suite; it is run when somebody asks for it."""
    return await checks.create_suite(principal, body.draft())


@router.put("/check-suites/{suite_id}", summary="Change a check suite", responses=errors(*_WRITING, "not_found"))
async def change_suite(suite_id: UUID, body: CheckSuiteBody, principal: Admin, checks: Checks) -> SuiteView:
    """Replace it; runs keep the prompts that they had."""
    return await checks.change_suite(principal, suite_id, body.draft())


@router.delete("/check-suites/{suite_id}", summary="Delete a check suite", responses=errors(*_ONE))
async def delete_suite(suite_id: UUID, principal: Admin, checks: Checks) -> Success:
    """Its runs go with it."""
    await checks.delete_suite(principal, suite_id)
    return Success()


@router.post("/check-suites/{suite_id}/runs", summary="Run checks", responses=errors(*_WRITING, "not_found"))
async def begin(suite_id: UUID, body: CheckRunBody, principal: Admin, checks: Checks) -> RunView:
    """Ask bots the prompts of a suite, a few bots at once, as a test user; one run at a time."""
    return await checks.begin(principal, suite_id, body.bot_names)


@router.get(
    "/check-runs",
    summary="Runs of checks",
    response_model=CheckRunList,
    responses=also_as("text/csv") | errors(*CONSOLE, "invalid_input"),
)
async def runs(
    principal: Admin,
    checks: Checks,
    suite_id: UUID | None = None,
    limit: Annotated[int, Query(ge=1, le=500)] = 50,
    format: Format = "json",
) -> CheckRunList | Response:
    """The last runs, newest first."""
    found = await checks.runs(principal, suite_id=suite_id, limit=limit)
    if format == "csv":
        return csv_of("check-runs", RunView, found)
    return CheckRunList(runs=found)


@router.get("/check-runs/{run_id}", summary="One run of checks", responses=errors(*_ONE))
async def run(run_id: UUID, principal: Admin, checks: Checks) -> RunDetails:
    """Every answer, and what it fails."""
    return await checks.details(principal, run_id)


@router.post("/check-runs/{run_id}/stop", summary="Stop checks", responses=errors(*_ONE, "conflict"))
async def stop(run_id: UUID, principal: Admin, checks: Checks) -> RunView:
    """No bot is asked anything more."""
    return await checks.stop(principal, run_id)
