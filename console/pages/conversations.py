"""The Conversations page: find one without a word of it; to read, export or delete it asks for a reason."""

from datetime import UTC, datetime, timedelta
from typing import Any

from nicegui import ui

from chat_api.schemas.messages import MessageRole
from chat_api.schemas.people import ThreadView
from chat_api.schemas.principals import Permission, Principal
from chat_api.schemas.transcripts import Finds, Search, TranscriptPage
from console.actions import run_action
from console.context import services
from console.frame import frame, page
from console.widgets.dialogs import ask, button, counted

PERIODS = {"": "Any time", "1": "Last 24 hours", "7": "Last 7 days", "30": "Last 30 days"}
MAX_SHOWN = 500
COLUMNS: list[dict[str, Any]] = [
    {"name": "user", "label": "Person", "field": "user", "align": "left", "sortable": True},
    {"name": "bot", "label": "Bot", "field": "bot", "align": "left", "sortable": True},
    {"name": "exchanges", "label": "Exchanges found", "field": "exchanges", "align": "right", "sortable": True},
    {"name": "last_at", "label": "Last", "field": "last_at", "align": "left", "sortable": True},
    {"name": "open", "label": "Open", "field": "key", "align": "right"},
]
_LAST = '<q-td :props="props"><we-time :datetime="props.row.last_at"></we-time></q-td>'
_OPEN = """<button type="button" class="we-button we-quiet" data-testid="open"
 :aria-label="`Open the conversation of ${props.row.user} with ${props.row.bot}`"
 @click="$parent.$emit('open', props.row.key)">Open</button>"""
_CARD = """
<div class="we-record"><div><span class="we-muted">Person</span><div>{{ props.row.user }}</div></div>
<div><span class="we-muted">Bot</span><div>{{ props.row.bot }}</div></div>
<div><span class="we-muted">Exchanges</span><div>{{ props.row.exchanges }}</div></div><div>BUTTON</div></div>"""


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
        explanation = "What was said is private: words and reading need a reason, which the audit trail keeps."
        ui.label(explanation).classes("we-muted")
        with ui.element("div").classes("we-toolbar").props("role=search"):
            self._user = self._input("Person: name or id")
            self._bot = self._input("Bot")
            self._words = self._input("Words in the text")
            self._period = ui.select(PERIODS, value="").props('dense outlined options-dense aria-label="Time"')
            button("Find", self._ask_and_find, kind="we-primary", testid="find")
        self._empty = ui.label("No conversation was found here.").classes("we-empty").props('data-testid="empty"')
        self._table = ui.table(columns=COLUMNS, rows=[], row_key="key", pagination={"rowsPerPage": 25})
        self._table.classes("we-records").props('flat dense :grid="Quasar.Screen.lt.sm" data-testid="conversations"')
        self._table.add_slot("body-cell-last_at", _LAST)
        self._table.add_slot("body-cell-open", f'<q-td :props="props">{_OPEN}</q-td>')
        self._table.add_slot("item", _CARD.replace("BUTTON", _OPEN))
        self._table.on("open", lambda event: self._ask_and_open(str(event.args)))
        with ui.element("div").classes("we-toolbar"):
            self._how_far = ui.label("").classes("we-muted").props("aria-live=polite")
            self._more = button("Search further back", self._go_on, kind="we-quiet")
        self._box = ui.element("div")
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
        self._table.rows = [
            {
                "key": key,
                "user": thread.username,
                "bot": thread.bot_name,
                "exchanges": thread.exchanges,
                "last_at": thread.last_at.isoformat() if thread.last_at else "",
            }
            for key, thread in self._threads.items()
        ]
        self._empty.set_visibility(not self._threads)
        self._table.set_visibility(bool(self._threads))
        far = f", back to {found.next_until:%Y-%m-%d %H:%M} UTC" if found.next_until else ""
        self._how_far.text = f"{counted(self._looked_at, 'exchange')} looked at{far}"
        self._more.set_visibility(found.next_until is not None)

    def _ask_and_open(self, key: str) -> None:
        thread = self._threads.get(key)
        if thread is None:
            return

        async def opened(reason: str) -> None:
            await _Transcript(self._principal, thread, reason, self._box).open()

        ask(
            f"Read what {thread.username} and {thread.bot_name} said?",
            "The reason is kept in the audit trail, under your name.",
            field="Reason",
            action="Read",
            on_answer=opened,
        )


class _Transcript:
    """One conversation that is open for a reason."""

    def __init__(self, principal: Principal, thread: ThreadView, reason: str, box: ui.element) -> None:
        self._principal, self._thread, self._reason, self._box = principal, thread, reason, box
        self._before: int | None = None

    async def open(self) -> None:
        """Show the newest lines."""
        read = await self._read()
        if read is None:
            return
        self._box.clear()
        thread = self._thread
        with self._box, ui.element("section").classes("we-panel").props('data-testid="transcript"'):
            title = f"{thread.username} and {thread.bot_name}"
            ui.label(title).classes("we-h2").props("role=heading aria-level=2")
            with ui.element("div").classes("we-toolbar"):
                button("Save as Markdown", lambda: self._export("markdown"), kind="we-quiet")
                button("Save as JSON", lambda: self._export("json"), kind="we-quiet")
                button("Delete", self._ask_delete, kind="we-quiet", testid="delete")
                button("Close", self._box.clear, kind="we-quiet")
            self._older = button("Earlier messages", self._go_back, kind="we-quiet")
            self._lines = ui.element("ol").classes("we-transcript")
        self._show(read)

    async def _read(self) -> TranscriptPage | None:
        thread = self._thread
        return await run_action(
            self._principal,
            lambda who: services().transcripts.read(
                who, thread.user_id, thread.bot_name, reason=self._reason, before=self._before
            ),
        )

    async def _go_back(self) -> None:
        read = await self._read()
        if read is not None:
            self._show(read)

    def _show(self, read: TranscriptPage) -> None:
        """Put a page before what is there; each line is a text, never markup."""
        self._before = read.next_before
        self._older.set_visibility(read.next_before is not None)
        with self._lines:
            for line in read.messages:
                is_user = line.role is MessageRole.USER
                with ui.element("li").classes("we-line" + ("" if is_user else " we-line-bot")) as item:
                    who = self._thread.username if is_user else self._thread.bot_name
                    ui.label(f"{who} · {line.timestamp:%Y-%m-%d %H:%M} UTC").classes("we-muted")
                    ui.label(line.content).classes("we-line-text")
                item.move(self._lines, 0)

    async def _export(self, kind: str) -> None:
        thread = self._thread

        async def read(who: Principal) -> bytes:
            pieces = await services().transcripts.export(
                who, thread.user_id, thread.bot_name, reason=self._reason, kind=kind
            )
            return b"".join([piece async for piece in pieces])

        content = await run_action(self._principal, read)
        if content is not None:
            ui.download.content(content, f"conversation.{'md' if kind == 'markdown' else 'json'}")

    async def _ask_delete(self) -> None:
        thread = self._thread
        size = await run_action(
            self._principal, lambda who: services().transcripts.size(who, thread.user_id, thread.bot_name)
        )
        if size is None:
            return
        ask(
            f"Delete the conversation of {size[0]} with {thread.bot_name}?",
            f"{counted(size[1], 'message')} with all answers will be erased, for good. One person sees it at once.",
            action="Delete",
            is_dangerous=True,
            on_answer=self._delete,
        )

    async def _delete(self, _: str) -> None:
        thread = self._thread
        deletion = await run_action(
            self._principal,
            lambda who: services().transcripts.delete(who, thread.user_id, thread.bot_name, reason=self._reason),
        )
        if deletion is not None:
            pending = f" {deletion.still_pending} are still being answered." if deletion.still_pending else ""
            ui.notify(f"Deleted: {counted(deletion.messages, 'message')}.{pending}", type="positive")
            self._box.clear()
