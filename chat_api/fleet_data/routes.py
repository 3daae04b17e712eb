"""The life of the fleet over HTTP, from its own stores and from ours."""

from typing import Annotated

from fastapi import APIRouter, Query, Response

from chat_api.fleet_data.bodies import BotLifeEntry, QueuesAnswer
from chat_api.fleet_data.queue_lives import QueuesService
from chat_api.fleet_data.schemas import AnswerPart, FleetLife, LifeWindow
from chat_api.fleet_data.service import FleetDataService
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_of

router = APIRouter(prefix="/api/admin/fleet-data", tags=["Analytics"])
Window = Annotated[LifeWindow, Query(description="How far back.")]

FleetData = Annotated[FleetDataService, service(FleetDataService)]
Queues = Annotated[QueuesService, service(QueuesService)]


@router.get(
    "",
    summary="The fleet's life",
    response_model=FleetLife,
    responses=also_as("text/csv", "The bots.") | errors(*CONSOLE, "invalid_input"),
)
async def life(
    principal: Admin, fleet_data: FleetData, window: Window = LifeWindow.DAY, format: Format = "json"
) -> FleetLife | Response:
    """Messages, answer times and reactions by bot, Discord included, each from the store that it is labelled with.

    What no store tells is `null`, never 0. `stores` says how each was read; a dead one is a fault there and no error
    of this request. Nobody is named: users and texts are never asked for.
    """
    found = await fleet_data.life(principal, window)
    return csv_of("fleet-data", BotLifeEntry, map(BotLifeEntry.of, found.bots)) if format == "csv" else found


@router.get(
    "/anatomy",
    summary="Answer anatomy",
    response_model=tuple[AnswerPart, ...],
    responses=also_as("text/csv", "The parts.") | errors(*CONSOLE, "invalid_input"),
)
async def answer_anatomy(
    principal: Admin, fleet_data: FleetData, window: Window = LifeWindow.DAY, format: Format = "json"
) -> tuple[AnswerPart, ...] | Response:
    """Answer times and shares by mode, complexity and model, of all bots and of each, by store."""
    parts = (await fleet_data.life(principal, window)).anatomy
    return csv_of("answer-anatomy", AnswerPart, parts) if format == "csv" else parts


@router.get("/queues", summary="Worker queues", responses=errors(*CONSOLE))
async def queues(principal: Admin, queues: Queues) -> QueuesAnswer:
    """How long the queues of a v2 fleet's workers are, from its Redis, else as a bot says."""
    return QueuesAnswer(queues=queues.queues(principal))
