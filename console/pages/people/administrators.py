"""The administrators of the console: their roles and sessions, and who of them may still come in."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from chat_api.core.principals import Principal
from chat_api.people.schemas import AdminView
from console.actions import run_action
from console.context import services
from console.widgets.dialogs import ask_button, counted
from models import Role

ROLES = {role.value: role.value for role in Role}


async def administrators(principal: Principal) -> None:
    """Put the list here; a change shows at once."""
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


def _administrator(principal: Principal, admin: AdminView, show: Callable[[], Awaitable[None]]) -> None:
    is_self = admin.admin_id == principal.user_id
    is_disabled = admin.disabled_at is not None
    service = services().administrators

    async def act(action: Callable[[Principal], Awaitable[object]], done: str) -> None:
        await run_action(principal, action, done=done)
        await show()

    async def set_role(value: str) -> None:
        done = f"{admin.username} is {value} now."
        await act(lambda person: service.set_role(person, admin.admin_id, Role(value)), done)

    async def set_enabled(_: str) -> None:
        done = f"{admin.username} is {'enabled' if is_disabled else 'disabled'}."
        await act(lambda person: service.set_enabled(person, admin.admin_id, is_enabled=is_disabled), done)

    async def end(_: str) -> None:
        await act(lambda person: service.end_sessions(person, admin.admin_id), "Sessions ended.")

    sessions = counted(admin.sessions, "session")
    word = "Disabled" if is_disabled else ("You" if is_self else "Enabled")
    with ui.element("div").classes("we-admin").props(f'data-testid="admin-{admin.admin_id}"'):
        with ui.element("div").classes("we-two"):
            ui.label(admin.username).classes("we-strong")
            authenticator = f"{'with' if admin.has_totp else 'without'} authenticator"
            ui.label(f"{word} · {sessions} · {authenticator}").classes("we-muted")
        role = ui.select(ROLES, value=admin.role.value).props("dense outlined options-dense")
        role.props["aria-label"] = f"Role of {admin.username}"
        role.on_value_change(lambda event: set_role(event.value))
        role.set_enabled(not is_self)
        ask_button(
            "End sessions",
            f"End the sessions of {admin.username}?",
            f"{sessions} will end. Your own session in this window stays.",
            kind="we-quiet",
            on_answer=end,
        )
        if not is_self:
            label = "Enable" if is_disabled else "Disable"
            ask_button(
                label,
                f"{label} {admin.username}?",
                "They can sign in again." if is_disabled else f"They are signed out ({sessions}) and stay out.",
                is_dangerous=not is_disabled,
                kind="we-quiet",
                on_answer=set_enabled,
            )
