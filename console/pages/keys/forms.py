"""The forms of API keys, and the one time that a secret is shown."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from nicegui import ui

from chat_api.core.errors import InvalidInput
from chat_api.core.language import N_, _
from chat_api.core.principals import Principal, grantable_scopes
from chat_api.keys.schemas import KeyDraft, KeyView, NewKey
from console.context import services
from console.widgets.dialogs import button
from console.widgets.forms import Form
from models import BackgroundMode, KeyScope

SCOPES = {
    KeyScope.CHAT: N_("Chat"),
    KeyScope.HISTORY: N_("Read and manage own history"),
    KeyScope.STATUS: N_("See status, logs and statistics"),
    KeyScope.OPERATE: N_("Operate bots"),
    KeyScope.ADMINISTER: N_("Manage users and settings"),
}
# Where there is little room.
SHORT_SCOPES = {
    KeyScope.CHAT: N_("Chat"),
    KeyScope.HISTORY: N_("History"),
    KeyScope.STATUS: N_("Status"),
    KeyScope.OPERATE: N_("Operate"),
    KeyScope.ADMINISTER: N_("Administer"),
}
BACKGROUND = {
    BackgroundMode.AUTO: N_("Titles, tags and suggestions of chat apps"),
    BackgroundMode.ALL: N_("All requests"),
    BackgroundMode.NONE: N_("None"),
}
KEEP = "keep"
LIVES = {
    "": N_("Never"),
    "30": N_("In 30 days"),
    "90": N_("In 90 days"),
    "365": N_("In one year"),
}
OVERLAPS = {
    "0": N_("Stops working at once"),
    "1": N_("Works for 1 more hour"),
    "24": N_("Works for 1 more day"),
    "168": N_("Works for 1 more week"),
}
Done = Callable[[], Awaitable[None]]


def key_form(principal: Principal, key: KeyView | None, *, done: Done) -> None:
    """Make a key, or change one."""
    now = key or KeyDraft(name="")
    made: list[NewKey] = []

    async def save(person: Principal) -> None:
        draft = KeyDraft(
            name=name.value or "",
            scopes=[KeyScope(one) for one in scopes.value],
            bots=list(bots.value),
            background=BackgroundMode(background.value),
            requests_per_minute=_whole("requests_per_minute", per_minute.value),
            messages_per_day=_whole("messages_per_day", per_day.value),
            expires_at=now.expires_at if expires.value == KEEP else _end(expires.value),
        )
        if key is None:
            made.append(await services().keys.create(person, draft))
        else:
            await services().keys.change(person, key.key_id, draft)

    async def finished() -> None:
        await done()
        for new in made:
            show_secret(new)

    title = _("Change {name}", name=key.name) if key else _("New API key")
    with Form(principal, title, save=save, done=finished, button=None if key else _("Create key")).filling() as form:
        name = form.text("name", _("Name"), now.name, hint=_("What it is for, such as the app that uses it"))
        own = () if key is not None and key.owner_id != principal.user_id else grantable_scopes(principal.role)
        allowed = [scope for scope in KeyScope if scope in {*own, *now.scopes}]
        scopes = form.choices("scopes", _("Allows"), {one: _(SCOPES[one]) for one in allowed}, list(now.scopes))
        names = {bot.name: bot.display_name for bot in services().fleet.public_bots()}
        names |= {bot: bot for bot in now.bots if bot not in names}
        bots = form.choices("bots", _("Bots"), names, list(now.bots), hint=_("If none selected: all bots"))
        background = form.choice(
            "background",
            _("Answered without history and memory"),
            {mode: _(label) for mode, label in BACKGROUND.items()},
            now.background,
        )
        per_minute = form.number(
            "requests_per_minute",
            _("Requests per minute"),
            now.requests_per_minute,
            hint=_("Empty: the general limit"),
        )
        per_day = form.number(
            "messages_per_day", _("Messages per day"), now.messages_per_day, hint=_("Empty: no limit")
        )
        kept = {KEEP: _("As before")} if key else {}
        lives = kept | {days: _(label) for days, label in LIVES.items()}
        expires = form.choice("expires_at", _("Expires"), lives, KEEP if key else "")


def rotate_form(principal: Principal, key: KeyView, *, done: Done) -> None:
    """Give a key a new secret."""
    made: list[NewKey] = []

    async def save(person: Principal) -> None:
        made.append(await services().keys.rotate(person, key.key_id, overlap_hours=float(overlap.value)))

    async def finished() -> None:
        await done()
        for new in made:
            show_secret(new)

    form = Form(principal, _("Rotate {name}", name=key.name), save=save, done=finished, button=_("Rotate"))
    with form.filling():
        ui.label(_("The key gets a new secret. Name, limits and usage stay.")).classes("we-muted")
        options = {hours: _(label) for hours, label in OVERLAPS.items()}
        overlap = form.choice("overlap_hours", _("The current secret"), options, "24")


def show_secret(new: NewKey) -> None:
    """Show what nobody sees again."""
    title = _("Copy this key now")
    with ui.dialog().props("persistent") as dialog, ui.element("div").classes("we-form-dialog"):
        dialog.props["aria-label"] = title
        ui.label(title).classes("we-form-title").props("role=heading aria-level=2")
        ui.label(_("It is shown only this once. Keep it like a password.")).classes("we-muted")
        secret = ui.input(new.key.name, value=new.secret).props(
            'readonly outlined dense stack-label data-testid="secret"'
        )
        secret.classes("we-form-field we-mono")
        with ui.element("div").classes("we-dialog-actions"):
            copied = button(_("Copy"), lambda: None, testid="copy-secret")
            # In the browser, at the press itself: only then may a page write to the clipboard.
            copied.on(
                "click",
                js_handler="(event) => { const field = event.target.closest('.we-form-dialog').querySelector('input');"
                " field.select(); (navigator.clipboard?.writeText(field.value) ?? Promise.reject())"
                ".catch(() => document.execCommand('copy')); }",
            )
            button(_("I've saved it"), dialog.close, kind="we-primary", testid="secret-saved")
    dialog.on("hide", dialog.delete)
    dialog.open()


def _end(days: str) -> datetime | None:
    return datetime.now(UTC) + timedelta(days=int(days)) if days else None


def _whole(field: str, value: float | None) -> int | None:
    if value is None:
        return None
    if value != int(value):
        raise InvalidInput("a whole number", field=field)
    return int(value)
