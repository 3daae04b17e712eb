"""The Conversations page: find one without a word of it; to read, export or delete it asks for a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from chat_api.core.principals import Permission, Principal
from chat_api.people.schemas import ThreadView
from chat_api.transcripts.schemas import Finds, Search
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.pages.conversations.transcript import Transcript
from console.widgets.action_table import ActionTable, action
from console.widgets.dialogs import ask, button, counted
from console.widgets.records import column

PERIODS = {"": "Any time", "1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}
MAX_SHOWN = 500
COLUMNS = (
    column("user", "Person"),
    column("bot", "Bot"),
    column("exchanges", "Exchanges", kind="number"),
    column("last_at", "Last", kind="time"),
)


def register() -> None:
    """Put the page at ``/admin/conversations``."""
    page("/admin/conversations", title="Conversations")(_conversations)


async def _conversations(principal: Principal) -> None:
    principal.require(Permission.READ_CONVERSATIONS)
    found = await services().transcripts.find(principal, Search())
    with frame(principal, title="Conversations", path="/admin/conversations"):
        _Finder(principal).build(found)


class _Finder:
    """The search, what it found so far, and the conversation that is open."""

    def __init__(self, principal: Principal) -> None:
        self._principal = principal
        self._threads: dict[str, ThreadView] = {}
        self._reason = ""
        self._next_until: datetime | None = None
        self._looked_at = 0

    def build(self, first: Finds) -> None:
        explanation = (
            "Conversations are private. Searching or reading them needs a reason, which goes into the audit log."
        )
        ui.label(explanation).classes("we-muted")
        with ui.element("div").classes("we-toolbar").props("role=search"):
            self._user = self._input("Person: name or id")
            self._bot = self._input("Bot")
            self._words = self._input("Words in the text")
            self._period = ui.select(PERIODS, value="").props('dense outlined options-dense aria-label="Time"')
            button("Find", self._ask_and_find, kind="we-primary", testid="find")
        self._box = ui.element("div").classes("we-transcript-box")
        self._table = ActionTable(
            COLUMNS,
            [],
            empty="No conversation was found here.",
            on_action=self._ask_and_open,
            has_filter=False,
            testid="conversations",
        )
        with ui.element("div").classes("we-toolbar"):
            self._how_far = ui.label("").classes("we-muted").props("aria-live=polite")
            self._more = button("Search further back", self._go_on, kind="we-quiet")
        self._add(first)

    def _input(self, label: str) -> Any:
        made = ui.input(placeholder=label).classes("we-search").props(f'dense outlined clearable aria-label="{label}"')
        made.on("keydown.enter", self._ask_and_find)
        return made

    async def _ask_and_find(self) -> None:
        if not (self._words.value or "").strip():
            await self._find("")
            return
        ask(
            "Search in what people said?",
            "To find words is to read. The reason is kept in the audit trail, the words are not.",
            field="Reason",
            action="Search",
            on_answer=self._find,
        )

    async def _find(self, reason: str) -> None:
        self._reason, self._threads, self._looked_at, self._next_until = reason, {}, 0, None
        await self._look()

    async def _go_on(self) -> None:
        await self._look()

    async def _look(self) -> None:
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
        self._looked_at += found.looked_at
        self._table.show([_row(key, thread) for key, thread in self._threads.items()])
        far = f", back to {found.next_until:%Y-%m-%d %H:%M} UTC" if found.next_until else ""
        self._how_far.text = f"{counted(self._looked_at, 'exchange')} searched{far}"
        self._more.set_visibility(found.next_until is not None)

    async def _ask_and_open(self, _: str, key: str) -> None:
        thread = self._threads.get(key)
        if thread is None:
            return

        async def opened(reason: str) -> None:
            await Transcript(self._principal, thread, reason, self._box).open()

        ask(
            f"Read what {thread.username} and {thread.bot_name} said?",
            "The reason is kept in the audit trail, under your name.",
            field="Reason",
            action="Read",
            on_answer=opened,
        )


def _row(key: str, thread: ThreadView) -> dict[str, Any]:
    return {
        "key": key,
        "called": f"the conversation of {thread.username} with {thread.bot_name}",
        "user": thread.username,
        "bot": thread.bot_name,
        "exchanges": f"{thread.exchanges:,}",
        "last_at": thread.last_at.isoformat() if thread.last_at else "",
        "actions": [action("open", "Open")],
    }
