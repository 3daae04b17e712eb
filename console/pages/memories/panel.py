"""What bots remember of one person, bot by bot, with what can be erased of it and the receipts."""

from functools import partial
from uuid import UUID

from nicegui import ui

from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from chat_api.memories.schemas import BotKnows, BotMemories, PersonMemories, Receipt, ReceiptState
from console.actions import run_action
from console.pages.memories.labels import PARTS, listed
from console.pages.memories.markup import memories_html
from console.pages.memories.owner import Owner
from console.pages.memories.receipts import receipt_list
from console.widgets.bot_parts import Avatar
from console.widgets.choices import ask_choices
from console.widgets.dialogs import ask, button
from models import MemoryPart

MAX_CARDS = 100


class MemoriesPanel:
    """Built where it is made. Nothing is asked of bots before :meth:`show`."""

    def __init__(self, principal: Principal, owner: Owner, *, level: int = 3) -> None:
        """``level`` is that of its headings."""
        self._level = level
        self._principal, self._owner = principal, owner
        self._reason = ""
        self._box = ui.element("div").classes("we-memory-box").props('data-testid="memories" aria-live=polite')
        self._receipts = ui.element("div").classes("we-receipts").props('data-testid="receipts"')

    def ask_and_show(self) -> None:
        """Ask for the reason first."""
        ask(
            _("Show what bots remember about {name}?", name=self._owner.name),
            _("Your name and your reason go into the audit log."),
            field=_("Reason"),
            action=_("Show"),
            on_answer=self.show,
        )

    async def show(self, reason: str = "") -> None:
        """Ask all bots, and show what they tell."""
        self._reason = reason
        self._box.clear()
        with self._box:
            ui.label(_("Asking the bots…")).classes("we-muted")
        memories = await run_action(self._principal, lambda who: self._owner.look(who, reason))
        if self._box.is_deleted:  # nobody waited for the bots
            return
        self._box.clear()
        with self._box:
            if memories is None:
                button(_("Try again"), partial(self.show, reason))
            else:
                self._build(memories)

    async def show_receipts(self) -> None:
        """Show what was erased so far."""
        receipts = await run_action(self._principal, self._owner.receipts)
        if self._receipts.is_deleted:
            return
        self._receipts.clear()
        if receipts:
            with self._receipts:
                ui.label(_("Erasures")).classes("we-strong").props(f"role=heading aria-level={self._level}")
                receipt_list(receipts, on_retry=self._retry)

    def ask_erase(self, bot: BotMemories | None = None) -> None:
        """Ask which parts are to be forgotten, by one bot or by all."""
        title = (
            _("Erase what {bot} remembers?", bot=bot.display_name)
            if bot is not None
            else _("Erase what all bots remember?")
        )
        explanation = _("This can't be undone. A receipt shows what was erased and what couldn't be.")
        ask_choices(
            title,
            explanation,
            choices={part.value: _(name) for part, name in PARTS.items()},
            chosen=frozenset(part.value for part in PARTS),
            field=_("Reason") if self._owner.needs_reason else None,
            given=self._reason,
            action=_("Erase"),
            on_answer=partial(self._erase, bot.bot_name if bot else None),
        )

    async def _erase(self, bot_name: str | None, parts: frozenset[str], reason: str) -> None:
        ui.notify(_("Erasing… This can take up to a minute."))
        wanted = [MemoryPart(part) for part in PARTS if part.value in parts]
        receipt = await run_action(self._principal, lambda who: self._owner.erase(who, reason, bot_name, wanted))
        if receipt is not None:
            await self._follow(receipt)

    async def _retry(self, receipt_id: UUID) -> None:
        receipt = await run_action(self._principal, lambda who: self._owner.retry(who, receipt_id))
        if receipt is not None:
            await self._follow(receipt)

    async def _follow(self, receipt: Receipt) -> None:
        is_done = receipt.state is ReceiptState.DONE
        said = _("Erased.") if is_done else _("Not everything could be erased. See the receipt.")
        ui.notify(said, type="positive" if is_done else "warning")
        await self.show_receipts()
        if self._reason or not self._owner.needs_reason:
            await self.show(self._reason)

    def _build(self, memories: PersonMemories) -> None:
        knowing = [bot for bot in memories.bots if bot.knows is BotKnows.SOMETHING]
        if not knowing:
            text = _("No bot that answered remembers anything.")
            ui.label(text).classes("we-empty").props('data-testid="nothing-remembered"')
        with ui.element("div").classes("we-memory-cards"):
            for bot in knowing[:MAX_CARDS]:
                self._card(bot, memories)
        for text, testid in _others(memories):
            ui.label(text).classes("we-muted").props(f'data-testid="{testid}"')

    def _card(self, bot: BotMemories, memories: PersonMemories) -> None:
        with ui.element("section").classes("we-memory-card").props(f'data-testid="memories-{bot.bot_name}"') as card:
            card.props["aria-label"] = bot.display_name
            with ui.element("div").classes("we-memory-head"):
                Avatar(bot.bot_name, bot.display_name, bot.emoji)
                ui.label(bot.display_name).classes("we-strong").props(f"role=heading aria-level={self._level}")
                erase = button(
                    _("Erase"), partial(self.ask_erase, bot), kind="we-quiet we-act-delete", testid="erase-bot"
                )
                erase.props["aria-label"] = _("Erase what {bot} remembers", bot=bot.display_name)
            html = memories_html(bot, person=self._owner.name, ids=memories.bot_user_ids, level=self._level + 1)
            ui.html(html, sanitize=False).classes("we-memory-body")


def _others(memories: PersonMemories) -> list[tuple[str, str]]:
    """The bots without a card, in a sentence each."""

    def named(knows: BotKnows) -> tuple[str, int]:
        names = [bot.display_name for bot in memories.bots if bot.knows is knows]
        return listed(names), len(names)

    silent = [bot.display_name for bot in memories.bots if bot.bot_name in memories.not_answered]
    sentences = []
    if silent:
        sentences.append((_("Didn't answer: {bots}", bots=listed(silent)), "not-answered"))
    names, count = named(BotKnows.NOTHING)
    if count:
        sentences.append((_("Nothing remembered: {bots}", bots=names), "knows-nothing"))
    names, count = named(BotKnows.UNSUPPORTED)
    if count:
        text = ngettext(
            "This bot can't show or erase what it remembers: {bots}",
            "These bots can't show or erase what they remember: {bots}",
            count,
            bots=names,
        )
        sentences.append((text, "unsupported"))
    return sentences
