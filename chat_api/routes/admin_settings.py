"""The settings, the switches and the announcement, over REST."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from chat_api.routes.dependencies import Admin, AppServices, limited_by_address
from chat_api.routes.errors import BODIES, CONSOLE, WRITES, errors
from chat_api.routes.exports import Format, also_as, csv_file, csv_of
from chat_api.routes.models_settings import (
    AnnouncementAnswer,
    AnnouncementBody,
    FeatureAnswer,
    FeatureBody,
    FeatureList,
    MaintenanceAnswer,
    MaintenanceBody,
    NoticesAnswer,
    SettingAnswer,
    SettingBody,
    SettingList,
)

router = APIRouter(tags=["Settings"])

_LISTS = also_as("text/csv", "The list.") | errors(*CONSOLE, "invalid_input")
Name = Annotated[str, Path(min_length=1, max_length=60)]


@router.get(
    "/api/admin/settings",
    summary="All settings",
    response_model=SettingList,
    responses=_LISTS,
)
async def settings(principal: Admin, services: AppServices, format: Format = "json") -> SettingList | Response:
    """Each with its value, where that comes from, what it means, and when a change takes effect."""
    configuration = services.configuration
    answer = SettingList(settings=configuration.views(principal), ignored=configuration.ignored(principal))
    return csv_of("settings", SettingAnswer, answer.settings) if format == "csv" else answer


@router.put("/api/admin/settings/{name}", summary="Set a setting", responses=errors(*BODIES, *CONSOLE, "not_found"))
async def set_setting(name: Name, body: SettingBody, principal: Admin, services: AppServices) -> SettingAnswer:
    """It wins over the environment from now on, at once or after a restart as the setting says."""
    return SettingAnswer.model_validate(await services.configuration.set(principal, name, body.value))


@router.delete(
    "/api/admin/settings/{name}",
    summary="Reset a setting",
    responses=errors(*WRITES, *CONSOLE, "not_found", "invalid_input"),
)
async def reset_setting(name: Name, principal: Admin, services: AppServices) -> SettingAnswer:
    """Let the environment, else the default, say it again."""
    return SettingAnswer.model_validate(await services.configuration.reset(principal, name))


@router.get("/api/admin/announcement", summary="The announcement", responses=errors(*CONSOLE))
async def announcement(principal: Admin, services: AppServices) -> AnnouncementAnswer:
    """The one that is set, whether its time has come or not."""
    return AnnouncementAnswer.of(services.switches.announcement(principal))


@router.put("/api/admin/announcement", summary="Announce something", responses=errors(*BODIES, *CONSOLE))
async def announce(body: AnnouncementBody, principal: Admin, services: AppServices) -> AnnouncementAnswer:
    """Show a text on every page, open ones too; an empty text takes it back."""
    said = await services.switches.announce(
        principal, body.text, tone=body.tone, starts_at=body.starts_at, ends_at=body.ends_at
    )
    return AnnouncementAnswer.of(said)


@router.get(
    "/api/announcement",
    summary="What everybody should know",
    tags=["Chat"],
    dependencies=[Depends(limited_by_address)],
    responses=errors("rate_limited"),
)
async def notices(services: AppServices) -> NoticesAnswer:
    """The announcement of the moment, and whether the chat is in maintenance; open to all, for it is shown to all."""
    return NoticesAnswer.of(services.switches.current())


@router.get(
    "/api/admin/features",
    summary="Feature switches",
    response_model=FeatureList,
    responses=_LISTS,
)
async def features(principal: Admin, services: AppServices, format: Format = "json") -> FeatureList | Response:
    """What can be switched off, and how it stands."""
    views = services.switches.features(principal)
    if format == "csv":
        return csv_file("features", list(FeatureAnswer.model_fields), [asdict(view) for view in views])
    return FeatureList(features=views)


@router.get(
    "/api/admin/features/{name}",
    summary="A feature switch",
    responses=errors(*CONSOLE, "not_found", "invalid_input"),
)
async def feature(name: Name, principal: Admin, services: AppServices) -> FeatureAnswer:
    """How one feature stands."""
    return FeatureAnswer.model_validate(services.switches.feature(principal, name))


@router.put("/api/admin/features/{name}", summary="Switch a feature", responses=errors(*BODIES, *CONSOLE, "not_found"))
async def switch(name: Name, body: FeatureBody, principal: Admin, services: AppServices) -> FeatureAnswer:
    """On or off, from the next request on, in every process."""
    return FeatureAnswer.model_validate(await services.switches.switch(principal, name, is_on=body.is_on))


@router.get("/api/admin/maintenance", summary="Maintenance mode", responses=errors(*CONSOLE))
async def maintenance(principal: Admin, services: AppServices) -> MaintenanceAnswer:
    """Whether the chat takes no new messages."""
    return MaintenanceAnswer.model_validate(services.switches.maintenance(principal))


@router.put("/api/admin/maintenance", summary="Begin or end maintenance", responses=errors(*BODIES, *CONSOLE))
async def maintain(body: MaintenanceBody, principal: Admin, services: AppServices) -> MaintenanceAnswer:
    """While it is on, new messages are answered 503 `maintenance` with the text; reading and the console go on."""
    return MaintenanceAnswer.model_validate(
        await services.switches.maintain(principal, is_on=body.is_on, text=body.text)
    )
