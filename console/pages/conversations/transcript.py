"""One conversation, read for a reason: its lines, and what can be done with it."""

from html import escape

from nicegui import ui

from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from chat_api.messages.schemas import MessageRole
from chat_api.people.schemas import ThreadView
from chat_api.transcripts.schemas import TranscriptPage
from console.actions import run_action
from console.context import services
from console.widgets.dialogs import ask, button
from console.widgets.fact_words import moment
from console.widgets.quantities import whole


class Transcript:
    """It is shown in ``box``, alone; ``reason`` goes into the audit log."""

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
        title = _("{person} and {bot}", person=thread.username, bot=thread.bot_name)
        with self._box, ui.element("section").classes("we-panel we-transcript-panel") as panel:
            panel.props('tabindex="-1" data-testid="transcript"').props["aria-label"] = title
            ui.label(title).classes("we-h2").props("role=heading aria-level=2")
            with ui.element("div").classes("we-toolbar"):
                button(_("Save as Markdown"), lambda: self._export("markdown"), kind="we-quiet")
                button(_("Save as JSON"), lambda: self._export("json"), kind="we-quiet")
                button(_("Delete"), self._ask_delete, kind="we-quiet we-act-delete", testid="delete")
                button(_("Close"), self._box.clear, kind="we-quiet")
            self._older = button(_("Earlier messages"), self._go_back, kind="we-quiet")
            self._lines = ui.element("ol").classes("we-transcript")
        self._show(read)
        panel.run_method("scrollIntoView")  # whoever asked for it may be far down in a long list
        panel.run_method("focus", {"preventScroll": True})

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
                    ui.html(f"{escape(who)} · {moment(line.timestamp, is_exact=True)}", sanitize=False).classes(
                        "we-muted"
                    )
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
            _("Delete the conversation between {person} and {bot}?", person=size[0], bot=thread.bot_name),
            ngettext(
                "This deletes {number} message and its answer for {person}, too. It can't be undone.",
                "This deletes {number} messages and their answers for {person}, too. It can't be undone.",
                size[1],
                number=whole(size[1]),
                person=size[0],
            ),
            action=_("Delete"),
            is_dangerous=True,
            on_answer=self._delete,
        )

    async def _delete(self, __: str) -> None:
        thread = self._thread
        deletion = await run_action(
            self._principal,
            lambda who: services().transcripts.delete(who, thread.user_id, thread.bot_name, reason=self._reason),
        )
        if deletion is not None:
            number, pending = whole(deletion.messages), deletion.still_pending
            said = [
                ngettext("{number} message deleted.", "{number} messages deleted.", deletion.messages, number=number)
            ]
            if pending:
                said.append(ngettext("{count} is still being answered.", "{count} are still being answered.", pending))
            ui.notify(" ".join(said), type="positive")
            self._box.clear()
