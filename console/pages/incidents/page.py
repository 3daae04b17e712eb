"""The Incidents pages: what is wrong now and was lately; and one incident with its evidence and what was done."""

from html import escape
from urllib.parse import urlencode
from uuid import UUID

from nicegui import ui

from chat_api.changes.schemas import ChangesSince
from chat_api.core.errors import NotFound
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.core.stored_sentences import in_own_language
from chat_api.incidents.schemas import IncidentDetails, IncidentFilter, IncidentNumbers, IncidentState, IncidentView
from chat_api.incidents.service import MAX_NOTE_CHARS, MAX_REASON_CHARS
from console import page_head
from console.actions import run_action
from console.context import services
from console.frame import back_link, frame, page
from console.live.incidents import NEWEST, incident_feed
from console.pages.incidents import markup
from console.pages.incidents.changes import incident_changes
from console.pages.incidents.evidence import evidence_panel
from console.widgets.fleet_pulse import on_fleet_pulse
from console.widgets.grafana import around, grafana_button
from console.widgets.records import export_links

PATH = "/admin/incidents"
MAX_NAME_CHARS = 50
_FILTERS = {
    IncidentFilter.ALL: N_("All"),
    IncidentFilter.OPEN: N_("Open"),
    IncidentFilter.RESOLVED: N_("Resolved"),
}


def register() -> None:
    """Put the pages at ``/admin/incidents`` and below it."""
    page(PATH, title=N_("Incidents"))(_incidents)
    page(f"{PATH}/{{incident_id}}", title=N_("Incident"))(_incident)


async def _incidents(principal: Principal, state: str = "all", bot: str = "") -> None:
    shown = IncidentFilter(state) if state in set(IncidentFilter) else IncidentFilter.ALL
    bot = bot[:MAX_NAME_CHARS].replace("\0", "")
    service = services().incidents
    found = await service.newest(principal, limit=NEWEST, state=shown, bot_name=bot or None)
    numbers = await service.numbers(principal)
    names = [one.name for one in services().fleet.view(principal).bots]
    with frame(principal, title=_("Incidents"), path=PATH):
        numbers_html = ui.html(markup.incident_numbers(numbers), sanitize=False)
        with ui.element("div").classes("we-toolbar"):
            ui.html(_filters(shown, bot, names), sanitize=False).classes("we-incident-filters")
            address = f"/api{PATH}?{urlencode({'state': shown} | ({'bot': bot} if bot else {}))}"
            ui.html(export_links(address), sanitize=False).classes("we-exports")
        items = ui.html(_list(found, shown, bot), sanitize=False).props('data-testid="incidents"')

    def changed(incidents: tuple[IncidentView, ...], numbers: IncidentNumbers) -> None:
        numbers_html.set_content(markup.incident_numbers(numbers))
        items.set_content(_list([one for one in incidents if _is_shown(one, shown, bot)], shown, bot))

    incident_feed().on_list(ui.context.client, principal, changed)


async def _incident(principal: Principal, incident_id: str) -> None:
    try:
        number = UUID(incident_id)
    except ValueError:
        raise NotFound(_("Incident not found.")) from None
    details = await services().incidents.details(principal, number)
    ui.page_title(page_head.page_title(in_own_language(details.incident.headline)))
    with frame(principal, title=_("Incident"), path=PATH):
        back_link(PATH, _("Incidents"))
        parts = _Parts(principal, details)
    incident_feed().on_one(ui.context.client, principal, number, parts.show)


class _Parts:
    """What of an incident's page changes while it is open."""

    def __init__(self, principal: Principal, details: IncidentDetails) -> None:
        self._principal = principal
        self._id = details.incident.incident_id
        self._incident = details.incident
        self._banner = ui.html("", sanitize=False).props('data-testid="incident-banner"')
        with ui.element("div").classes("we-panels"):
            with _panel(_("What happened")):
                self._facts = ui.html("", sanitize=False)
                self._acts()
            with _panel(_("Timeline")):
                self._timeline = ui.html("", sanitize=False).props('data-testid="timeline"')
            with _panel(_("What changed")).classes("we-wide") as self._changes_panel:
                self._changes = ui.html("", sanitize=False).props('data-testid="incident-changes"')
            with _panel(_("Bots")).classes("we-wide"):
                self._bots = ui.html("", sanitize=False).props('data-testid="incident-bots"')
            with _panel(_("Evidence")).classes("we-wide"):
                self._evidence = ui.html("", sanitize=False).props('data-testid="evidence"')
        self._count = -1
        self._details = details
        self.show(details)
        on_fleet_pulse(self._read_changes)

    def show(self, details: IncidentDetails) -> None:
        """Show the incident as it is now."""
        incident = details.incident
        self._banner.set_content(markup.incident_banner(incident))
        self._facts.set_content(markup.incident_facts(incident))
        self._bots.set_content(markup.incident_bots(details))
        self._details = details
        self._show_changes(details.changes)
        self._timeline.set_content(markup.timeline(details.timeline))
        if self._count != len(details.evidence):  # evidence is only added: what a reader scrolled to stays
            self._count = len(details.evidence)
            self._evidence.set_content(evidence_panel(details.evidence))
        if self._acknowledging is not None:
            self._acknowledging.set_visibility(incident.state is IncidentState.OPEN)

    def _show_changes(self, changes: tuple[ChangesSince, ...]) -> None:
        self._changes.set_content(incident_changes(changes))
        self._changes_panel.set_visibility(bool(changes))

    async def _read_changes(self) -> None:
        """A bot tells what it runs with also when nothing of the incident changes."""
        self._show_changes(await services().incidents.changes_of(self._principal, self._details.bots))

    def _acts(self) -> None:
        self._acknowledging: ui.element | None = None
        if self._principal.may(Permission.MANAGE_INCIDENTS):
            with ui.element("div").classes("we-incident-act") as self._acknowledging:
                reason = ui.input(_("Acknowledgement note")).props(f"outlined dense maxlength={MAX_REASON_CHARS}")
                _button(_("Acknowledge"), lambda: self._acknowledge(reason))
            with ui.element("div").classes("we-incident-act"):
                note = ui.textarea(_("Note")).props(f"outlined dense autogrow rows=1 maxlength={MAX_NOTE_CHARS}")
                _button(_("Add note"), lambda: self._note(note))
        ui.html(
            f'<a class="we-button we-quiet" href="/api{PATH}/{self._id}/export" download>'
            f"{page_head.icon_svg('download')}<span>{_('Export as Markdown')}</span></a>",
            sanitize=False,
        )
        since, until = around(self._incident.opened_at, self._incident.resolved_at)
        grafana_button(self._incident.bot_names, since=since, until=until)

    async def _acknowledge(self, field: ui.input) -> None:
        reason = str(field.value or "")
        done = _("Incident acknowledged")
        act = services().incidents.acknowledge
        details = await run_action(self._principal, lambda person: act(person, self._id, reason), done=done)
        if details is not None:
            field.set_value("")
            self.show(details)

    async def _note(self, field: ui.textarea) -> None:
        content = str(field.value or "")
        act, done = services().incidents.note, _("Note added")
        details = await run_action(self._principal, lambda person: act(person, self._id, content), done=done)
        if details is not None:
            field.set_value("")
            self.show(details)


def _panel(title: str) -> ui.element:
    panel = ui.element("section").classes("we-panel")
    with panel:
        ui.html(escape(title), sanitize=False, tag="h2")
    return panel


def _button(label: str, act: object) -> None:
    with ui.element("button").classes("we-button").props('type="button"').on("click", act, throttle=0.5):  # type: ignore[arg-type]
        ui.html(escape(label), sanitize=False, tag="span")


def _list(found: "list[IncidentView] | tuple[IncidentView, ...]", shown: IncidentFilter, bot: str) -> str:
    if found:
        return markup.incident_list(found)
    if shown is IncidentFilter.ALL and not bot:
        return _empty(
            _("No incidents"),
            _("An incident opens when a bot or a dependency fails, collects evidence, and closes when it recovers."),
        )
    link = f'<a href="{PATH}">{_("Show all incidents")}</a>'
    return _empty(_("No matching incidents"), link)


def _empty(title: str, text: str) -> str:
    return f'<div class="we-empty"><h2>{title}</h2><p>{text}</p></div>'


def _is_shown(incident: IncidentView, shown: IncidentFilter, bot: str) -> bool:
    is_resolved = incident.state is IncidentState.RESOLVED
    is_state = shown is IncidentFilter.ALL or is_resolved == (shown is IncidentFilter.RESOLVED)
    return is_state and (not bot or bot in incident.bot_names)


def _filters(shown: IncidentFilter, bot: str, names: list[str]) -> str:
    chips = "".join(
        f'<a class="we-chip" href="{PATH}?{escape(urlencode({"state": one} | ({"bot": bot} if bot else {})))}"'
        f"{' aria-current=true' if one is shown else ''}>{_(_FILTERS[one])}</a>"
        for one in IncidentFilter
    )
    options = "".join(f'<option value="{escape(name)}"></option>' for name in names)
    return (
        f'<nav class="we-chips" aria-label="{_("State")}">{chips}</nav>'
        f'<form method="get" action="{PATH}" class="we-incident-bot">'
        f'<input type="hidden" name="state" value="{shown}">'
        f'<input name="bot" list="we-bots" value="{escape(bot)}" placeholder="{_("Bot")}" aria-label="{_("Bot")}"'
        f' maxlength="{MAX_NAME_CHARS}">'
        f'<datalist id="we-bots">{options}</datalist>'
        f'<button class="we-button we-quiet" type="submit">{_("Filter")}</button></form>'
    )
