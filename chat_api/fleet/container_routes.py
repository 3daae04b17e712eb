"""Containers of bots, for operators' programs."""

from typing import Annotated

from fastapi import APIRouter

from chat_api.engine.schemas import ContainerUsage
from chat_api.fleet.container_bodies import ContainerAnswer
from chat_api.fleet.containers import ContainersService
from chat_api.http.dependencies import Admin, BotName, service
from chat_api.http.errors import CONSOLE, errors

router = APIRouter(prefix="/api/admin", tags=["Logs and containers"])

Containers = Annotated[ContainersService, service(ContainersService)]

_FAILURES = errors(*CONSOLE, "not_found", "invalid_input", "engine_failed", "engine_unavailable")


@router.get("/bots/{bot_name}/container", summary="What runs a bot", responses=_FAILURES)
async def container(bot_name: BotName, principal: Admin, containers: Containers) -> ContainerAnswer:
    """Image, command, ports, mounts, limits, health checks; what may be secret in its environment is not told."""
    return ContainerAnswer.of(await containers.facts(principal, bot_name))


@router.get("/bots/{bot_name}/usage", summary="What a bot's container uses", responses=_FAILURES)
async def usage(bot_name: BotName, principal: Admin, containers: Containers) -> ContainerUsage:
    """Measured at this moment; rates are since the look before."""
    return await containers.usage(principal, bot_name)
