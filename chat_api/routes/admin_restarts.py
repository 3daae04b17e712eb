"""Start, stop, bulk, rolling restarts, their history, and what operators decide for a bot."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from chat_api.routes.dependencies import Admin, AppServices, BotName
from chat_api.routes.errors import BODIES, CONSOLE, errors
from chat_api.routes.exports import Format, also_as, csv_file
from chat_api.routes.models_restarts import (
    RESTART_COLUMNS,
    Action,
    ActionAnswer,
    ActionState,
    BulkAnswer,
    BulkBody,
    Origin,
    PolicyAnswer,
    PolicyBody,
    PreviewAnswer,
    RestartList,
    RollingAnswer,
    RollingBody,
    RollingList,
)
from chat_api.schemas.restarts import RestartFilter
from models import ActionOrigin, BotAction, RestartState

router = APIRouter(prefix="/api/admin", tags=["Administration"])

_READING = (*CONSOLE, "invalid_input")
_ACTING = (*_READING, "not_found", "conflict", "engine_failed", "engine_unavailable")


@router.post("/bots/actions", summary="Act on many bots", responses=errors(*_ACTING, *BODIES))
async def act_on_many(body: BulkBody, principal: Admin, services: AppServices) -> BulkAnswer:
    """Restart, start or stop many bots, five at a time; says at once for which it cannot be done."""
    return BulkAnswer.model_validate(await services.restarts.act_on(principal, BotAction(body.action), body.bot_names))


@router.post("/bots/{bot_name}/start", summary="Start a bot", responses=errors(*_ACTING))
async def start(bot_name: BotName, principal: Admin, services: AppServices) -> ActionAnswer:
    """Begin to start a bot that is stopped; progress shows in the status."""
    return ActionAnswer.model_validate(await services.restarts.start(principal, bot_name))


@router.post("/bots/{bot_name}/stop", summary="Stop a bot", responses=errors(*_ACTING))
async def stop(bot_name: BotName, principal: Admin, services: AppServices) -> ActionAnswer:
    """Begin to stop a bot. Nothing starts it again by itself."""
    return ActionAnswer.model_validate(await services.restarts.stop(principal, bot_name))


@router.get(
    "/restarts",
    summary="History of restarts",
    response_model=RestartList,
    responses=also_as("text/csv") | errors(*_READING),
)
async def history(
    principal: Admin,
    services: AppServices,
    *,
    bot_name: Annotated[str | None, Query(max_length=50)] = None,
    action: Action | None = None,
    origin: Origin | None = None,
    state: ActionState | None = None,
    group_id: UUID | None = None,
    before: Annotated[AwareDatetime | None, Query(description="Older than this.")] = None,
    limit: Annotated[int, Query(ge=1, le=5000)] = 1000,
    format: Format = "json",
) -> RestartList | Response:
    """Restarts, starts and stops, newest first: what the page shows, as JSON or CSV."""
    wanted = RestartFilter(
        bot_name=_storable(bot_name),
        action=BotAction(action) if action else None,
        origin=ActionOrigin(origin) if origin else None,
        state=RestartState(state) if state else None,
        group_id=group_id,
        before=before,
        limit=limit,
    )
    answer = RestartList(restarts=await services.restarts.history.found(principal, wanted))
    if format == "csv":
        return csv_file("restarts", RESTART_COLUMNS, (entry.model_dump(mode="json") for entry in answer.restarts))
    return answer


@router.post(
    "/rolling-restarts/preview",
    summary="Preview a rolling restart",
    responses=errors(*_READING, *BODIES, "not_found"),
)
async def preview_rolling(body: RollingBody, principal: Admin, services: AppServices) -> PreviewAnswer:
    """The order, the people affected right now, and how long it takes. Nothing is done."""
    return PreviewAnswer.model_validate(
        await services.rolling.preview(principal, body.bot_names, batch_size=body.batch_size)
    )


@router.post(
    "/rolling-restarts",
    summary="Begin a rolling restart",
    responses=errors(*_READING, *BODIES, "not_found", "conflict"),
)
async def begin_rolling(body: RollingBody, principal: Admin, services: AppServices) -> RollingAnswer:
    """Restart bots a batch at a time; each has to be healthy and to answer before the next batch begins."""
    return RollingAnswer.model_validate(
        await services.rolling.begin(principal, body.bot_names, batch_size=body.batch_size)
    )


@router.get("/rolling-restarts", summary="Rolling restarts", responses=errors(*_READING))
async def list_rolling(
    principal: Admin, services: AppServices, limit: Annotated[int, Query(ge=1, le=200)] = 20
) -> RollingList:
    """The last ones, newest first."""
    return RollingList(rolling_restarts=await services.rolling.recent(principal, limit=limit))


@router.get("/rolling-restarts/{rolling_id}", summary="A rolling restart", responses=errors(*_READING, "not_found"))
async def get_rolling(rolling_id: UUID, principal: Admin, services: AppServices) -> RollingAnswer:
    """How far it is, bot by bot."""
    return RollingAnswer.model_validate(await services.rolling.of_id(principal, rolling_id))


@router.post(
    "/rolling-restarts/{rolling_id}/abort",
    summary="Abort a rolling restart",
    responses=errors(*_READING, "not_found", "conflict"),
)
async def abort_rolling(rolling_id: UUID, principal: Admin, services: AppServices) -> RollingAnswer:
    """Let it end after the batch that runs now."""
    return RollingAnswer.model_validate(await services.rolling.abort(principal, rolling_id))


@router.get("/bots/{bot_name}/policy", summary="A bot's policy", responses=errors(*_READING, "not_found"))
async def get_policy(bot_name: BotName, principal: Admin, services: AppServices) -> PolicyAnswer:
    """Maintenance, healing, canary, quarantine and notes."""
    return PolicyAnswer.model_validate(await services.policies.policy(principal, bot_name))


@router.patch(
    "/bots/{bot_name}/policy",
    summary="Change a bot's policy",
    responses=errors(*_READING, *BODIES, "not_found"),
)
async def change_policy(bot_name: BotName, body: PolicyBody, principal: Admin, services: AppServices) -> PolicyAnswer:
    """Change what is given; what is left out stays."""
    return PolicyAnswer.model_validate(await services.policies.change(principal, bot_name, body.change()))


@router.post(
    "/bots/{bot_name}/quarantine/release",
    summary="Release a bot from quarantine",
    responses=errors(*_READING, "not_found", "conflict"),
)
async def release(bot_name: BotName, principal: Admin, services: AppServices) -> PolicyAnswer:
    """Let the healing take care of it again; automatic restarts until now count no more."""
    return PolicyAnswer.model_validate(await services.policies.release(principal, bot_name))


def _storable(bot_name: str | None) -> str | None:
    """A name that PostgreSQL can look for; one that it cannot is no bot's."""
    return bot_name.replace("\0", "\ufffd") if bot_name is not None else None
