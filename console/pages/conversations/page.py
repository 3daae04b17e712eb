"""The Conversations page: find one without a word of it; to read, export or delete it asks for a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Permission, Principal
from chat_api.people.schemas import ThreadView
from chat_api.transcripts.schemas import Finds, Search
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.pages.conversations.transcript import Transcript
from console.widgets.action_table import ActionTable, action
from console.widgets.dialogs import ask, button
from console.widgets.quantities import whole
from console.widgets.records import column

PERIODS = {"": N_("Any time"), "1": N_("Last 24 hours"), "7": N_("Last 7 days"), "30": N_("Last 30 days")}
MAX_SHOWN = 500
COLUMNS = (
    column("user", N_("Person")),
    column("bot", N_("Bot")),
    column("exchanges", N_("Exchanges"), kind="number"),
    column("last_at", N_("Last message"), kind="time"),
)


def register() -> None:
    """Put the page at ``/admin/conversations``."""
    page("/admin/conversations", title=N_("Conversations"))(_conversations)


async def _conversations(principal: Principal) -> None:
    principal.require(Permission.READ_CONVERSATIONS)
    found = await services().transcripts.find(principal, Search())
    with frame(principal, title=_("Conversations"), path="/admin/conversations"):
        _Finder(principal).build(found)


class _Finder:
    """The search, what it found so far, and the conversation that is open."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._threads: dict[str, ThreadView] = {}
        self._reason = ""
        self._next_until: datetime | None = None
        self._scanned = 0

    def build(self, first: Finds) -> None:
        explanation = _("Conversations are private. To search or read them, give a reason. It goes into the audit log.")
        ui.label(explanation).classes("we-muted")
        with ui.element("div").classes("we-toolbar").props("role=search"):
            self._user = self._input(_("Person (name or ID)"))
            self._bot = self._input(_("Bot"))
            self._words = self._input(_("Text"))
            self._period = ui.select({key: _(name) for key, name in PERIODS.items()}, value="")
            self._period.props("dense outlined options-dense").props["aria-label"] = _("Time range")
            button(_("Search"), self._ask_and_find, kind="we-primary", testid="find")
        self._box = ui.element("div").classes("we-transcript-box")
        self._table = ActionTable(
            COLUMNS,
            [],
            empty=_("No conversations found."),
            on_action=self._ask_and_open,
            has_filter=False,
            testid="conversations",
        )
        with ui.element("div").classes("we-toolbar"):
            self._how_far = ui.label("").classes("we-muted").props("aria-live=polite")
            self._more = button(_("Search further back"), self._go_on, kind="we-quiet")
        self._add(first)

    def _input(self, label: str) -> Any:
        made = ui.input(placeholder=label).classes("we-search").props("dense outlined clearable")
        made.props["aria-label"] = label
        made.on("keydown.enter", self._ask_and_find)
        return made

    async def _ask_and_find(self) -> None:
        if not (self._words.value or "").strip():
            await self._find("")
            return
        ask(
            _("Search in private messages?"),
            _("Your reason goes into the audit log, the text you search for does not."),
            field=_("Reason"),
            action=_("Search"),
            on_answer=self._find,
        )

    async def _find(self, reason: str) -> None:
        self._reason, self._threads, self._scanned, self._next_until = reason, {}, 0, None
        await self._search()

    async def _go_on(self) -> None:
        await self._search()

    async def _search(self) -> None:
        days = self._period.value
        search = Search(
            user=(self._user.value or "").strip() or None,
            bot_name=(self._bot.value or "").strip() or None,
            words=(self._words.value or "").strip() or None,
            since=datetime.now(UTC) - timedelta(days=int(days)) if days else None,
            until=self._next_until,
        )
        found = await run_action(
            self._principal, lambda who: services().transcripts.find(who, search, reason=self._reason)
        )
        if found is not None:
            self._add(found)

    def _add(self, found: Finds) -> None:
        for thread in found.threads[:MAX_SHOWN]:
            self._threads.setdefault(f"{thread.user_id} {thread.bot_name}", thread)
        self._next_until = found.next_until
        self._scanned += found.looked_at
        self._table.show([_row(key, thread) for key, thread in self._threads.items()])
        self._how_far.text = _how_far(self._scanned, found.next_until)
        self._more.set_visibility(found.next_until is not None)

    async def _ask_and_open(self, __: str, key: str) -> None:
        thread = self._threads.get(key)
        if thread is None:
            return

        async def opened(reason: str) -> None:
            await Transcript(self._principal, thread, reason, self._box).open()

        ask(
            _("Read the conversation between {person} and {bot}?", person=thread.username, bot=thread.bot_name),
            _("Your name and your reason go into the audit log."),
            field=_("Reason"),
            action=_("Read"),
            on_answer=opened,
        )


def _how_far(exchanges: int, until: datetime | None) -> str:
    number = whole(exchanges)
    if until is None:
        return ngettext("{number} exchange searched", "{number} exchanges searched", exchanges, number=number)
    return ngettext(
        "{number} exchange searched, back to {time} UTC",
        "{number} exchanges searched, back to {time} UTC",
        exchanges,
        number=number,
        time=f"{until:%Y-%m-%d %H:%M}",
    )


def _row(key: str, thread: ThreadView) -> dict[str, Any]:
    return {
        "key": key,
        "called": _("conversation between {person} and {bot}", person=thread.username, bot=thread.bot_name),
        "user": thread.username,
        "bot": thread.bot_name,
        "exchanges": whole(thread.exchanges),
        "last_at": thread.last_at.isoformat() if thread.last_at else "",
        "actions": [action("open", _("Open"))],
    }
