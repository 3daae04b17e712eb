"""The Alerts page: what is wrong now, and who is told of what, where and when. Each part has an address of its own."""

from collections.abc import Callable
from typing import Any
from uuid import UUID

from nicegui import ui

from chat_api.schemas.alerts import AlertView
from chat_api.schemas.principals import Permission, Principal
from console.actions import run_action
from console.context import open_pages, services
from console.frame import frame, page
from console.widgets import alert_forms, alert_rows
from console.widgets.action_table import ActionTable, chosen_tab, tabs
from console.widgets.forms import confirm, plain_button
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


def register() -> None:
    """Put the page at ``/admin/alerts``."""
    page(PATH, title="Alerts")(_alerts)


async def _alerts(principal: Principal, tab: str = "now") -> None:
    current = chosen_tab(tab, tuple(TABS))
    build = {
        "now": _now,
        "rules": _rules,
        "channels": _channels,
        "maintenance": _maintenance,
        "history": _history,
    }[current]
    with frame(principal, title="Alerts", path=PATH):
        tabs("Parts of this page", PATH, TABS, current)
        await build(principal)


async def _now(principal: Principal) -> None:
    shown = {str(alert.alert_id): alert for alert in await services().alerts.firing(principal)}
    is_allowed = principal.may(Permission.MANAGE_ALERTS)
    if not await services().alert_settings.channels(principal):
        with ui.element("p").classes("we-hint").props('data-testid="no-channel"'):
            ui.html(f'Nobody is told of alerts yet: <a href="{PATH}?tab=channels">add a channel</a>.', sanitize=False)

    async def pressed(action: str, key: str) -> None:
        alert = shown.get(key)
        if alert is not None and action == "silence":
            alert_forms.silence_form(principal, alert, _nothing)
        elif alert is not None:
            end = services().alerts.end_silence
            await run_action(principal, lambda person: end(person, alert.alert_id), done="It is told again")

    table = ActionTable(
        alert_rows.ALERTS,
        [alert_rows.of_alert(alert, is_allowed=is_allowed) for alert in shown.values()],
        empty="No alert is firing. What the rules find shows here the moment they find it.",
        on_action=pressed,
        export="/api/admin/alerts?state=all",
    )

    def changed(alerts: tuple[AlertView, ...]) -> None:
        shown.clear()
        shown.update({str(alert.alert_id): alert for alert in alerts})
        table.show([alert_rows.of_alert(alert, is_allowed=is_allowed) for alert in alerts])

    _follow(changed)


async def _rules(principal: Principal) -> None:
    settings = services().alert_settings
    is_allowed = principal.may(Permission.MANAGE_ALERTS)
    channels = await settings.channels(principal)

    async def rows() -> list[dict[str, Any]]:
        names = {one.channel_id: one.name for one in channels}
        found = await settings.rules(principal)
        rules.clear()
        rules.update({str(rule.rule_id): rule for rule in found})
        states = await services().alerts.subjects(principal)
        return [alert_rows.of_rule(rule, names, states, is_allowed=is_allowed) for rule in found]

    async def pressed(action: str, key: str) -> None:
        rule = rules.get(key)
        if rule is None:
            return
        if action == "edit":
            alert_forms.rule_form(principal, rule, channels, _bot_names(), refresh)
        elif action == "delete":
            confirm(
                principal,
                f"Delete the rule “{rule.name}”?",
                "What it fires now is resolved, and nobody is told of it again.",
                save=lambda person: settings.delete_rule(person, rule.rule_id),
                done=refresh,
            )
        else:
            switched = alert_rows.switched(rule)
            word = "on" if switched.is_enabled else "off"
            change = lambda person: settings.change_rule(person, rule.rule_id, switched)  # noqa: E731
            await run_action(principal, change, done=f"“{rule.name}” is {word}")
            await refresh()

    rules: dict[str, Any] = {}
    if is_allowed:
        new = lambda: alert_forms.rule_form(principal, None, channels, _bot_names(), refresh)  # noqa: E731
        _toolbar("New rule", new)
    table = ActionTable(
        alert_rows.RULES,
        await rows(),
        empty="There is no rule, so nothing alerts. Make one with “New rule”.",
        on_action=pressed,
        export="/api/admin/alert-rules",
    )

    async def refresh() -> None:
        table.show(await rows())


async def _channels(principal: Principal) -> None:
    settings = services().alert_settings
    is_allowed = principal.may(Permission.MANAGE_SETTINGS)
    channels: dict[str, Any] = {}

    async def rows() -> list[dict[str, Any]]:
        found = await settings.channels(principal)
        channels.clear()
        channels.update({str(one.channel_id): one for one in found})
        return [alert_rows.of_channel(one, is_allowed=is_allowed) for one in found]

    async def pressed(action: str, key: str) -> None:
        channel = channels.get(key)
        if channel is None:
            return
        if action == "test":
            await _test(principal, channel.channel_id)
        elif action == "edit":
            alert_forms.channel_form(principal, channel, refresh)
        else:
            confirm(
                principal,
                f"Delete the channel “{channel.name}”?",
                "Nobody is told there any more; what waits to be sent to it is given up.",
                save=lambda person: settings.delete_channel(person, channel.channel_id),
                done=refresh,
            )

    if is_allowed:
        _toolbar("New channel", lambda: alert_forms.channel_form(principal, None, refresh))
    else:
        ui.label("Administrators add and change channels.").classes("we-muted")
    table = ActionTable(
        alert_rows.CHANNELS,
        await rows(),
        empty="There is no channel, so nobody is told of alerts. Add e-mail, Discord, Slack, ntfy or a webhook.",
        on_action=pressed,
        export="/api/admin/alert-channels",
    )

    async def refresh() -> None:
        table.show(await rows())


async def _maintenance(principal: Principal) -> None:
    settings = services().alert_settings
    is_allowed = principal.may(Permission.MANAGE_ALERTS)
    windows: dict[str, Any] = {}

    async def rows() -> list[dict[str, Any]]:
        found = await settings.windows(principal)
        windows.clear()
        windows.update({str(one.window_id): one for one in found})
        return [alert_rows.of_window(one, is_allowed=is_allowed) for one in found]

    async def pressed(action: str, key: str) -> None:
        window = windows.get(key)
        if window is None:
            return
        if action == "edit":
            alert_forms.window_form(principal, window, _bot_names(), refresh)
        else:
            confirm(
                principal,
                f"Delete the maintenance window “{window.name}”?",
                "Its bots alert again at once.",
                save=lambda person: settings.delete_window(person, window.window_id),
                done=refresh,
            )

    if is_allowed:
        _toolbar("New window", lambda: alert_forms.window_form(principal, None, _bot_names(), refresh))
    table = ActionTable(
        alert_rows.WINDOWS,
        await rows(),
        empty="No maintenance is planned. In a window its bots are watched as ever, but begin no alert.",
        on_action=pressed,
        export="/api/admin/maintenance-windows",
    )

    async def refresh() -> None:
        table.show(await rows())


async def _history(principal: Principal) -> None:
    found = await services().alerts.notifications(principal, limit=NEWEST)
    RecordsTable(
        alert_rows.HISTORY,
        [alert_rows.of_notification(one) for one in found],
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


def _toolbar(label: str, pressed: Callable[[], None]) -> None:
    with ui.element("div").classes("we-toolbar"):
        plain_button(label, pressed, primary=True, testid="new")


def _bot_names() -> list[str]:
    return [spec.name for spec in services().registry.all()]


def _follow(changed: Callable[[tuple[AlertView, ...]], None]) -> None:
    """Call ``changed`` in this page's context whenever alerts move, while its session lasts."""
    client = ui.context.client

    def moved(alerts: tuple[AlertView, ...]) -> None:
        if client in open_pages():
            with client:
                changed(alerts)

    topic = services().alerts.changes
    topic.listen(moved)
    client.on_delete(lambda: topic.forget(moved))


async def _nothing() -> None:
    """The change comes by itself."""
