"""The Alerts page: what is wrong now, and who is told of what, where and when. Each part has an address of its own."""

from typing import Any, TypeVar
from uuid import UUID

from nicegui import ui

from chat_api.alerts.schemas import ChannelView, RuleView, WindowView
from chat_api.core.principals import Permission, Principal
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.pages.alerts import forms, rows
from console.pages.alerts.firing import firing_alerts
from console.pages.alerts.record_editor import RecordEditor
from console.widgets.action_table import chosen_tab, tabs
from console.widgets.forms import confirm
from console.widgets.records import RecordsTable
from models import NotificationStatus

PATH = "/admin/alerts"
TABS = {
    "now": "Now",
    "rules": "Rules",
    "channels": "Channels",
    "maintenance": "Maintenance",
    "history": "History",
}
NEWEST = 200
T = TypeVar("T")
# Each record with its row of the table.
Rows = list[tuple[T, dict[str, Any]]]


def register() -> None:
    """Put the page at ``/admin/alerts``."""
    page(PATH, title="Alerts")(_alerts)


async def _alerts(principal: Principal, tab: str = "now") -> None:
    current = chosen_tab(tab, tuple(TABS))
    build = {
        "now": firing_alerts,
        "rules": _rules,
        "channels": _channels,
        "maintenance": _maintenance,
        "history": _history,
    }[current]
    with frame(principal, title="Alerts", path=PATH):
        tabs("Parts of this page", PATH, TABS, current)
        await build(principal)


async def _rules(principal: Principal) -> None:
    settings = services().alert_settings
    channels = await settings.channels(principal)
    names = {one.channel_id: one.name for one in channels}
    is_allowed = principal.may(Permission.MANAGE_ALERTS)

    async def read() -> Rows[RuleView]:
        found = await settings.rules(principal)
        states = await services().alerts.subjects(principal)
        return [(rule, rows.of_rule(rule, names, states, is_allowed=is_allowed)) for rule in found]

    def edit(rule: RuleView | None = None) -> None:
        forms.rule_form(principal, rule, channels, _bot_names(), editor.refresh)

    async def switch(rule: RuleView) -> None:
        switched = rows.switched(rule)
        word = "on" if switched.is_enabled else "off"
        done = f"“{rule.name}” is {word}"
        await run_action(principal, lambda person: settings.change_rule(person, rule.rule_id, switched), done=done)
        await editor.refresh()

    def delete(rule: RuleView) -> None:
        confirm(
            principal,
            f"Delete the rule “{rule.name}”?",
            "Its firing alerts are resolved, and no one is notified of them again.",
            save=lambda person: settings.delete_rule(person, rule.rule_id),
            done=editor.refresh,
        )

    editor = RecordEditor(read)
    await editor.build(
        rows.RULES,
        actions={"edit": edit, "switch": switch, "delete": delete},
        empty="There is no rule, so nothing alerts. Make one with “New rule”.",
        export="/api/admin/alert-rules",
        new=("New rule", edit) if is_allowed else None,
    )


async def _channels(principal: Principal) -> None:
    settings = services().alert_settings
    is_allowed = principal.may(Permission.MANAGE_SETTINGS)

    async def read() -> Rows[ChannelView]:
        found = await settings.channels(principal)
        return [(one, rows.of_channel(one, is_allowed=is_allowed)) for one in found]

    def edit(channel: ChannelView | None = None) -> None:
        forms.channel_form(principal, channel, editor.refresh)

    def delete(channel: ChannelView) -> None:
        confirm(
            principal,
            f"Delete the channel “{channel.name}”?",
            "It will no longer be notified. Anything still waiting to be sent to it is dropped.",
            save=lambda person: settings.delete_channel(person, channel.channel_id),
            done=editor.refresh,
        )

    if not is_allowed:
        ui.label("Administrators add and change channels.").classes("we-muted")
    editor = RecordEditor(read)
    await editor.build(
        rows.CHANNELS,
        actions={"test": lambda channel: _test(principal, channel.channel_id), "edit": edit, "delete": delete},
        empty="No channels yet, so no one is notified. Add e-mail, Discord, Slack, ntfy or a webhook.",
        export="/api/admin/alert-channels",
        new=("New channel", edit) if is_allowed else None,
    )


async def _maintenance(principal: Principal) -> None:
    settings = services().alert_settings
    is_allowed = principal.may(Permission.MANAGE_ALERTS)

    async def read() -> Rows[WindowView]:
        found = await settings.windows(principal)
        return [(one, rows.of_window(one, is_allowed=is_allowed)) for one in found]

    def edit(window: WindowView | None = None) -> None:
        forms.window_form(principal, window, _bot_names(), editor.refresh)

    def delete(window: WindowView) -> None:
        confirm(
            principal,
            f"Delete the maintenance window “{window.name}”?",
            "Its bots alert again at once.",
            save=lambda person: settings.delete_window(person, window.window_id),
            done=editor.refresh,
        )

    editor = RecordEditor(read)
    await editor.build(
        rows.WINDOWS,
        actions={"edit": edit, "delete": delete},
        empty="No maintenance is planned. In a window its bots are watched as ever, but begin no alert.",
        export="/api/admin/maintenance-windows",
        new=("New window", edit) if is_allowed else None,
    )


async def _history(principal: Principal) -> None:
    found = await services().alerts.notifications(principal, limit=NEWEST)
    RecordsTable(
        rows.HISTORY,
        [rows.of_notification(one) for one in found],
        empty="Nothing was sent yet. Test a channel to see how a message looks.",
        export=f"/api/admin/notifications?limit={NEWEST}",
    )


async def _test(principal: Principal, channel_id: UUID) -> None:
    ui.notify("Sending a test message …")
    sent = await run_action(principal, lambda person: services().alert_delivery.test(person, channel_id))
    if sent is None:
        return
    if sent.status is NotificationStatus.SENT:
        ui.notify(f"Sent to “{sent.channel_name}”", type="positive")
    else:
        ui.notify(f"“{sent.channel_name}” did not take it: {sent.error}", type="negative")


def _bot_names() -> list[str]:
    return [spec.name for spec in services().registry.all()]
