"""The bots that can be talked with."""

from typing import Annotated

from fastapi import APIRouter, Depends

from chat_api.fleet.public_bodies import BotList
from chat_api.fleet.service import FleetService
from chat_api.http.dependencies import limited_by_address, service
from chat_api.http.errors import errors

router = APIRouter(prefix="/api", tags=["Chat"])

Fleet = Annotated[FleetService, service(FleetService)]


@router.get(
    "/bots",
    summary="Available bots",
    dependencies=[Depends(limited_by_address)],
    responses=errors("rate_limited"),
)
async def bots(fleet: Fleet) -> BotList:
    """Every bot of the fleet, with its status from live health checks."""
    return BotList(bots=fleet.public_bots())
