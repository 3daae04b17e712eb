"""What an administrator can do about a person; each asks once, and says what it costs."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from chat_api.core.principals import Permission, Principal
from chat_api.people.schemas import PersonDetails
from console.actions import run_action
from console.context import services
from console.widgets.dialogs import ask_button, counted

# What cannot be taken back, or shuts somebody out, is written in red.
RED = "we-act-delete"

NO_WAY_BACK = "People without a password can't sign in with their name again."


def person_actions(principal: Principal, person: PersonDetails) -> None:
    """Put the buttons here that ``principal`` may press."""
    if principal.may(Permission.END_SESSIONS):
        _end_all(principal, person)
    if principal.may(Permission.MANAGE_USERS):
        _ban(principal, person)
        _merge(principal, person)
        _export(principal, person)
        _erase(principal, person)


async def then_reload(principal: Principal, action: Callable[[Principal], Awaitable[object]]) -> None:
    """Do it, and build the page anew when it was done."""

    async def done(who: Principal) -> bool:
        await action(who)
        return True

    if await run_action(principal, done):
        ui.navigate.reload()


def _end_all(principal: Principal, person: PersonDetails) -> None:
    live = sum(session.is_live for session in person.live_sessions)

    async def end(_: str) -> None:
        await then_reload(principal, lambda who: services().users.end_sessions(who, person.user_id))

    ask_button(
        "End all sessions",
        f"Sign {person.display_name} out everywhere?",
        f"{counted(live, 'session')} of one person will end at once, open pages too. {NO_WAY_BACK}",
        is_dangerous=True,
        testid="end-all",
        on_answer=end,
    )


def _ban(principal: Principal, person: PersonDetails) -> None:
    name = person.display_name

    async def ban(reason: str) -> None:
        await then_reload(principal, lambda who: services().users.ban(who, person.user_id, reason=reason))

    async def unban(_: str) -> None:
        await then_reload(principal, lambda who: services().users.unban(who, person.user_id))

    if person.is_banned:
        ask_button(
            "Unban", f"Let {name} in again?", f"They can sign in again. {NO_WAY_BACK}", testid="ban", on_answer=unban
        )
        return
    signed_out = f"One person is signed out ({counted(person.sessions, 'session')}), and their name opens nothing."
    explanation = f"{signed_out} {NO_WAY_BACK}"
    ask_button(
        "Ban", f"Ban {name}?", explanation, field="Reason", is_dangerous=True, kind=RED, testid="ban", on_answer=ban
    )


def _merge(principal: Principal, person: PersonDetails) -> None:
    name = person.display_name

    async def merge(source: str) -> None:
        change = services().person_data.merge
        await then_reload(principal, lambda who: change(who, source_id=source.strip(), target_id=person.user_id))

    explanation = (
        f"Identities of the other person will be {name}'s. Conversations stay in the account that held them. "
        "Its owner needs a password to sign in to it again."
    )
    ask_button(
        "Merge",
        f"Merge someone into {name}?",
        explanation,
        field="Id of the other",
        is_dangerous=True,
        on_answer=merge,
    )


def _export(principal: Principal, person: PersonDetails) -> None:

    async def export(reason: str) -> None:
        async def read(who: Principal) -> bytes:
            pieces = await services().person_data.export(who, person.user_id, reason=reason)
            return b"".join([piece async for piece in pieces])

        content = await run_action(principal, read)
        if content is not None:
            ui.download.content(content, "person.json", "application/json")

    explanation = "The file has everything that is held of them, conversations too. The reason is recorded."
    ask_button(
        "Export", f"Export {person.display_name}?", explanation, field="Reason", testid="export", on_answer=export
    )


def _erase(principal: Principal, person: PersonDetails) -> None:

    async def erase(typed: str) -> None:
        ui.notify("Erasing. It takes a few seconds, until they are signed out everywhere.")
        erase_person = services().person_data.erase
        erasure = await run_action(principal, lambda who: erase_person(who, person.user_id, typed_name=typed))
        if erasure is not None:
            ui.navigate.to("/admin/users")

    explanation = (
        f"{counted(person.messages, 'message')} and everything else of one person will be deleted, for good. "
        f"To be sure, type their username: {person.username}"
    )
    ask_button(
        "Erase",
        f"Erase {person.display_name}?",
        explanation,
        field="Username",
        is_dangerous=True,
        kind=RED,
        testid="erase",
        on_answer=erase,
    )
