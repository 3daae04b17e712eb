"""The Users page: everybody the fleet knows, a page at a time, and the administrators of the console."""

from typing import Any

from nicegui import ui

from chat_api.schemas.people import AdminView, PersonKind, PersonPage, PersonSort, PersonView
from chat_api.schemas.principals import Permission, Principal
from console import theme
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.widgets.dialogs import ask, button
from console.widgets.records import column, export_links
from models import Role

ROWS = 50
COLUMNS = (
    column("name", "Name"),
    column("state", "State", kind="status"),
    column("platforms", "Platforms"),
    column("messages", "Messages", kind="number"),
    column("sessions", "Sessions", kind="number"),
    column("last_active", "Last active", kind="time"),
)
KINDS = {
    PersonKind.ALL: "Everybody",
    PersonKind.ONLINE: "Signed in",
    PersonKind.GUESTS: "Guests",
    PersonKind.BANNED: "Banned",
}
SORTS = {
    PersonSort.LAST_ACTIVE: "Last active",
    PersonSort.NAME: "Name",
    PersonSort.MESSAGES: "Most messages",
    PersonSort.SESSIONS: "Most sessions",
}
ROLES = {role.value: role.value for role in Role}
# A name is text: Vue escapes it. The link is made of an id that was percent-encoded here.
_NAME = """
<q-td :props="props"><a class="we-plain-link" :href="props.row.href">{{ props.row.name }}</a>
<span v-if="props.row.note" class="we-muted"> · {{ props.row.note }}</span></q-td>"""
_STATUS = """
<span :class="`we-status we-status-${props.row.tone}`"><svg class="we-icon" aria-hidden="true">
<use :href="`ICONS#${props.row.symbol}`"></use></svg><span>{{ props.row.state }}</span></span>"""
_CARD = """
<div class="we-record"><div><span class="we-muted">Name</span><div>
<a class="we-plain-link" :href="props.row.href">{{ props.row.name }}</a></div></div>
<div><span class="we-muted">State</span><div>STATUS</div></div>
<div><span class="we-muted">Messages</span><div>{{ props.row.messages }}</div></div>
<div><span class="we-muted">Active</span><div><we-time :datetime="props.row.last_active"></we-time></div></div></div>"""


def register() -> None:
    """Put the page at ``/admin/users``."""
    page("/admin/users", title="Users")(_users)


async def _users(principal: Principal) -> None:
    people = _People(principal)
    first = await people.read(principal)
    with frame(principal, title="Users & sessions", path="/admin/users"):
        people.build(first)
        if principal.may(Permission.MANAGE_ADMINS):
            await _administrators(principal)


class _People:
    """The list: what is shown of it is asked of the service, never kept here."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._search = ""
        self._kind, self._sort = PersonKind.ALL, PersonSort.LAST_ACTIVE
        self._offset = 0

    async def read(self, person: Principal) -> PersonPage:
        return await services().users.find(
            person,
            search=self._search.strip()[:100] or None,
            kind=self._kind,
            sort=self._sort,
            limit=ROWS,
            offset=self._offset,
        )

    def build(self, first: PersonPage) -> None:
        with ui.element("section").classes("we-records-box").props('aria-label="People"'):
            with ui.element("div").classes("we-toolbar"):
                search = ui.input(placeholder="Find a name or an id").classes("we-search")
                search.props('dense outlined clearable debounce=300 aria-label="Find a name or an id"')
                search.on_value_change(lambda event: self._change(search=event.value or ""))
                kinds = ui.select({str(k): v for k, v in KINDS.items()}, value="all").props(
                    'dense outlined aria-label="Which people" options-dense'
                )
                kinds.on_value_change(lambda event: self._change(kind=PersonKind(event.value)))
                sorts = ui.select({str(k): v for k, v in SORTS.items()}, value="last_active").props(
                    'dense outlined aria-label="Sorted by" options-dense'
                )
                sorts.on_value_change(lambda event: self._change(sort=PersonSort(event.value)))
                ui.html(export_links("/api/admin/users?limit=500"), sanitize=False).classes("we-exports")
            self._empty = ui.label("").classes("we-empty").props('data-testid="empty"')
            self._table = ui.table(columns=list(COLUMNS), rows=[], row_key="key", pagination={"rowsPerPage": 0})
            self._table.classes("we-records").props(
                'flat dense hide-pagination :grid="Quasar.Screen.lt.sm" data-testid="people"'
            )
            status = _STATUS.replace("ICONS", theme.asset("icons.svg"))
            self._table.add_slot("body-cell-name", _NAME)
            self._table.add_slot("body-cell-state", f'<q-td :props="props">{status}</q-td>')
            self._table.add_slot(
                "body-cell-last_active",
                '<q-td :props="props"><we-time :datetime="props.row.last_active"></we-time></q-td>',
            )
            self._table.add_slot("item", _CARD.replace("STATUS", status))
            with ui.element("div").classes("we-toolbar"):
                self._back = button("Previous", lambda: self._turn(-ROWS), kind="we-quiet")
                self._range = ui.label("").classes("we-muted").props('data-testid="range" aria-live=polite')
                self._next = button("Next", lambda: self._turn(ROWS), kind="we-quiet", testid="next")
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
        self._table.rows = [_row(person) for person in found.people]
        is_asked = bool(self._search or self._kind is not PersonKind.ALL)
        self._empty.text = (
            "Nobody was found. Try another word, or look among everybody."
            if is_asked
            else "Nobody has signed in yet. People appear here when they use the chat."
        )
        self._empty.set_visibility(not found.people)
        self._table.set_visibility(bool(found.people))
        last = self._offset + len(found.people)
        self._range.text = f"{self._offset + 1:,} to {last:,} of {found.total:,}" if found.people else ""
        self._back.set_visibility(self._offset > 0)
        self._next.set_visibility(last < found.total)


def person_state(person: PersonView) -> tuple[str, str, str]:
    """Word, tone and icon for what somebody is at this moment."""
    if person.is_banned:
        return "Banned", "bad", "offline"
    if person.merged_into:
        return "Merged", "violet", "unknown"
    if person.is_guest:
        return "Guest", "warn", "users"
    if person.sessions:
        return "Signed in", "ok", "online"
    return "Away", "idle", "unknown"


def person_href(user_id: str) -> str:
    """The page of a person."""
    from urllib.parse import quote

    return f"/admin/users/{quote(user_id, safe='')}"


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
        "messages": f"{person.messages:,}",
        "sessions": person.sessions,
        "last_active": person.last_active.isoformat(),
    }


async def _administrators(principal: Principal) -> None:
    with ui.element("section").classes("we-panel").props('aria-label="Administrators" data-testid="admins"'):
        ui.label("Administrators").classes("we-h2").props("role=heading aria-level=2")
        box = ui.element("div").classes("we-admins")

    async def show() -> None:
        admins = await run_action(principal, services().administrators.all)
        if admins is None:
            return
        box.clear()
        with box:
            for admin in admins:
                _administrator(principal, admin, show)

    await show()


def _administrator(principal: Principal, admin: AdminView, show: Any) -> None:
    is_self = admin.admin_id == principal.user_id
    is_disabled = admin.disabled_at is not None
    administrators = services().administrators

    async def set_role(value: str) -> None:
        await run_action(
            principal,
            lambda person: administrators.set_role(person, admin.admin_id, Role(value)),
            done=f"{admin.username} is {value} now.",
        )
        await show()

    async def set_enabled(_: str) -> None:
        await run_action(
            principal,
            lambda person: administrators.set_enabled(person, admin.admin_id, is_enabled=is_disabled),
            done=f"{admin.username} is {'enabled' if is_disabled else 'disabled'}.",
        )
        await show()

    async def end(_: str) -> None:
        await run_action(
            principal, lambda person: administrators.end_sessions(person, admin.admin_id), done="Sessions ended."
        )
        await show()

    sessions = f"{admin.sessions} session{'' if admin.sessions == 1 else 's'}"
    word = "Disabled" if is_disabled else ("You" if is_self else "Enabled")
    with ui.element("div").classes("we-admin").props(f'data-testid="admin-{admin.admin_id}"'):
        with ui.element("div").classes("we-two"):
            ui.label(admin.username).classes("we-strong")
            ui.label(f"{word} · {sessions} · {'with' if admin.has_totp else 'without'} authenticator").classes(
                "we-muted"
            )
        role = ui.select(ROLES, value=admin.role.value).props(
            f'dense outlined options-dense aria-label="Role of {theme_text(admin.username)}"'
        )
        role.on_value_change(lambda event: set_role(event.value))
        role.set_enabled(not is_self)
        button(
            "End sessions",
            lambda: ask(
                f"End the sessions of {admin.username}?",
                f"{sessions} will end. Your own session in this window stays.",
                action="End sessions",
                on_answer=end,
            ),
            kind="we-quiet",
        )
        if not is_self:
            button(
                "Enable" if is_disabled else "Disable",
                lambda: ask(
                    f"{'Enable' if is_disabled else 'Disable'} {admin.username}?",
                    "They can sign in again." if is_disabled else f"They are signed out ({sessions}) and stay out.",
                    action="Enable" if is_disabled else "Disable",
                    is_dangerous=not is_disabled,
                    on_answer=set_enabled,
                ),
                kind="we-quiet",
            )


def theme_text(value: str) -> str:
    """A text that may stand between double quotes in an element's properties."""
    return value.replace("\\", "").replace('"', "'")
