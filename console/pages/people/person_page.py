"""The page of one person: identities, devices, conversations, and what an administrator can do about them."""

from html import escape
from typing import Any

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from chat_api.people.schemas import IdentityView, PersonDetails, SessionView, ThreadView
from console import page_head
from console.context import services
from console.frame import back_link, frame, page
from console.pages.memories.owner import somebody
from console.pages.memories.panel import MemoriesPanel
from console.pages.people.person_actions import person_actions, then_reload
from console.pages.people.person_labels import person_state
from console.widgets.action_table import ActionTable, action
from console.widgets.dialogs import button
from console.widgets.fact_words import facts_html, moment
from console.widgets.quantities import whole
from console.widgets.records import RecordsTable, column

SESSIONS = (
    column("state", N_("State"), kind="status"),
    column("device", N_("Device"), kind="long"),
    column("address", N_("Address")),
    column("last_active", N_("Last active"), kind="time"),
    column("since", N_("Signed in"), kind="time"),
)
THREADS = (
    column("bot", N_("Bot")),
    column("exchanges", N_("Exchanges"), kind="number"),
    column("last_at", N_("Last message"), kind="time"),
)
IDENTITIES = (
    column("platform", N_("Platform")),
    column("username", N_("Name")),
    column("id", N_("ID"), kind="long"),
    column("verified_at", N_("Since"), kind="time"),
)


def register() -> None:
    """Put the page at ``/admin/users/{user_id}``."""
    page("/admin/users/{user_id}", title=N_("Person"))(_person)


async def _person(principal: Principal, user_id: str) -> None:
    details = await services().users.details(principal, user_id)
    with frame(principal, title=details.display_name, path="/admin/users"):
        back_link("/admin/users", _("Users"))
        with ui.element("div").classes("we-toolbar"):
            word, tone, symbol = person_state(details)
            status = f'{page_head.icon_svg(symbol)}<span data-testid="person-state">{word}</span>'
            ui.html(status, sanitize=False, tag="span").classes(f"we-status we-status-{tone}")
            person_actions(principal, details)
        with ui.element("div").classes("we-panels"):
            with _panel(_("Person")):
                ui.html(_facts(details), sanitize=False)
            with _panel(_("Identities")):
                RecordsTable(IDENTITIES, [_identity(one) for one in details.identities], empty=_("No identities."))
            with _panel(_("Sessions"), is_wide=True):
                _sessions(principal, details)
            with _panel(_("Conversations"), is_wide=True):
                RecordsTable(THREADS, [_thread(one) for one in details.threads], empty=_("No conversations yet."))
            if principal.may(Permission.READ_CONVERSATIONS):
                with _panel(_("What bots remember"), is_wide=True):
                    await _memories(principal, details)


def _panel(title: str, *, is_wide: bool = False) -> ui.element:
    panel = ui.element("section").classes("we-panel" + (" we-wide" if is_wide else ""))
    panel.props["aria-label"] = title
    with panel:
        ui.label(title).classes("we-h2").props("role=heading aria-level=2")
    return panel


async def _memories(principal: Principal, details: PersonDetails) -> None:
    text = _("Bots keep memories of their own. To see them, give a reason. It goes into the audit log.")
    ui.label(text).classes("we-muted")
    toolbar = ui.element("div").classes("we-toolbar")
    panel = MemoriesPanel(principal, somebody(details))
    with toolbar:
        button(_("Show"), panel.ask_and_show, testid="show-memories")
        if principal.may(Permission.MANAGE_USERS):
            button(_("Erase at all bots"), panel.ask_erase, kind="we-act-delete", testid="erase-memories")
    await panel.show_receipts()


def _facts(person: PersonDetails) -> str:
    facts = {
        _("Username"): escape(person.username),
        _("ID"): escape(person.user_id),
        _("Messages"): whole(person.messages),
        _("First seen"): moment(person.created_at, is_exact=True),
        _("Last active"): moment(person.last_active),
        _("Audit reference"): escape(person.reference),
    }
    if person.banned_at is not None:
        reason = escape(person.ban_reason or _("no reason given"))
        facts[_("Banned")] = f"{moment(person.banned_at, is_exact=True)}: {reason}"
    if person.merged_into:
        facts[_("Merged into")] = escape(person.merged_into)
    if person.merged_from:
        facts[_("Merged with")] = escape(", ".join(person.merged_from))
    return facts_html(facts.items())


def _sessions(principal: Principal, details: PersonDetails) -> None:
    rows, empty = [_session(one) for one in details.live_sessions], _("Never signed in here.")
    if not principal.may(Permission.END_SESSIONS):
        RecordsTable(SESSIONS, rows, empty=empty)
        return

    async def end(__: str, key: str) -> None:
        end_sessions = services().users.end_sessions
        chosen = next((one for one in details.live_sessions if str(one.session_id) == key), None)
        if chosen is not None:
            await then_reload(principal, lambda who: end_sessions(who, chosen.user_id, chosen.session_id))

    ActionTable(SESSIONS, rows, empty=empty, on_action=end)


def _session(session: SessionView) -> dict[str, Any]:
    device, address = session.user_agent or _("unknown device"), session.address or _("unknown address")
    return {
        "key": str(session.session_id),
        "called": f"{address}, {device[:60]}",
        "state": _("Active") if session.is_live else _("Ended"),
        "tone": "ok" if session.is_live else "idle",
        "symbol": "online" if session.is_live else "offline",
        "device": session.user_agent or "",
        "address": session.address or "",
        "last_active": session.last_active.isoformat(),
        "since": session.created_at.isoformat(),
        "actions": [action("end", _("End"))] if session.is_live else [],
    }


def _identity(identity: IdentityView) -> dict[str, Any]:
    return {
        "key": f"{identity.platform} {identity.platform_user_id}",
        "platform": identity.platform,
        "username": identity.username,
        "id": identity.platform_user_id,
        "verified_at": identity.verified_at.isoformat() if identity.verified_at else "",
    }


def _thread(thread: ThreadView) -> dict[str, Any]:
    return {
        "key": f"{thread.user_id} {thread.bot_name}",
        "bot": thread.bot_name,
        "exchanges": whole(thread.exchanges),
        "last_at": thread.last_at.isoformat() if thread.last_at else "",
    }
