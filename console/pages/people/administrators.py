"""The administrators of the console: their roles and sessions, and who of them may still come in."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from chat_api.people.schemas import AdminView
from console.actions import run_action
from console.context import services
from console.frame import ROLES
from console.widgets.dialogs import ask_button
from models import Role


async def administrators(principal: Principal) -> None:
    """Put the list here; a change shows at once."""
    with ui.element("section").classes("we-panel").props("data-testid=admins") as panel:
        panel.props["aria-label"] = _("Administrators")
        ui.label(_("Administrators")).classes("we-h2").props("role=heading aria-level=2")
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


def _administrator(principal: Principal, admin: AdminView, show: Callable[[], Awaitable[None]]) -> None:
    is_self = admin.admin_id == principal.user_id
    is_disabled = admin.disabled_at is not None
    service = services().administrators

    async def act(action: Callable[[Principal], Awaitable[object]], done: str) -> None:
        await run_action(principal, action, done=done)
        await show()

    async def set_role(value: str) -> None:
        done = _("{name} now has the role {role}.", name=admin.username, role=_(ROLES[value]))
        await act(lambda person: service.set_role(person, admin.admin_id, Role(value)), done)

    async def set_enabled(__: str) -> None:
        name = admin.username
        done = _("{name} can sign in again.", name=name) if is_disabled else _("{name} is disabled.", name=name)
        await act(lambda person: service.set_enabled(person, admin.admin_id, is_enabled=is_disabled), done)

    async def end(__: str) -> None:
        await act(lambda person: service.end_sessions(person, admin.admin_id), _("Sessions ended."))

    sessions = ngettext("{count} session", "{count} sessions", admin.sessions)
    word = _("Disabled") if is_disabled else (_("You") if is_self else _("Enabled"))
    with ui.element("div").classes("we-admin").props(f'data-testid="admin-{admin.admin_id}"'):
        with ui.element("div").classes("we-two"):
            ui.label(admin.username).classes("we-strong")
            authenticator = _("two-factor on") if admin.has_totp else _("two-factor off")
            ui.label(f"{word} · {sessions} · {authenticator}").classes("we-muted")
        role = ui.select({key: _(name) for key, name in ROLES.items()}, value=admin.role).props(
            "dense outlined options-dense"
        )
        role.props["aria-label"] = _("Role of {name}", name=admin.username)
        role.on_value_change(lambda event: set_role(event.value))
        role.set_enabled(not is_self)
        ask_button(
            _("End sessions"),
            _("End all sessions of {name}?", name=admin.username),
            ngettext(
                "{count} session ends. The one in this window stays.",
                "{count} sessions end. The one in this window stays.",
                admin.sessions,
            ),
            kind="we-quiet",
            on_answer=end,
        )
        if not is_self:
            ask_button(
                _("Enable") if is_disabled else _("Disable"),
                _("Enable {name}?", name=admin.username) if is_disabled else _("Disable {name}?", name=admin.username),
                _("They can sign in again.") if is_disabled else _("They are signed out now and can't sign in again."),
                is_dangerous=not is_disabled,
                kind="we-quiet",
                on_answer=set_enabled,
            )
