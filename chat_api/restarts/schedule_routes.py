"""Scheduled restarts over the API."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response

from chat_api.http.base_models import Success
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_of
from chat_api.restarts.schedule_bodies import RestartScheduleBody, RestartScheduleList
from chat_api.restarts.schedule_schemas import RestartScheduleView
from chat_api.restarts.schedules import RestartSchedulesService

router = APIRouter(prefix="/api/admin/restart-schedules", tags=["Administration"])

Schedules = Annotated[RestartSchedulesService, service(RestartSchedulesService)]
_WRITING = errors(*CONSOLE, *BODIES, "conflict")
_ONE = errors(*CONSOLE, "invalid_input", "not_found")


@router.get(
    "",
    summary="Scheduled restarts",
    response_model=RestartScheduleList,
    responses=also_as("text/csv") | errors(*CONSOLE, "invalid_input"),
)
async def schedules(principal: Admin, schedules: Schedules, format: Format = "json") -> RestartScheduleList | Response:
    """All of them, with the next time, and what became of the last."""
    found = await schedules.all(principal)
    if format == "csv":
        return csv_of("restart-schedules", RestartScheduleView, found)
    return RestartScheduleList(schedules=found)


@router.post("", summary="Schedule a restart", responses=_WRITING)
async def create(body: RestartScheduleBody, principal: Admin, schedules: Schedules) -> RestartScheduleView:
    """Restart bots at a time of day, in the caller's name, with the gates of every rolling restart."""
    return await schedules.create(principal, body.draft())


@router.put("/{schedule_id}", summary="Change a scheduled restart", responses=_WRITING | errors("not_found"))
async def change(
    schedule_id: UUID, body: RestartScheduleBody, principal: Admin, schedules: Schedules
) -> RestartScheduleView:
    """Replace it; from now on it is done in the caller's name."""
    return await schedules.change(principal, schedule_id, body.draft())


@router.post("/{schedule_id}/pause", summary="Pause a scheduled restart", responses=_ONE)
async def pause(schedule_id: UUID, principal: Admin, schedules: Schedules) -> RestartScheduleView:
    """Nothing is restarted until it is resumed."""
    return await schedules.pause(principal, schedule_id)


@router.post("/{schedule_id}/resume", summary="Resume a scheduled restart", responses=_ONE | errors("conflict"))
async def resume(schedule_id: UUID, principal: Admin, schedules: Schedules) -> RestartScheduleView:
    """It goes on with its next time; what was due meanwhile is not made up for."""
    return await schedules.resume(principal, schedule_id)


@router.delete("/{schedule_id}", summary="Delete a scheduled restart", responses=_ONE)
async def delete(schedule_id: UUID, principal: Admin, schedules: Schedules) -> Success:
    """A restart that is running goes on."""
    await schedules.delete(principal, schedule_id)
    return Success()
