"""The Restarts page: what is happening to bots right now, rolling restarts, and who did what with which result."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.schemas import RestartView
from chat_api.restarts.rolling_schemas import RollingView
from chat_api.restarts.schemas import RestartFilter
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.labels import ACTIONS, STEPS
from console.live.fleet import fleet_feed
from console.live.open_pages import open_pages
from console.pages.restarts.live import ORIGINS, RestartsLive
from console.pages.restarts.rolling import open_rolling_dialog
from console.pages.restarts.schedules import scheduled_restarts
from console.widgets.icon_button import icon_button
from console.widgets.quantities import fixed
from console.widgets.records import RecordsTable, column
from models import RestartState

NEWEST = 200
NEWS = timedelta(hours=24)
EMPTY = N_("No restarts yet. Restart a bot from its row on the Fleet page, or all bots with a rolling restart.")
FAILED = N_("Failed")  # wherever it was
COLUMNS = (
    column("requested_at", N_("Requested"), kind="time"),
    column("bot", N_("Bot")),
    column("action", N_("Action")),
    column("state", N_("State"), kind="status"),
    column("origin", N_("Origin")),
    column("by", N_("By")),
    column("duration", N_("Duration"), kind="number"),
    column("group", N_("Group")),
    column("error", N_("Reason"), kind="details"),
)


def register() -> None:
    """Put the page at ``/admin/restarts``."""
    page("/admin/restarts", title=N_("Restarts"))(_restarts)


class _Page:
    """One open page: what it shows, and how a change gets there."""

    def __init__(self, principal: Principal, shown: Sequence[RestartView], rolling: RollingView | None) -> None:
        self._principal = principal
        self._shown = {restart.restart_id: restart for restart in shown}
        self._rolling = rolling
        may_act = principal.may(Permission.RESTART_BOT)
        if may_act:
            with ui.element("div").classes("we-toolbar"):
                icon_button(
                    _("Rolling restart"), "restart", self._open, classes="we-button we-primary", testid="open-rolling"
                )
        self._live = RestartsLive(may_act=may_act, on_abort=self._abort)
        self.scheduled = ui.element("div")
        ui.label(_("History")).props("role=heading aria-level=2").classes("we-strong")
        self._table = RecordsTable(COLUMNS, [], empty=_(EMPTY), export="/api/admin/restarts")
        self._show()

    def restarted(self, restart: RestartView) -> None:
        """A step of a restart, start or stop."""
        self._shown[restart.restart_id] = restart
        for old in sorted(self._shown.values(), key=_age, reverse=True)[NEWEST:]:
            del self._shown[old.restart_id]
        self._show()

    def rolled(self, rolling: RollingView) -> None:
        """A step of a rolling restart."""
        self._rolling = rolling
        self._show_live()

    def _show(self) -> None:
        newest = sorted(self._shown.values(), key=_age, reverse=True)
        self._table.show([_row(restart) for restart in newest])
        self._show_live()

    def _show_live(self) -> None:
        running = sorted((view for view in self._shown.values() if view.is_running), key=_age)
        titles = {spec.name: spec.display_name for spec in services().registry.all()}
        self._live.show(running, self._rolling, titles=titles)

    async def _open(self) -> None:
        await open_rolling_dialog(self._principal)

    async def _abort(self, rolling_id: UUID) -> None:
        done = _("Stops after the current batch")
        await run_action(self._principal, lambda who: services().rolling.abort(who, rolling_id), done=done)


async def _restarts(principal: Principal) -> None:
    client, rolling = ui.context.client, services().rolling
    shown = await services().restarts.history.found(principal, RestartFilter(limit=NEWEST))
    newest = await rolling.recent(principal, limit=1)
    with frame(principal, title=_("Restarts"), path="/admin/restarts"):
        opened = _Page(principal, shown, next((view for view in newest if _is_news(view)), None))
        with opened.scheduled:
            await scheduled_restarts(principal)
    fleet_feed().on_restart(client, opened.restarted)

    def stepped(view: RollingView) -> None:
        if client in open_pages():  # a page whose session ended hears nothing more
            with open_pages().entered(client):
                opened.rolled(view)

    rolling.changes.listen(stepped)
    client.on_delete(lambda: rolling.changes.forget(stepped))


def _is_news(view: RollingView) -> bool:
    """Whether a rolling restart is still worth a panel; later it is in the history, bot by bot."""
    return view.finished_at is None or datetime.now(UTC) - view.finished_at < NEWS


def _age(restart: RestartView) -> Any:
    return restart.requested_at


def _row(restart: RestartView) -> dict[str, Any]:
    tone, symbol = {
        RestartState.ONLINE: ("ok", "online"),
        RestartState.STOPPED: ("idle", "stop"),
        RestartState.FAILED: ("bad", "offline"),
    }.get(restart.state, ("busy", "restarting"))
    return {
        "key": str(restart.restart_id),
        "requested_at": restart.requested_at.isoformat(),
        "bot": restart.bot_name,
        "action": _(ACTIONS[restart.action].label),
        "state": _(STEPS.get(restart.state, FAILED)),
        "origin": _(ORIGINS[restart.origin]),
        "by": restart.requested_by,
        "duration": f"{fixed(restart.duration_s, 1)} {_('s')}" if restart.duration_s is not None else "",
        "group": str(restart.group_id)[-6:] if restart.group_id else "",
        "error": restart.error or "",
        "tone": tone,
        "symbol": symbol,
    }
