"""The page of one person: identities, devices, conversations, and what an administrator can do about them."""

from typing import Any

from nicegui import ui

from chat_api.schemas.people import PersonDetails, SessionView
from chat_api.schemas.principals import Permission, Principal
from console import theme
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.pages.users import person_state
from console.widgets.dialogs import Answered, ask, button, counted
from console.widgets.records import RecordsTable, column

# Title, explanation, field, action, whether it cannot be taken back, and what is done.
Question = tuple[str, str, str | None, str, bool, Answered]
SESSIONS = (
    column("state", "State", kind="status"),
    column("device", "Device", kind="long"),
    column("address", "Address"),
    column("last_active", "Last active", kind="time"),
    column("since", "Signed in", kind="time"),
)
THREADS = (
    column("bot", "Bot"),
    column("exchanges", "Exchanges", kind="number"),
    column("last_at", "Last message", kind="time"),
)
IDENTITIES = (
    column("platform", "Platform"),
    column("username", "Name"),
    column("id", "Id"),
    column("verified_at", "Since", kind="time"),
)


def register() -> None:
    """Put the page at ``/admin/users/{user_id}``."""
    page("/admin/users/{user_id}", title="Person")(_person)


async def _person(principal: Principal, user_id: str) -> None:
    details = await services().users.details(principal, user_id)
    with frame(principal, title=details.person.display_name, path="/admin/users"):
        ui.html('<a class="we-link" href="/admin/users">All users</a>', sanitize=False)
        _head(principal, details)
        with ui.element("div").classes("we-panels"):
            _facts(details)
            with _panel("Identities"):
                RecordsTable(IDENTITIES, [_identity(one) for one in details.identities], empty="No identity.")
            with _panel("Sessions", is_wide=True):
                _sessions(principal, details)
            with _panel("Conversations", is_wide=True):
                RecordsTable(THREADS, [_thread(one) for one in details.threads], empty="No conversation yet.")


def _panel(title: str, *, is_wide: bool = False) -> ui.element:
    panel = ui.element("section").classes("we-panel" + (" we-wide" if is_wide else ""))
    panel.props(f'aria-label="{title}"')
    with panel:
        ui.label(title).classes("we-h2").props("role=heading aria-level=2")
    return panel


def _head(principal: Principal, details: PersonDetails) -> None:
    word, tone, symbol = person_state(details.person)
    with ui.element("div").classes("we-toolbar"):
        status = f'{theme.icon_svg(symbol)}<span data-testid="person-state">{word}</span>'
        ui.html(status, sanitize=False, tag="span").classes(f"we-status we-status-{tone}")
        if principal.may(Permission.END_SESSIONS):
            _end_all(principal, details)
        if principal.may(Permission.MANAGE_USERS):
            _manage(principal, details)


def _end_all(principal: Principal, details: PersonDetails) -> None:
    person = details.person
    live = sum(session.is_live for session in details.sessions)

    async def end(_: str) -> None:
        ended = await run_action(principal, lambda who: services().users.end_sessions(who, person.user_id))
        if ended is not None:
            ui.navigate.reload()

    button(
        "End all sessions",
        lambda: ask(
            f"Sign {person.display_name} out everywhere?",
            f"{counted(live, 'session')} of one person will end at once, open pages too.",
            action="End all sessions",
            is_dangerous=True,
            on_answer=end,
        ),
        testid="end-all",
    )


def _manage(principal: Principal, details: PersonDetails) -> None:
    person, name = details.person, details.person.display_name

    async def ban(reason: str) -> None:
        await _then_reload(principal, lambda who: services().users.ban(who, person.user_id, reason=reason))

    async def unban(_: str) -> None:
        await _then_reload(principal, lambda who: services().users.unban(who, person.user_id))

    async def merge(source: str) -> None:
        await _then_reload(
            principal,
            lambda who: services().person_data.merge(who, source_id=source.strip(), target_id=person.user_id),
        )

    async def export(reason: str) -> None:
        async def read(who: Principal) -> bytes:
            pieces = await services().person_data.export(who, person.user_id, reason=reason)
            return b"".join([piece async for piece in pieces])

        content = await run_action(principal, read)
        if content is not None:
            ui.download.content(content, "person.json", "application/json")

    async def erase(typed: str) -> None:
        ui.notify("Erasing. It takes a few seconds, until they are signed out everywhere.")
        erasure = await run_action(
            principal, lambda who: services().person_data.erase(who, person.user_id, typed_name=typed)
        )
        if erasure is not None:
            ui.navigate.to("/admin/users")

    if person.is_banned:
        question: Question = (f"Let {name} in again?", "They can sign in again.", None, "Unban", False, unban)
    else:
        explanation = f"One person is signed out ({counted(person.sessions, 'session')}), and their name opens nothing."
        question = (f"Ban {name}?", explanation, "Reason", "Ban", True, ban)
    _ask_button("Unban" if person.is_banned else "Ban", question, testid="ban")
    explanation = f"Identities of the other person will be {name}'s. Conversations stay in the account that held them."
    _ask_button("Merge", (f"Merge somebody into {name}?", explanation, "Id of the other", "Merge", True, merge))
    explanation = "The file has everything that is held of them, conversations too. The reason is recorded."
    _ask_button("Export", (f"Export {name}?", explanation, "Reason", "Export", False, export), testid="export")
    explanation = (
        f"{counted(person.messages, 'message')} and everything else of one person will be deleted, for good. "
        f"To be sure, type their username: {person.username}"
    )
    _ask_button("Erase", (f"Erase {name}?", explanation, "Username", "Erase", True, erase), testid="erase")


def _ask_button(
    label: str, question: tuple[str, str, str | None, str, bool, Any], *, testid: str | None = None
) -> None:
    title, explanation, field, action, is_dangerous, answer = question
    button(
        label,
        lambda: ask(title, explanation, field=field, action=action, is_dangerous=is_dangerous, on_answer=answer),
        testid=testid,
    )


async def _then_reload(principal: Principal, action: Any) -> None:
    async def done(who: Principal) -> bool:
        await action(who)
        return True

    if await run_action(principal, done):
        ui.navigate.reload()


def _facts(details: PersonDetails) -> None:
    person = details.person
    facts = {
        "Username": person.username,
        "Id": person.user_id,
        "Messages": f"{person.messages:,}",
        "First seen": f"{person.created_at:%Y-%m-%d %H:%M} UTC",
        "Last active": f"{person.last_active:%Y-%m-%d %H:%M} UTC",
        "In the audit trail": details.reference,
    }
    if details.banned_at is not None:
        facts["Banned"] = f"{details.banned_at:%Y-%m-%d %H:%M} UTC: {details.ban_reason or 'no reason was given'}"
    if person.merged_into:
        facts["Merged into"] = person.merged_into
    if details.merged_from:
        facts["Merged with"] = ", ".join(details.merged_from)
    with _panel("Person"), ui.element("dl").classes("we-facts"):
        for label, value in facts.items():
            with ui.element("dt"):
                ui.label(label)
            with ui.element("dd"):
                ui.label(value)


def _sessions(principal: Principal, details: PersonDetails) -> None:
    table = RecordsTable(SESSIONS, [_session(one) for one in details.sessions], empty="Never signed in here.")
    live = {str(one.session_id): _device(one) for one in details.sessions if one.is_live}
    if not live or not principal.may(Permission.END_SESSIONS):
        return

    async def end() -> None:
        chosen = next((one for one in details.sessions if str(one.session_id) == which.value), None)
        if chosen is not None:
            await _then_reload(
                principal, lambda who: services().users.end_sessions(who, chosen.user_id, chosen.session_id)
            )

    assert table is not None
    with ui.element("div").classes("we-toolbar"):
        which = ui.select(live, value=next(iter(live))).props('dense outlined options-dense aria-label="Session"')
        button("End this session", end, kind="we-quiet", testid="end-one")


def _device(session: SessionView) -> str:
    return f"{session.address or 'unknown address'}, {(session.user_agent or 'unknown device')[:60]}"


def _session(session: SessionView) -> dict[str, Any]:
    return {
        "key": str(session.session_id),
        "state": "Live" if session.is_live else "Ended",
        "tone": "ok" if session.is_live else "idle",
        "symbol": "online" if session.is_live else "offline",
        "device": session.user_agent or "",
        "address": session.address or "",
        "last_active": session.last_active.isoformat(),
        "since": session.created_at.isoformat(),
    }


def _identity(identity: Any) -> dict[str, Any]:
    return {
        "key": f"{identity.platform} {identity.platform_user_id}",
        "platform": identity.platform,
        "username": identity.username,
        "id": identity.platform_user_id,
        "verified_at": identity.verified_at.isoformat() if identity.verified_at else "",
    }


def _thread(thread: Any) -> dict[str, Any]:
    return {
        "key": f"{thread.user_id} {thread.bot_name}",
        "bot": thread.bot_name,
        "exchanges": f"{thread.exchanges:,}",
        "last_at": thread.last_at.isoformat() if thread.last_at else "",
    }
