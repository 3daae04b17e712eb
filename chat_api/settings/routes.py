"""The settings, the switches and the announcement, over REST."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from chat_api.http.dependencies import Admin, limited_by_address, service
from chat_api.http.errors import BODIES, CONSOLE, WRITES, errors
from chat_api.http.exports import Format, also_as, csv_of
from chat_api.settings.bodies import (
    AnnouncementBody,
    FeatureBody,
    FeatureList,
    MaintenanceBody,
    NoticesAnswer,
    SettingBody,
    SettingList,
)
from chat_api.settings.feature_flags import FeatureFlagsService
from chat_api.settings.schemas import Announcement, FeatureView, MaintenanceView, SettingView
from chat_api.settings.service import SettingsService

router = APIRouter(tags=["Settings"])

Configuration = Annotated[SettingsService, service(SettingsService)]
FeatureFlags = Annotated[FeatureFlagsService, service(FeatureFlagsService)]

_LISTS = also_as("text/csv", "The list.") | errors(*CONSOLE, "invalid_input")
Name = Annotated[str, Path(min_length=1, max_length=60)]


@router.get(
    "/api/admin/settings",
    summary="All settings",
    response_model=SettingList,
    responses=_LISTS,
)
async def settings(principal: Admin, configuration: Configuration, format: Format = "json") -> SettingList | Response:
    """Each with its value, where that comes from, what it means, and when a change takes effect."""
    answer = SettingList(settings=configuration.views(principal), ignored=configuration.ignored(principal))
    return csv_of("settings", SettingView, answer.settings) if format == "csv" else answer


@router.put("/api/admin/settings/{name}", summary="Set a setting", responses=errors(*BODIES, *CONSOLE, "not_found"))
async def set_setting(name: Name, body: SettingBody, principal: Admin, configuration: Configuration) -> SettingView:
    """It wins over the environment from now on, at once or after a restart as the setting says."""
    return await configuration.set(principal, name, body.value)


@router.delete(
    "/api/admin/settings/{name}",
    summary="Reset a setting",
    responses=errors(*WRITES, *CONSOLE, "not_found", "invalid_input"),
)
async def reset_setting(name: Name, principal: Admin, configuration: Configuration) -> SettingView:
    """Let the environment, else the default, say it again."""
    return await configuration.reset(principal, name)


@router.get("/api/admin/announcement", summary="The announcement", responses=errors(*CONSOLE))
async def announcement(principal: Admin, feature_flags: FeatureFlags) -> Announcement:
    """The one that is set, whether its time has come or not."""
    return feature_flags.announcement(principal) or Announcement(text="")


@router.put("/api/admin/announcement", summary="Announce something", responses=errors(*BODIES, *CONSOLE))
async def announce(body: AnnouncementBody, principal: Admin, feature_flags: FeatureFlags) -> Announcement:
    """Show a text on every page, open ones too; an empty text takes it back."""
    said = await feature_flags.announce(
        principal, body.text, tone=body.tone, starts_at=body.starts_at, ends_at=body.ends_at
    )
    return said or Announcement(text="")


@router.get(
    "/api/announcement",
    summary="What everybody should know",
    tags=["Chat"],
    dependencies=[Depends(limited_by_address)],
    responses=errors("rate_limited"),
)
async def notices(feature_flags: FeatureFlags) -> NoticesAnswer:
    """The announcement of the moment, and whether the chat is in maintenance; open to all, for it is shown to all."""
    return NoticesAnswer.of(feature_flags.current())


@router.get(
    "/api/admin/features",
    summary="Feature switches",
    response_model=FeatureList,
    responses=_LISTS,
)
async def features(principal: Admin, feature_flags: FeatureFlags, format: Format = "json") -> FeatureList | Response:
    """What can be switched off, and how it stands."""
    views = feature_flags.features(principal)
    return csv_of("features", FeatureView, views) if format == "csv" else FeatureList(features=views)


@router.get(
    "/api/admin/features/{name}",
    summary="A feature switch",
    responses=errors(*CONSOLE, "not_found", "invalid_input"),
)
async def feature(name: Name, principal: Admin, feature_flags: FeatureFlags) -> FeatureView:
    """How one feature stands."""
    return feature_flags.feature(principal, name)


@router.put("/api/admin/features/{name}", summary="Switch a feature", responses=errors(*BODIES, *CONSOLE, "not_found"))
async def set_feature(name: Name, body: FeatureBody, principal: Admin, feature_flags: FeatureFlags) -> FeatureView:
    """On or off, from the next request on, in every process."""
    return await feature_flags.set_feature(principal, name, is_on=body.is_on)


@router.get("/api/admin/maintenance", summary="Maintenance mode", responses=errors(*CONSOLE))
async def maintenance(principal: Admin, feature_flags: FeatureFlags) -> MaintenanceView:
    """Whether the chat takes no new messages."""
    return feature_flags.maintenance(principal)


@router.put("/api/admin/maintenance", summary="Begin or end maintenance", responses=errors(*BODIES, *CONSOLE))
async def maintain(body: MaintenanceBody, principal: Admin, feature_flags: FeatureFlags) -> MaintenanceView:
    """While it is on, new messages are answered 503 `maintenance` with the text; reading and the console go on."""
    return await feature_flags.maintain(principal, is_on=body.is_on, text=body.text)
