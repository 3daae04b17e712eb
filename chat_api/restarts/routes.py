"""Start, stop, bulk, rolling restarts, their history, and what operators decide for a bot."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import AwareDatetime

from chat_api.fleet.policies import PoliciesService
from chat_api.fleet.schemas import RestartView
from chat_api.http.dependencies import Admin, BotName, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_file
from chat_api.restarts.bodies import (
    RESTART_COLUMNS,
    Action,
    ActionState,
    BulkBody,
    ImpactAnswer,
    Origin,
    PolicyAnswer,
    PolicyBody,
    RestartAnswer,
    RestartList,
    RollingBody,
    RollingList,
)
from chat_api.restarts.rolling import RollingService
from chat_api.restarts.rolling_schemas import RollingPreview, RollingView
from chat_api.restarts.schemas import BulkView, RestartFilter
from chat_api.restarts.service import RestartsService
from models import ActionOrigin, BotAction, RestartState

router = APIRouter(prefix="/api/admin", tags=["Administration"])

Policies = Annotated[PoliciesService, service(PoliciesService)]
Restarts = Annotated[RestartsService, service(RestartsService)]
Rolling = Annotated[RollingService, service(RollingService)]

_READING = (*CONSOLE, "invalid_input")
_ACTING = (*_READING, "not_found", "conflict", "engine_failed", "engine_unavailable")


@router.post(
    "/bots/{bot_name}/restart",
    summary="Restart a bot",
    responses=errors(*CONSOLE, "not_found", "invalid_input", "engine_failed", "engine_unavailable"),
)
async def restart(bot_name: BotName, principal: Admin, restarts: Restarts) -> RestartAnswer:
    """Begin a restart, or join the one that is under way; progress shows in the status."""
    view = await restarts.restart(principal, bot_name)
    return RestartAnswer(
        success=True,
        message="Bot restart initiated",
        estimated_downtime=f"{max(1, round(view.estimate_s))} seconds",
        restart_id=str(view.restart_id),
    )


@router.get(
    "/bots/{bot_name}/impact",
    summary="What a restart would cost",
    responses=errors(*CONSOLE, "not_found", "invalid_input"),
)
async def impact(bot_name: BotName, principal: Admin, restarts: Restarts) -> ImpactAnswer:
    """How many people talk with a bot right now, and how long a restart of it takes; to ask before it is done."""
    history = restarts.history
    affected = await history.affected(principal, [bot_name])
    return ImpactAnswer(affected_users=affected.total, estimate_s=await history.estimate_s(bot_name))


@router.post("/bots/actions", summary="Act on many bots", responses=errors(*_ACTING, *BODIES))
async def act_on_many(body: BulkBody, principal: Admin, restarts: Restarts) -> BulkView:
    """Restart, start or stop many bots, five at a time; says at once for which it cannot be done."""
    return await restarts.act_on(principal, BotAction(body.action), body.bot_names)


@router.post("/bots/{bot_name}/start", summary="Start a bot", responses=errors(*_ACTING))
async def start(bot_name: BotName, principal: Admin, restarts: Restarts) -> RestartView:
    """Begin to start a bot that is stopped; progress shows in the status."""
    return await restarts.start(principal, bot_name)


@router.post("/bots/{bot_name}/stop", summary="Stop a bot", responses=errors(*_ACTING))
async def stop(bot_name: BotName, principal: Admin, restarts: Restarts) -> RestartView:
    """Begin to stop a bot. Nothing starts it again by itself."""
    return await restarts.stop(principal, bot_name)


@router.get(
    "/restarts",
    summary="History of restarts",
    response_model=RestartList,
    responses=also_as("text/csv") | errors(*_READING),
)
async def history(
    principal: Admin,
    restarts: Restarts,
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
    answer = RestartList(restarts=await restarts.history.found(principal, wanted))
    if format == "csv":
        return csv_file("restarts", RESTART_COLUMNS, (entry.model_dump(mode="json") for entry in answer.restarts))
    return answer


@router.post(
    "/rolling-restarts/preview",
    summary="Preview a rolling restart",
    responses=errors(*_READING, *BODIES, "not_found"),
)
async def preview_rolling(body: RollingBody, principal: Admin, rolling: Rolling) -> RollingPreview:
    """The order, the people affected right now, and how long it takes. Nothing is done."""
    return await rolling.preview(principal, body.bot_names, batch_size=body.batch_size)


@router.post(
    "/rolling-restarts",
    summary="Begin a rolling restart",
    responses=errors(*_READING, *BODIES, "not_found", "conflict"),
)
async def begin_rolling(body: RollingBody, principal: Admin, rolling: Rolling) -> RollingView:
    """Restart bots a batch at a time; each has to be healthy and to answer before the next batch begins."""
    return await rolling.begin(
        principal, body.bot_names, batch_size=body.batch_size, check_suite_id=body.check_suite_id
    )


@router.get("/rolling-restarts", summary="Rolling restarts", responses=errors(*_READING))
async def list_rolling(
    principal: Admin, rolling: Rolling, limit: Annotated[int, Query(ge=1, le=200)] = 20
) -> RollingList:
    """The last ones, newest first."""
    return RollingList(rolling_restarts=await rolling.recent(principal, limit=limit))


@router.get("/rolling-restarts/{rolling_id}", summary="A rolling restart", responses=errors(*_READING, "not_found"))
async def get_rolling(rolling_id: UUID, principal: Admin, rolling: Rolling) -> RollingView:
    """How far it is, bot by bot."""
    return await rolling.of_id(principal, rolling_id)


@router.post(
    "/rolling-restarts/{rolling_id}/abort",
    summary="Abort a rolling restart",
    responses=errors(*_READING, "not_found", "conflict"),
)
async def abort_rolling(rolling_id: UUID, principal: Admin, rolling: Rolling) -> RollingView:
    """Let it end after the batch that runs now."""
    return await rolling.abort(principal, rolling_id)


@router.get("/bots/{bot_name}/policy", summary="A bot's policy", responses=errors(*_READING, "not_found"))
async def get_policy(bot_name: BotName, principal: Admin, policies: Policies) -> PolicyAnswer:
    """Maintenance, healing, synthetic checks, quarantine and notes."""
    return PolicyAnswer.model_validate(await policies.policy(principal, bot_name))


@router.patch(
    "/bots/{bot_name}/policy",
    summary="Change a bot's policy",
    responses=errors(*_READING, *BODIES, "not_found"),
)
async def change_policy(bot_name: BotName, body: PolicyBody, principal: Admin, policies: Policies) -> PolicyAnswer:
    """Change what is given; what is left out stays."""
    return PolicyAnswer.model_validate(await policies.change(principal, bot_name, body.change()))


@router.post(
    "/bots/{bot_name}/quarantine/release",
    summary="Release a bot from quarantine",
    responses=errors(*_READING, "not_found", "conflict"),
)
async def release(bot_name: BotName, principal: Admin, policies: Policies) -> PolicyAnswer:
    """Let the healing take care of it again; automatic restarts until now count no more."""
    return PolicyAnswer.model_validate(await policies.release(principal, bot_name))


def _storable(bot_name: str | None) -> str | None:
    """A name that PostgreSQL can look for; one that it cannot is no bot's."""
    return bot_name.replace("\0", "\ufffd") if bot_name is not None else None
