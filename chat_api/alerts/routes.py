"""The API of alerts: what is wrong, rules, channels, maintenance windows, and what was sent."""

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query

from chat_api.alerts.bodies import (
    AlertEntry,
    AlertList,
    NotificationEntry,
    NotificationList,
    SilenceBody,
    SubjectEntry,
    SubjectList,
)
from chat_api.alerts.delivery import AlertDelivery
from chat_api.alerts.schemas import ChannelView, RuleView, WindowView
from chat_api.alerts.service import AlertsService
from chat_api.alerts.settings import AlertSettingsService
from chat_api.alerts.settings_bodies import (
    ChannelBody,
    ChannelList,
    RuleBody,
    RuleList,
    WindowBody,
    WindowList,
)
from chat_api.http.base_models import Success
from chat_api.http.dependencies import Admin, service
from chat_api.http.errors import BODIES, CONSOLE, errors
from chat_api.http.exports import Format, also_as, csv_of

router = APIRouter(prefix="/api/admin", tags=["Alerts"])

Delivery = Annotated[AlertDelivery, service(AlertDelivery)]
AlertSettings = Annotated[AlertSettingsService, service(AlertSettingsService)]
Alerts = Annotated[AlertsService, service(AlertsService)]

LISTS = also_as("text/csv", "The list, as JSON or as CSV.") | errors(*CONSOLE, "invalid_input")
CREATES = errors(*CONSOLE, *BODIES, "conflict")
CHANGES = errors(*CONSOLE, *BODIES, "not_found", "conflict")
DELETES = errors(*CONSOLE, "not_found", "invalid_input")
Limit = Annotated[int, Query(ge=1, le=1000)]
As = Annotated[Format, Query(description="`csv` for a spreadsheet.")]


@router.get("/alerts", summary="Alerts", responses=LISTS, response_model=AlertList)
async def alerts(
    principal: Admin,
    alerts: Alerts,
    state: Literal["open", "all"] = "open",
    limit: Limit = 100,
    format: As = "json",
) -> Any:
    """What is wrong now, the worst first; `all`: the last ones, resolved ones too, newest first."""
    if state == "open":
        found = await alerts.firing(principal)
    else:
        found = await alerts.newest(principal, limit=limit)
    answer = AlertList(alerts=found)
    return csv_of("alerts", AlertEntry, answer.alerts) if format == "csv" else answer


@router.post("/alerts/{alert_id}/silence", summary="Silence an alert", responses=CHANGES)
async def silence(alert_id: UUID, body: SilenceBody, principal: Admin, alerts: Alerts) -> AlertEntry:
    """Tell nobody of it for a while; its end is told all the same."""
    alert = await alerts.silence(principal, alert_id, minutes=body.minutes, reason=body.reason)
    return AlertEntry.model_validate(alert)


@router.delete("/alerts/{alert_id}/silence", summary="End a silence", responses=DELETES)
async def end_silence(alert_id: UUID, principal: Admin, alerts: Alerts) -> AlertEntry:
    """Let it be told again."""
    return AlertEntry.model_validate(await alerts.end_silence(principal, alert_id))


@router.get("/alert-subjects", summary="What rules see", responses=LISTS, response_model=SubjectList)
async def subjects(principal: Admin, alerts: Alerts, format: As = "json") -> Any:
    """Each bot or dependency that is not well for a rule: pending, firing, or without data."""
    answer = SubjectList(subjects=await alerts.subjects(principal))
    return csv_of("alert-subjects", SubjectEntry, answer.subjects) if format == "csv" else answer


@router.get("/alert-rules", summary="Rules", responses=LISTS, response_model=RuleList)
async def rules(principal: Admin, alert_settings: AlertSettings, format: As = "json") -> Any:
    """All rules, by name."""
    answer = RuleList(rules=await alert_settings.rules(principal))
    return csv_of("alert-rules", RuleView, answer.rules) if format == "csv" else answer


@router.post("/alert-rules", summary="Create a rule", responses=CREATES)
async def create_rule(body: RuleBody, principal: Admin, alert_settings: AlertSettings) -> RuleView:
    """Names are unique."""
    return await alert_settings.create_rule(principal, body.draft())


@router.put("/alert-rules/{rule_id}", summary="Change a rule", responses=CHANGES)
async def change_rule(rule_id: UUID, body: RuleBody, principal: Admin, alert_settings: AlertSettings) -> RuleView:
    """Replaces all of it."""
    return await alert_settings.change_rule(principal, rule_id, body.draft())


@router.delete("/alert-rules/{rule_id}", summary="Delete a rule", responses=DELETES)
async def delete_rule(rule_id: UUID, principal: Admin, alert_settings: AlertSettings) -> Success:
    """What it fires is resolved."""
    await alert_settings.delete_rule(principal, rule_id)
    return Success()


@router.get("/alert-channels", summary="Channels", responses=LISTS, response_model=ChannelList)
async def channels(principal: Admin, alert_settings: AlertSettings, format: As = "json") -> Any:
    """All channels, by name; their addresses are masked."""
    answer = ChannelList(channels=await alert_settings.channels(principal))
    return csv_of("alert-channels", ChannelView, answer.channels) if format == "csv" else answer


@router.post("/alert-channels", summary="Create a channel", responses=CREATES)
async def create_channel(body: ChannelBody, principal: Admin, alert_settings: AlertSettings) -> ChannelView:
    """For administrators. The address is stored and never given again."""
    return await alert_settings.create_channel(principal, body.draft())


@router.put("/alert-channels/{channel_id}", summary="Change a channel", responses=CHANGES)
async def change_channel(
    channel_id: UUID, body: ChannelBody, principal: Admin, alert_settings: AlertSettings
) -> ChannelView:
    """Replaces all of it; without an address it keeps the one it has."""
    return await alert_settings.change_channel(principal, channel_id, body.draft())


@router.delete("/alert-channels/{channel_id}", summary="Delete a channel", responses=DELETES)
async def delete_channel(channel_id: UUID, principal: Admin, alert_settings: AlertSettings) -> Success:
    """What waits to be sent there is given up."""
    await alert_settings.delete_channel(principal, channel_id)
    return Success()


@router.post("/alert-channels/{channel_id}/test", summary="Test a channel", responses=DELETES)
async def test_channel(channel_id: UUID, principal: Admin, alert_delivery: Delivery) -> NotificationEntry:
    """Send a message now; `status` says whether it was taken, `error` why not."""
    return NotificationEntry.model_validate(await alert_delivery.test(principal, channel_id))


@router.get("/maintenance-windows", summary="Maintenance windows", responses=LISTS, response_model=WindowList)
async def windows(principal: Admin, alert_settings: AlertSettings, format: As = "json") -> Any:
    """All of them, by name."""
    answer = WindowList(windows=await alert_settings.windows(principal))
    return csv_of("maintenance-windows", WindowView, answer.windows) if format == "csv" else answer


@router.post("/maintenance-windows", summary="Create a maintenance window", responses=CREATES)
async def create_window(body: WindowBody, principal: Admin, alert_settings: AlertSettings) -> WindowView:
    """While it lasts its bots begin no alert."""
    return await alert_settings.create_window(principal, body.draft())


@router.put("/maintenance-windows/{window_id}", summary="Change a maintenance window", responses=CHANGES)
async def change_window(
    window_id: UUID, body: WindowBody, principal: Admin, alert_settings: AlertSettings
) -> WindowView:
    """Replaces all of it."""
    return await alert_settings.change_window(principal, window_id, body.draft())


@router.delete("/maintenance-windows/{window_id}", summary="Delete a maintenance window", responses=DELETES)
async def delete_window(window_id: UUID, principal: Admin, alert_settings: AlertSettings) -> Success:
    """Its bots alert again."""
    await alert_settings.delete_window(principal, window_id)
    return Success()


@router.get("/notifications", summary="What was sent", responses=LISTS, response_model=NotificationList)
async def notifications(principal: Admin, alerts: Alerts, limit: Limit = 100, format: As = "json") -> Any:
    """The last messages, newest first, with what became of them."""
    answer = NotificationList(notifications=await alerts.notifications(principal, limit=limit))
    return csv_of("notifications", NotificationEntry, answer.notifications) if format == "csv" else answer
