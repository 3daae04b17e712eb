"""Erasures at bots that are not finished, for who looks after people: also of those who are gone here."""

from html import escape

from nicegui import ui

from chat_api.core.language import _, ngettext
from chat_api.core.principals import Principal
from chat_api.memories.schemas import FINAL, Receipt
from console.context import services
from console.pages.memories.labels import listed
from console.widgets.fact_words import moment


async def open_receipts(principal: Principal) -> None:
    """Put the list here, when there is any."""
    receipts = await services().memory_erasures.receipts(principal, state="open")
    if not receipts:
        return
    title = _("Unfinished erasures at bots")
    with ui.element("section").classes("we-panel").props('data-testid="open-receipts"') as panel:
        panel.props["aria-label"] = title
        ui.label(title).classes("we-h2").props("role=heading aria-level=2")
        items = "".join(f"<li>{_line(receipt)}</li>" for receipt in receipts)
        ui.html(f'<ul class="we-memories">{items}</ul>', sanitize=False)


def _line(receipt: Receipt) -> str:
    bots = sorted({part.bot_name for part in receipt.parts if part.outcome not in FINAL})
    left = ngettext("{count} bot left: {bots}", "{count} bots left: {bots}", len(bots), bots=listed(bots))
    return (
        f'<a class="we-plain-link" href="/admin/receipts/{receipt.receipt_id}">{escape(receipt.person)}</a>'
        f' <span class="we-muted">{moment(receipt.requested_at)} · {escape(left)}</span>'
    )
