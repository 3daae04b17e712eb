"""The Changes page: what bots ran with, what is different from before, and when."""

from html import escape
from urllib.parse import quote, urlencode
from uuid import UUID

from nicegui import ui

from chat_api.changes.schemas import ChangeKind, ChangesQuery, ConfigurationView
from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Principal
from chat_api.engine.schemas import PART_PREFIX
from console.context import services
from console.frame import frame, page
from console.labels import Mark
from console.widgets.change_words import KINDS, entries_html
from console.widgets.fact_words import moment
from console.widgets.filter_form import Field, filter_form, for_api, moment_of
from console.widgets.fleet_pulse import on_fleet_pulse
from console.widgets.marks import status_mark
from console.widgets.records import export_links

PATH = "/admin/changes"
PAGE_LINES = 50
EXPORT_LINES = 1000
_STARTED = Mark(N_("New start"), "idle", "start")
_RUNNING = Mark(N_("While running"), "busy", "edit")
_FIRST = Mark(N_("First seen"), "idle", "note")


def register() -> None:
    """Put the page at ``/admin/changes``."""
    page(PATH, title=N_("Changes"))(_changes)


async def _changes(
    principal: Principal, bot: str = "", kind: str = "", since: str = "", until: str = "", before: str = ""
) -> None:
    given = {"bot": bot, "kind": kind, "since": since, "until": until}
    filters = {name: value for name, value in given.items() if value}
    query = _query(filters, before)
    found = await services().fleet_changes.find(principal, query)
    names = [one.name for one in services().fleet.view(principal).bots]
    with frame(principal, title=_("Changes"), path=PATH):
        filter_form(PATH, _fields(given, names))
        if found:
            with ui.element("div").classes("we-toolbar"):
                address = f"/api{PATH}?{urlencode(for_api(filters) | {'limit': EXPORT_LINES})}"
                ui.html(export_links(address), sanitize=False).classes("we-exports")
        shown = ui.html(_list(found, is_filtered=bool(filters or before)), sanitize=False)
        shown.props('data-testid="changes"')
        if len(found) == PAGE_LINES:
            older = urlencode(filters | {"before": str(found[-1].configuration_id)})
            ui.link(_("Older entries"), f"{PATH}?{older}").classes("we-button").props('data-testid="older"')
        if not before:
            known = found

            async def read_again() -> None:
                nonlocal known
                now = await services().fleet_changes.find(principal, query)
                if now != known:
                    known = now
                    shown.set_content(_list(now, is_filtered=bool(filters)))

            on_fleet_pulse(read_again)


def _list(found: tuple[ConfigurationView, ...], *, is_filtered: bool) -> str:
    if not found:
        if is_filtered:
            return f'<div class="we-empty"><p>{_("No changes match these filters.")}</p></div>'
        title, text = (
            _("No starts recorded yet"),
            _("Each bot start is recorded here, with what changed since the one before."),
        )
        return f'<div class="we-empty"><h2>{title}</h2><p>{text}</p></div>'
    return f'<ol class="we-changes">{"".join(_item(one) for one in found)}</ol>'


def _item(one: ConfigurationView) -> str:
    mark = _FIRST if one.is_first else _STARTED if one.is_start else _RUNNING
    called = one.bot_name.removeprefix(PART_PREFIX)
    kind = "bots" if called == one.bot_name else "parts"
    name = escape(called)
    link = f'<a class="we-strong" href="/admin/{kind}/{quote(called, safe="")}">{name}</a>'
    body = entries_html(one.changes) if one.changes else ""
    return (
        f'<li data-bot="{name}"><div class="we-change-head">{link}{status_mark(mark)}{_counted(one)}'
        f'<span class="we-muted we-change-when">{moment(one.started_at)}</span></div>{body}</li>'
    )


def _counted(one: ConfigurationView) -> str:
    """How often it was started so: a bot that crashes again and again has one line."""
    if one.starts < 2:
        return ""
    starts = ngettext("{count} start", "{count} starts", one.starts)
    last = _("last {when}", when=moment(one.last_started_at))
    return f'<span class="we-muted">{starts}, {last}</span>'


def _fields(given: dict[str, str], names: list[str]) -> tuple[Field, ...]:
    kinds = [(str(kind), _(words)) for kind, words in KINDS.items()]
    return (
        Field(name="bot", label=_("Bot"), value=given["bot"], suggestions=names),
        Field(name="kind", label=_("Type"), value=given["kind"], choices=kinds),
        Field(name="since", label=_("Since (UTC)"), value=given["since"], kind="datetime-local"),
        Field(name="until", label=_("Until (UTC)"), value=given["until"], kind="datetime-local"),
    )


def _query(filters: dict[str, str], before: str) -> ChangesQuery:
    try:
        return ChangesQuery(
            bot_name=filters["bot"].replace("\0", "") if "bot" in filters else None,
            kind=ChangeKind(filters["kind"]) if "kind" in filters else None,
            since=moment_of(filters.get("since")),
            until=moment_of(filters.get("until")),
            before=UUID(before) if before else None,
            limit=PAGE_LINES,
        )
    except ValueError as error:
        raise InvalidInput("This address contains an invalid filter.") from error
