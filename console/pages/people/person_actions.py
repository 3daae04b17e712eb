"""What an administrator can do about a person; each asks once, and says what it costs."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Permission, Principal
from chat_api.people.schemas import PersonDetails
from console.actions import run_action
from console.context import services
from console.widgets.choices import ask_choices
from console.widgets.dialogs import ask_button, button
from console.widgets.quantities import whole

# Shown in red: actions that cannot be undone or that lock someone out.
RED = "we-act-delete"

NO_WAY_BACK = N_("Without a password they can't sign in with this name again.")


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

    ends = ngettext(
        "{count} session ends now, and its open pages close.",
        "{count} sessions end now, and their open pages close.",
        live,
    )

    async def end(__: str) -> None:
        await then_reload(principal, lambda who: services().users.end_sessions(who, person.user_id))

    ask_button(
        _("End all sessions"),
        _("Sign {name} out everywhere?", name=person.display_name),
        f"{ends} {_(NO_WAY_BACK)}",
        is_dangerous=True,
        testid="end-all",
        on_answer=end,
    )


def _ban(principal: Principal, person: PersonDetails) -> None:
    name = person.display_name

    async def ban(reason: str) -> None:
        await then_reload(principal, lambda who: services().users.ban(who, person.user_id, reason=reason))

    async def unban(__: str) -> None:
        await then_reload(principal, lambda who: services().users.unban(who, person.user_id))

    if person.is_banned:
        ask_button(
            _("Unban"),
            _("Unban {name}?", name=name),
            f"{_('They can sign in again.')} {_(NO_WAY_BACK)}",
            testid="ban",
            on_answer=unban,
        )
        return
    signed_out = ngettext(
        "{count} session ends now, and they can't sign in again.",
        "{count} sessions end now, and they can't sign in again.",
        person.sessions,
    )
    ask_button(
        _("Ban"),
        _("Ban {name}?", name=name),
        signed_out,
        field=_("Reason"),
        is_dangerous=True,
        kind=RED,
        testid="ban",
        on_answer=ban,
    )


def _merge(principal: Principal, person: PersonDetails) -> None:
    name = person.display_name

    async def merge(source: str) -> None:
        change = services().person_data.merge
        await then_reload(principal, lambda who: change(who, source_id=source.strip(), target_id=person.user_id))

    explanation = _(
        "{name} takes over the other person's identities. Conversations stay in the account they were held in, "
        "and its owner needs a password to sign in to it again.",
        name=name,
    )
    ask_button(
        _("Merge"),
        _("Merge another person into {name}?", name=name),
        explanation,
        field=_("ID of the other person"),
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

    ask_button(
        _("Export"),
        _("Export the data of {name}?", name=person.display_name),
        _("The file contains everything stored about them, with conversations. The reason goes into the audit log."),
        field=_("Reason"),
        testid="export",
        on_answer=export,
    )


def _erase(principal: Principal, person: PersonDetails) -> None:

    async def erase(chosen: frozenset[str], typed: str) -> None:
        ui.notify(_("Erasing… This can take up to a minute.") if chosen else _("Erasing… This takes a few seconds."))
        erase_person = services().person_data.erase
        erasure = await run_action(
            principal,
            lambda who: erase_person(who, person.user_id, typed_name=typed, also_at_bots=bool(chosen)),
        )
        if erasure is not None:
            ui.navigate.to(f"/admin/receipts/{erasure.receipt_id}" if erasure.receipt_id else "/admin/users")

    explanation = ngettext(
        "This deletes {number} message and all other data of this person. It can't be undone. "
        "Type their username to confirm: {name}",
        "This deletes {number} messages and all other data of this person. It can't be undone. "
        "Type their username to confirm: {name}",
        person.messages,
        number=whole(person.messages),
        name=person.username,
    )

    def ask() -> None:
        ask_choices(
            _("Erase {name}?", name=person.display_name),
            explanation,
            choices={"bots": _("Also erase what bots remember")},
            chosen=frozenset({"bots"}),
            field=_("Username"),
            action=_("Erase"),
            needs_choice=False,
            on_answer=erase,
        )

    button(_("Erase"), ask, kind=RED, testid="erase")
