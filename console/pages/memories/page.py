"""The page of what bots remember about oneself, and the page of one receipt for administrators."""

from html import escape
from uuid import UUID

from nicegui import ui

from chat_api.core.errors import NotFound
from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from chat_api.memories.schemas import Receipt
from console import page_head
from console.actions import run_action
from console.context import services
from console.frame import back_link, frame, page
from console.guard import Audience
from console.pages.memories.labels import STATES
from console.pages.memories.owner import myself
from console.pages.memories.panel import MemoriesPanel
from console.pages.memories.receipts import receipt_body
from console.widgets.dialogs import button
from console.widgets.fact_words import facts_html, moment
from console.widgets.marks import status_mark

OWN_PATH = "/memory"
_TIMES = '<script type="module">import "we-time"; import "we-local";</script>'


def register() -> None:
    """Put the pages at ``/memory`` and ``/admin/receipts/{receipt_id}``."""
    page(OWN_PATH, title=N_("Memory"), audience=Audience.CHAT, sign_in="/")(_own)
    page("/admin/receipts/{receipt_id}", title=N_("Receipt"))(_receipt)


async def _own(principal: Principal) -> None:
    sheets = "".join(
        f'<link rel="stylesheet" href="{page_head.asset(sheet)}">'
        for sheet in ("css/alerts.css", "css/bot.css", "css/fields.css", "css/memories.css", "css/people.css")
    )
    ui.add_head_html(sheets + _TIMES)
    with ui.element("div").classes("we-main we-own"):
        ui.html(f'<a class="we-back" href="/">← {_("Chat")}</a>', sanitize=False)
        ui.label(_("What bots remember about you")).classes("we-h1").props("role=heading aria-level=1")
        explanation = _(
            "Bots remember what you tell them, also on other platforms that are linked to you. "
            "Only you and administrators, who have to give a reason, can see it."
        )
        ui.label(explanation).classes("we-muted")
        toolbar = ui.element("div").classes("we-toolbar")
        panel = MemoriesPanel(principal, myself(), level=2)
        with toolbar:
            button(_("Reload"), panel.show)
            button(_("Erase everything"), panel.ask_erase, kind="we-act-delete", testid="erase-all")

    async def begin() -> None:
        await panel.show_receipts()
        await panel.show()

    ui.timer(0, begin, once=True)  # bots may take longer than a page may


async def _receipt(principal: Principal, receipt_id: str) -> None:
    erasures = services().memory_erasures
    receipt = await erasures.receipt(principal, _id(receipt_id))
    with frame(principal, title=_("Erasure at bots"), path="/admin/users"):
        back_link("/admin/users", _("Users"))
        with ui.element("section").classes("we-panel we-wide") as box:
            box.props["aria-label"] = _("Receipt")

    def show(receipt: Receipt) -> None:
        box.clear()
        with box:
            ui.html(_facts(receipt), sanitize=False)
            receipt_body(receipt, on_retry=retry)

    async def retry(receipt_id: UUID) -> None:
        retried = await run_action(principal, lambda who: erasures.retry(who, receipt_id))
        if retried is not None:
            show(retried)

    show(receipt)


def _id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise NotFound(N_("Unknown receipt.")) from None


def _facts(receipt: Receipt) -> str:
    facts = {
        _("State"): status_mark(STATES[receipt.state], testid="receipt-state"),
        _("Audit reference"): escape(receipt.person),
        _("Requested"): moment(receipt.requested_at, is_exact=True),
        _("Requested by"): escape(receipt.requested_by or _("the person")),
        _("Reason"): escape(receipt.reason or ""),
    }
    if receipt.closed_at is not None:
        facts[_("Closed")] = moment(receipt.closed_at, is_exact=True)
    return facts_html(facts.items())
