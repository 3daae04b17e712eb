"""This service itself, over REST."""

from dataclasses import asdict, fields
from typing import Annotated

from fastapi import APIRouter, Response

from chat_api.core.slow_queries import SlowQuery
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_file, csv_of
from chat_api.system.bodies import ProcessWorker, SlowQueryList, WorkerList
from chat_api.system.schemas import SystemView, WorkerView
from chat_api.system.service import SystemService

router = APIRouter(prefix="/api/admin/system", tags=["System"])

System = Annotated[SystemService, service(SystemService)]

_LISTS = also_as("text/csv", "The list.") | errors(*CONSOLE, "invalid_input")


@router.get("", summary="The system", responses=errors(*CONSOLE))
async def system(principal: Admin, system: System) -> SystemView:
    """Every process of the deployment, PostgreSQL, Redis and the versions; what is away is named, not waited for."""
    return await system.view(principal)


@router.get("/slow-queries", summary="Slow database statements", response_model=SlowQueryList, responses=_LISTS)
async def slow_queries(principal: Admin, system: System, format: Format = "json") -> SlowQueryList | Response:
    """Statements that took longer than `SLOW_QUERY_MS`, without their values."""
    found = system.slow_queries(await system.view(principal))
    return csv_of("slow-queries", SlowQuery, found) if format == "csv" else SlowQueryList(slow_queries=list(found))


@router.get("/workers", summary="Background workers", response_model=WorkerList, responses=_LISTS)
async def workers(principal: Admin, system: System, format: Format = "json") -> WorkerList | Response:
    """Of every process, with their last heartbeat and their last failure."""
    view = await system.view(principal)
    found = [
        ProcessWorker(host=process.host, pid=process.pid, worker=worker)
        for process in view.processes
        for worker in process.workers
    ]
    if format == "csv":
        columns = ["host", "pid", *(field.name for field in fields(WorkerView))]
        return csv_file("workers", columns, [{"host": w.host, "pid": w.pid, **asdict(w.worker)} for w in found])
    return WorkerList(workers=found)
