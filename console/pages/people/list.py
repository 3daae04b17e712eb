"""Everybody the fleet knows, a page at a time: what is shown is asked of the service, never kept here."""

from typing import Any

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from chat_api.people.schemas import PersonKind, PersonPage, PersonSort, PersonView
from console.actions import run_action
from console.context import services
from console.pages.people.person_labels import person_href, person_state
from console.widgets.dialogs import button
from console.widgets.quantities import whole
from console.widgets.records import RecordsTable, column, export_links

ROWS = 50
COLUMNS = (
    column("name", N_("Name"), kind="link"),
    column("state", N_("State"), kind="status"),
    column("platforms", N_("Platforms")),
    column("messages", N_("Messages"), kind="number"),
    column("sessions", N_("Sessions"), kind="number"),
    column("last_active", N_("Last active"), kind="time"),
)
KINDS = {
    PersonKind.ALL: N_("Everyone"),
    PersonKind.ONLINE: N_("Signed in"),
    PersonKind.GUESTS: N_("Guests"),
    PersonKind.BANNED: N_("Banned"),
}
SORTS = {
    PersonSort.LAST_ACTIVE: N_("Last active"),
    PersonSort.NAME: N_("Name"),
    PersonSort.MESSAGES: N_("Most messages"),
    PersonSort.SESSIONS: N_("Most sessions"),
}
NO_RESULTS = N_("No results. Try another search, or show everyone.")
NO_PEOPLE = N_("No one has signed in yet. People appear here when they use the chat.")


class PeopleList:
    """The list with its search; :meth:`read` the first page, then :meth:`build`."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._search = ""
        self._kind, self._sort = PersonKind.ALL, PersonSort.LAST_ACTIVE
        self._offset = 0

    async def read(self, person: Principal) -> PersonPage:
        """What the service gives for what is asked now."""
        return await services().users.find(
            person,
            search=self._search.strip()[:100] or None,
            kind=self._kind,
            sort=self._sort,
            limit=ROWS,
            offset=self._offset,
        )

    def build(self, first: PersonPage) -> None:
        """Put it here."""
        columns = [one | {"sortable": False} for one in COLUMNS]  # the service sorts: a page is not everybody
        with ui.element("section").classes("we-records-box") as section:
            section.props["aria-label"] = _("People")
            with ui.element("div").classes("we-toolbar"):
                label = _("Find by name or ID")
                search = ui.input(placeholder=label).classes("we-search")
                search.props("dense outlined clearable debounce=300").props["aria-label"] = label
                search.on_value_change(lambda event: self._change(search=event.value or ""))
                kinds = _choice(_("Show"), KINDS, PersonKind.ALL)
                kinds.on_value_change(lambda event: self._change(kind=PersonKind(event.value)))
                sorts = _choice(_("Sort by"), SORTS, PersonSort.LAST_ACTIVE)
                sorts.on_value_change(lambda event: self._change(sort=PersonSort(event.value)))
                ui.html(export_links("/api/admin/users?limit=500"), sanitize=False).classes("we-exports")
            self._table = RecordsTable(columns, [], empty="", has_filter=False, page_rows=0, testid="people")
            with ui.element("div").classes("we-toolbar"):
                self._back = button(_("Previous"), lambda: self._turn(-ROWS), kind="we-quiet")
                self._range = ui.label("").classes("we-muted").props('data-testid="range" aria-live=polite')
                self._next = button(_("Next"), lambda: self._turn(ROWS), kind="we-quiet", testid="next")
        self._show(first)

    async def _change(
        self, *, search: str | None = None, kind: PersonKind | None = None, sort: PersonSort | None = None
    ) -> None:
        self._search = self._search if search is None else search
        self._kind, self._sort = kind or self._kind, sort or self._sort
        self._offset = 0
        await self._reload()

    async def _turn(self, rows: int) -> None:
        self._offset = max(0, self._offset + rows)
        await self._reload()

    async def _reload(self) -> None:
        found = await run_action(self._principal, self.read)
        if found is not None:
            self._show(found)

    def _show(self, found: PersonPage) -> None:
        is_asked = bool(self._search or self._kind is not PersonKind.ALL)
        self._table.show([_row(person) for person in found.people], empty=_(NO_RESULTS if is_asked else NO_PEOPLE))
        last = self._offset + len(found.people)
        first = self._offset + 1
        shown = _("{first}–{last} of {total}", first=whole(first), last=whole(last), total=whole(found.total))
        self._range.text = shown if found.people else ""
        self._back.set_visibility(self._offset > 0)
        self._next.set_visibility(last < found.total)


def _choice(label: str, words: dict[Any, str], value: str) -> ui.select:
    made = ui.select({str(key): _(word) for key, word in words.items()}, value=str(value))
    made.props("dense outlined options-dense").props["aria-label"] = label
    return made


def _row(person: PersonView) -> dict[str, Any]:
    word, tone, symbol = person_state(person)
    return {
        "key": person.user_id,
        "name": person.display_name,
        "note": person.username if person.username != person.display_name else "",
        "href": person_href(person.user_id),
        "state": word,
        "tone": tone,
        "symbol": symbol,
        "platforms": ", ".join(person.platforms) or "–",
        "messages": whole(person.messages),
        "sessions": str(person.sessions),
        "last_active": person.last_active.isoformat(),
    }
