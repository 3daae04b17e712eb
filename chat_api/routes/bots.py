"""The bots that can be talked with."""

from fastapi import APIRouter, Depends

from chat_api.routes.dependencies import AppServices, limited_by_address
from chat_api.routes.errors import errors
from chat_api.routes.models import BotList

router = APIRouter(prefix="/api", tags=["Chat"])


@router.get(
    "/bots",
    summary="Available bots",
    dependencies=[Depends(limited_by_address)],
    responses=errors("rate_limited"),
)
async def bots(services: AppServices) -> BotList:
    """Every bot of the fleet, with its status from live health checks."""
    return BotList(bots=services.fleet.public_bots())
