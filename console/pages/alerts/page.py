"""The Alerts page: what is wrong now, and who is told of what, where and when. Each part has an address of its own."""

from typing import Any, TypeVar
from uuid import UUID

from nicegui import ui

from chat_api.alerts.schemas import ChannelView, RuleView, WindowView
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.pages.alerts import forms, rows
from console.pages.alerts.firing import firing_alerts
from console.widgets.action_table import chosen_tab, tabs
from console.widgets.forms import confirm
from console.widgets.record_editor import RecordEditor
from console.widgets.records import RecordsTable
from models import NotificationStatus

PATH = "/admin/alerts"
TABS = {
    "now": N_("Firing"),
    "rules": N_("Rules"),
    "channels": N_("Channels"),
    "maintenance": N_("Maintenance"),
    "history": N_("History"),
}
NEWEST = 200
T = TypeVar("T")
# Each record with its row of the table.
Rows = list[tuple[T, dict[str, Any]]]


def register() -> None:
    """Put the page at ``/admin/alerts``."""
    page(PATH, title=N_("Alerts"))(_alerts)


async def _alerts(principal: Principal, tab: str = "now") -> None:
    current = chosen_tab(tab, tuple(TABS))
    build = {
        "now": firing_alerts,
        "rules": _rules,
        "channels": _channels,
        "maintenance": _maintenance,
        "history": _history,
    }[current]
    with frame(principal, title=_("Alerts"), path=PATH):
        tabs(_("Sections"), PATH, {key: _(name) for key, name in TABS.items()}, current)
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

    async def toggle(rule: RuleView) -> None:
        toggled = rows.toggled(rule)
        done = _("“{name}” turned on", name=rule.name)
        if not toggled.is_enabled:
            done = _("“{name}” turned off", name=rule.name)
        await run_action(principal, lambda person: settings.change_rule(person, rule.rule_id, toggled), done=done)
        await editor.refresh()

    def delete(rule: RuleView) -> None:
        confirm(
            principal,
            _("Delete the rule “{name}”?", name=rule.name),
            _("Its firing alerts are resolved without another notification."),
            save=lambda person: settings.delete_rule(person, rule.rule_id),
            done=editor.refresh,
        )

    editor = RecordEditor(read)
    await editor.build(
        rows.RULES,
        actions={"edit": edit, "switch": toggle, "delete": delete},
        empty=_("No rules yet, so nothing triggers an alert. Add one with “New rule”."),
        export="/api/admin/alert-rules",
        new=(_("New rule"), edit) if is_allowed else None,
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
            _("Delete the channel “{name}”?", name=channel.name),
            _("It will no longer be notified. Pending notifications to it are dropped."),
            save=lambda person: settings.delete_channel(person, channel.channel_id),
            done=editor.refresh,
        )

    if not is_allowed:
        ui.label(_("Only administrators can add and change channels.")).classes("we-muted")
    editor = RecordEditor(read)
    await editor.build(
        rows.CHANNELS,
        actions={"test": lambda channel: _test(principal, channel.channel_id), "edit": edit, "delete": delete},
        empty=_("No channels yet, so no one is notified. Add e-mail, Discord, Slack, ntfy or a webhook."),
        export="/api/admin/alert-channels",
        new=(_("New channel"), edit) if is_allowed else None,
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
            _("Delete the maintenance window “{name}”?", name=window.name),
            _("Its bots trigger alerts again right away."),
            save=lambda person: settings.delete_window(person, window.window_id),
            done=editor.refresh,
        )

    editor = RecordEditor(read)
    await editor.build(
        rows.WINDOWS,
        actions={"edit": edit, "delete": delete},
        empty=_("No maintenance planned. Bots in a maintenance window are still monitored, but trigger no alerts."),
        export="/api/admin/maintenance-windows",
        new=(_("New window"), edit) if is_allowed else None,
    )


async def _history(principal: Principal) -> None:
    found = await services().alerts.notifications(principal, limit=NEWEST)
    RecordsTable(
        rows.HISTORY,
        [rows.of_notification(one) for one in found],
        empty=_("No notifications yet. Test a channel to see what one looks like."),
        export=f"/api/admin/notifications?limit={NEWEST}",
    )


async def _test(principal: Principal, channel_id: UUID) -> None:
    ui.notify(_("Sending a test message…"))
    sent = await run_action(principal, lambda person: services().alert_delivery.test(person, channel_id))
    if sent is None:
        return
    if sent.status is NotificationStatus.SENT:
        ui.notify(_("Sent to “{name}”", name=sent.channel_name), type="positive")
    else:
        failed = _("Couldn't send to “{name}”: {error}", name=sent.channel_name, error=sent.error)
        ui.notify(failed, type="negative")


def _bot_names() -> list[str]:
    return [spec.name for spec in services().registry.all()]
