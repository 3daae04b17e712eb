"""The alerts that fire now, live, each with a button that silences it."""

from collections.abc import Callable

from nicegui import ui

from chat_api.alerts.schemas import AlertView
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from console.actions import run_action
from console.context import services
from console.live.open_pages import open_pages
from console.pages.alerts import forms, rows
from console.widgets.action_table import ActionTable

CHANNELS = "/admin/alerts?tab=channels"


async def firing_alerts(principal: Principal) -> None:
    """Put the table here, and a hint where nobody is told of alerts."""
    shown = {str(alert.alert_id): alert for alert in await services().alerts.firing(principal)}
    is_allowed = principal.may(Permission.MANAGE_ALERTS)
    if not await services().alert_settings.channels(principal):
        with ui.element("p").classes("we-hint").props('data-testid="no-channel"'):
            link = f'<a href="{CHANNELS}">{_("Add a channel")}</a>'
            ui.html(_("No one is notified yet. {link}.", link=link), sanitize=False)

    async def pressed(action: str, key: str) -> None:
        alert = shown.get(key)
        if alert is not None and action == "silence":
            forms.silence_form(principal, alert, _nothing)
        elif alert is not None:
            end = services().alerts.end_silence
            await run_action(principal, lambda person: end(person, alert.alert_id), done=_("Silence ended"))

    table = ActionTable(
        rows.ALERTS,
        [rows.of_alert(alert, is_allowed=is_allowed) for alert in shown.values()],
        empty=_("No alerts firing. New alerts appear here right away."),
        on_action=pressed,
        export="/api/admin/alerts?state=all",
    )

    def changed(alerts: tuple[AlertView, ...]) -> None:
        shown.clear()
        shown.update({str(alert.alert_id): alert for alert in alerts})
        table.show([rows.of_alert(alert, is_allowed=is_allowed) for alert in alerts])

    _follow(changed)


def _follow(changed: Callable[[tuple[AlertView, ...]], None]) -> None:
    """Call ``changed`` in this page's context whenever alerts move, while its session lasts."""
    client = ui.context.client

    def moved(alerts: tuple[AlertView, ...]) -> None:
        if client in open_pages():
            with open_pages().entered(client):
                changed(alerts)

    topic = services().alerts.changes
    topic.listen(moved)
    client.on_delete(lambda: topic.forget(moved))


async def _nothing() -> None:
    """The change comes by itself."""
