"""Receipts: what bots were told to forget, and what became of it."""

from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime
from html import escape
from uuid import UUID

from nicegui import ui

from chat_api.core.language import _
from chat_api.memories.erasures import ADMINISTRATOR, ERASED_WITH_PERSON
from chat_api.memories.schemas import FINAL, Receipt, ReceiptState
from console.pages.memories.labels import OUTCOMES, PARTS, STATES, listed
from console.widgets.dialogs import button
from console.widgets.fact_words import moment
from console.widgets.marks import status_mark
from models import ErasureOutcome, MemoryPart

OnRetry = Callable[[UUID], Awaitable[None]]
_BY_ITSELF = {ErasureOutcome.PENDING, ErasureOutcome.NOT_REACHED}


def receipt_list(receipts: Iterable[Receipt], *, on_retry: OnRetry) -> None:
    """Put receipts here, newest first; the newest is open."""
    for number, receipt in enumerate(receipts):
        with ui.element("details").classes("we-receipt").props('data-testid="receipt"') as box:
            if number == 0:
                box.props("open")
            ui.html(_summary(receipt), sanitize=False, tag="summary")
            receipt_body(receipt, on_retry=on_retry)


def receipt_body(receipt: Receipt, *, on_retry: OnRetry) -> None:
    """What became of each part at each bot, and the button to try again what is left."""
    ui.html(_lines(receipt), sanitize=False)
    if receipt.state is not ReceiptState.OPEN:
        return
    with ui.element("div").classes("we-toolbar"):

        async def retry() -> None:
            await on_retry(receipt.receipt_id)

        button(_("Retry now"), retry, testid="retry")
        ui.html(_when(receipt), sanitize=False).classes("we-muted")


def _summary(receipt: Receipt) -> str:
    by = _("by an administrator") if receipt.requested_by == ADMINISTRATOR else ""
    if receipt.requested_by and not by:
        by = _("by {name}", name=receipt.requested_by)
    reason = _(receipt.reason) if receipt.reason == ERASED_WITH_PERSON else receipt.reason
    said = " · ".join(f"<bdi>{escape(text)}</bdi>" for text in (by, reason) if text)
    return (
        f"{status_mark(STATES[receipt.state], testid='receipt-state')}"
        f' <span class="we-muted">{moment(receipt.requested_at, is_exact=True)}{" · " if said else ""}{said}</span>'
    )


def _lines(receipt: Receipt) -> str:
    """Bots to which the same happened are one line: of a large fleet most are."""
    bots: dict[str, dict[MemoryPart, ErasureOutcome]] = {}
    for part in receipt.parts:
        bots.setdefault(part.bot_name, {})[part.part] = part.outcome
    alike: dict[tuple[tuple[MemoryPart, ErasureOutcome], ...], list[str]] = {}
    for name, outcomes in bots.items():
        alike.setdefault(tuple((part, outcomes[part]) for part in PARTS if part in outcomes), []).append(name)
    rows = "".join(
        f"<dt>{escape(listed(names))}</dt><dd>{_outcomes(outcomes)}</dd>"
        for outcomes, names in sorted(alike.items(), key=lambda row: row[1])
    )
    return f'<dl class="we-receipt-lines">{rows}</dl>'


def _outcomes(outcomes: tuple[tuple[MemoryPart, ErasureOutcome], ...]) -> str:
    if len(outcomes) == len(PARTS) and len({outcome for __, outcome in outcomes}) == 1:
        return _outcome(_("Everything"), outcomes[0][1])
    return "".join(_outcome(_(PARTS[part]), outcome) for part, outcome in outcomes)


def _outcome(name: str, outcome: ErasureOutcome) -> str:
    return f'<span class="we-receipt-part">{escape(name)} {status_mark(OUTCOMES[outcome])}</span>'


def _when(receipt: Receipt) -> str:
    left = [part for part in receipt.parts if part.outcome not in FINAL]
    if any(part.outcome in _BY_ITSELF for part in left):
        return _timed(_("Bots that weren't reached are told when they are back, until {time}."), receipt.gives_up_at)
    nexts = [part.next_try_at for part in left if part.next_try_at is not None]
    if nexts:
        return _timed(_("Tried again automatically at {time}."), min(nexts))
    return escape(_("Not tried again automatically."))


def _timed(sentence: str, at: datetime) -> str:
    return escape(sentence).replace("{time}", moment(at, is_exact=True))
