"""Parts of the fleet, and what of the engine is adopted."""

from typing import Annotated

from fastapi import APIRouter, Path

from chat_api.core.errors import InvalidInput
from chat_api.core.language import _
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.parts.adoption import AdoptionService
from chat_api.parts.bodies import Action, AdoptBody, NamesAnswer, PartAnswer, PartList, ProjectList, ReleaseBody
from chat_api.parts.schemas import PartState
from chat_api.parts.service import PartsService
from models import BotAction

router = APIRouter(prefix="/api/admin", tags=["Administration"])

Adoption = Annotated[AdoptionService, service(AdoptionService)]
Parts = Annotated[PartsService, service(PartsService)]
ContainerName = Annotated[str, Path(max_length=255, description="The name of its container.")]
_ENGINE = ("engine_failed", "engine_unavailable")


@router.get("/adoption", summary="What could be adopted", responses=errors(*CONSOLE, *_ENGINE))
async def projects(principal: Admin, adoption: Adoption) -> ProjectList:
    """Everything that the engine has, by compose project, what each seems to be, and what is adopted."""
    return ProjectList(projects=await adoption.projects(principal))


@router.post(
    "/adoption",
    summary="Adopt containers",
    responses=errors(*CONSOLE, *BODIES, "not_found", "conflict", *_ENGINE),
)
async def adopt(body: AdoptBody, principal: Admin, adoption: Adoption) -> NamesAnswer:
    """From now on the console may start, stop and restart them. Gives those that were not adopted before."""
    if not body.names and body.project is None:
        raise InvalidInput(_("give the names of containers, or a project"), field="names")
    return NamesAnswer(names=await adoption.adopt(principal, body.names, project=body.project))


@router.post("/adoption/release", summary="Undo an adoption", responses=errors(*CONSOLE, *BODIES))
async def release(body: ReleaseBody, principal: Admin, adoption: Adoption) -> NamesAnswer:
    """From now on they are only watched. Gives those that were adopted."""
    return NamesAnswer(names=await adoption.release(principal, body.names))


@router.get("/parts", summary="Parts of the fleet", responses=errors(*CONSOLE))
async def parts(principal: Admin, parts: Parts) -> PartList:
    """Workers, stores, services and jobs of the fleet's compose projects, and what was adopted."""
    return PartList(parts=tuple(PartAnswer.of(one) for one in parts.all(principal)))


@router.post(
    "/parts/{container}/{action}",
    summary="Start, stop or restart a part",
    responses=errors(*CONSOLE, "not_found", "conflict", "invalid_input", *_ENGINE),
)
async def act(container: ContainerName, action: Action, principal: Admin, parts: Parts) -> PartState:
    """Only what is adopted. Answers when the engine has done it."""
    return await parts.act(principal, BotAction(action), container)
