"""The page of one part of the fleet: how it is, its container, its log, and what can be done with it."""

from functools import partial
from html import escape
from urllib.parse import quote

from nicegui import ui

from chat_api.core.errors import AppError
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.engine.schemas import PART_PREFIX, ContainerState
from chat_api.fleet.schemas import FleetView, PartRole, ServiceStatus, ServiceView
from chat_api.parts.checks import DONE
from chat_api.parts.service import PERMISSIONS
from console.actions import run_action
from console.context import services
from console.frame import back_link, frame, page
from console.labels import ACTIONS, PART_ROLES, SERVICE
from console.live.open_pages import open_pages
from console.pages.bot.container import facts_panels
from console.widgets.dialogs import ask, button
from console.widgets.lifetime import while_shown
from console.widgets.log_view import LogView
from console.widgets.marks import status_mark
from console.widgets.series_panel import ChartSpec, SeriesPanel
from console.widgets.timeline import timeline
from models import BotAction


def register() -> None:
    """Put the page at ``/admin/parts/{name}``."""
    page("/admin/parts/{name}", title=N_("Part of the fleet"))(_part)


async def _part(principal: Principal, name: str) -> None:
    part = services().parts.get(principal, name)
    subject, address = f"service:{part.name}", f"/api/admin/services/{quote(part.name)}/series"
    checks = ChartSpec(title=_("Checks"), subject=subject, export=address, shows="counts", of="checks")
    charts: tuple[ChartSpec, ...] = (checks,)
    if part.role in {PartRole.STORE, PartRole.SERVICE}:
        charts = (ChartSpec(title=_("Connection time"), subject=subject, export=address, of="checks"), checks)
    with frame(principal, title=_(part.title), path="/admin"):
        back_link("/admin", _("Fleet"))
        with ui.element("div").classes("we-panels"):
            with ui.element("section").classes("we-panel").props('data-testid="part"') as panel:
                panel.props["aria-label"] = _(part.title)
                _PartHead(principal, part)
            await SeriesPanel(principal, _("History"), charts).load()
            await timeline(principal, subject)
            await _container(principal, part)
        if principal.may(Permission.VIEW_LOGS) and part.is_managed:
            log_name = f"{PART_PREFIX}{part.container}"
            LogView(principal, bots=[(log_name, _(part.title))], chosen=[log_name], is_single=True)


class _PartHead:
    """Its state, live, and its buttons."""

    def __init__(self, principal: Principal, part: ServiceView) -> None:
        self._principal = principal
        self._part = part
        self._state = ui.html(_head_html(part), sanitize=False)
        self._actions = ui.element("div").classes("we-row-actions")
        fleet = services().fleet
        client = ui.context.client

        def changed(view: FleetView) -> None:
            now = next((one for one in view.services if one.name == self._part.name), None)
            if now is not None and now != self._part and client in open_pages():
                self._part = now
                with open_pages().entered(client):
                    self._state.set_content(_head_html(now))

        fleet.changes.listen(changed)
        while_shown(lambda: fleet.changes.forget(changed))
        ui.timer(0, self._show_actions, once=True)

    async def _show_actions(self) -> None:
        try:
            state = await services().parts.state(self._principal, self._part.container)
        except AppError:
            return  # the panel of the container says why
        self._actions.clear()
        with self._actions:
            if not state.is_managed:
                ui.label(_("Only watched.")).classes("we-muted")
                if self._principal.may(Permission.MANAGE_SETTINGS):
                    button(_("Adopt"), self._adopt, kind="we-primary", testid="adopt")
                return
            is_up = state.state in {ContainerState.RUNNING, ContainerState.RESTARTING, ContainerState.PAUSED}
            for one in (BotAction.RESTART, BotAction.STOP) if is_up else (BotAction.START,):
                if self._principal.may(PERMISSIONS[one]):
                    button(_(ACTIONS[one].label), partial(self._ask, one), testid=one)

    async def _adopt(self) -> None:
        name = self._part.container
        done = _("{name} adopted", name=name)
        adopt = services().adoption.adopt
        if await run_action(self._principal, lambda person: adopt(person, [name]), done=done) is not None:
            ui.navigate.reload()  # now there is a log, and what is inside the container

    async def _ask(self, wanted: BotAction) -> None:
        if wanted is BotAction.START:
            await self._act(wanted)
            return

        async def answered(_answer: str) -> None:
            await self._act(wanted)

        question = _("Restart {name}?") if wanted is BotAction.RESTART else _("Stop {name}?")
        ask(
            question.format(name=self._part.container),
            _("Bots that need it will have trouble until it is back."),
            action=_(ACTIONS[wanted].label),
            is_dangerous=wanted is BotAction.STOP,
            on_answer=answered,
        )

    async def _act(self, wanted: BotAction) -> None:
        name = self._part.container
        dones = {
            BotAction.RESTART: _("{name} restarted", name=name),
            BotAction.STOP: _("{name} stopped", name=name),
            BotAction.START: _("{name} started", name=name),
        }
        parts = services().parts
        await run_action(self._principal, lambda person: parts.act(person, wanted, name), done=dones[wanted])
        await self._show_actions()


async def _container(principal: Principal, part: ServiceView) -> None:
    try:
        facts = await services().parts.facts(principal, part.container)
    except AppError as error:
        with ui.element("section").classes("we-panel").props('data-testid="container"') as panel:
            panel.props["aria-label"] = _("Container")
            ui.label(error.message).classes("we-muted")
        return
    facts_panels(facts)


def _head_html(part: ServiceView) -> str:
    mark = SERVICE[part.status]
    if part.role is PartRole.JOB and part.status is ServiceStatus.HEALTHY and part.error == DONE.error:
        mark = mark._replace(label=N_("Done"))
    fault = f"{_(part.title)} {_(part.fault)}" if part.status is ServiceStatus.UNHEALTHY else ""
    detail = ": ".join(one for one in (fault, part.error or "") if one)
    place = " · ".join(one for one in (_(PART_ROLES[part.role]), part.container, part.project) if one)
    ink = "we-ink-bad" if part.status is ServiceStatus.UNHEALTHY else "we-muted"
    note = f'<p class="{ink}">{escape(detail)}</p>' if detail else ""
    return f'{status_mark(mark, testid="part-status")}<p class="we-muted">{escape(place)}</p>{note}'
