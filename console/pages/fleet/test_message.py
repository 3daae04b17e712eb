"""The dialog in which an operator says something to a bot and sees the raw answer."""

from html import escape
from typing import Final

import orjson
from nicegui import ui

from chat_api.core.errors import NotFound
from chat_api.core.language import N_, _
from chat_api.core.principals import Principal
from chat_api.fleet.test_messages import MAX_TEST_MESSAGE_CHARS, TestMessage
from console import page_head
from console.actions import run_action
from console.context import services
from console.widgets.quantities import latency

MAX_SHOWN_CHARS: Final = 20_000
_OUTCOMES: Final = {
    "answered": ("ok", "online", N_("Answered")),
    "apology": ("warn", "degraded", N_("Error reply")),
    "silent": ("warn", "degraded", N_("Chose not to answer")),
    "truncated": ("warn", "degraded", N_("Cut off")),
}


async def open_test_message(principal: Principal, bot_name: str) -> None:
    """Open the dialog on the current page; it goes when it is closed."""
    try:
        spec = services().registry.get(bot_name)
    except NotFound as error:
        ui.notify(error.message, type="negative")
        return
    client = ui.context.client
    with client.content, ui.dialog() as dialog:
        dialog.props["aria-label"] = _("Try a message")
        dialog.on("hide", dialog.delete)
        with ui.element("div").classes("we-trial").props('data-testid="trial"'):
            ui.label(_("Send a test message to {name}", name=spec.display_name)).classes("we-h2").props(
                "role=heading aria-level=2"
            )
            ui.label(_("Sent as a test user. Not stored or counted.")).classes("we-muted")
            box = ui.textarea(value=_("Are you there?")).props(
                f'outlined dense autogrow autofocus maxlength={MAX_TEST_MESSAGE_CHARS} data-testid="trial-text"'
            )
            box.props["aria-label"] = _("Message")
            answer = ui.element("div").classes("we-trial-answer").props('aria-live="polite" data-testid="trial-answer"')

            async def send() -> None:
                text = str(box.value or "").strip()
                if not text:
                    return
                button.disable()
                show(answer, _muted(_("Waiting for an answer…")))
                sent = await run_action(
                    principal, lambda person: services().test_messages.try_message(person, spec.name, text)
                )
                if dialog.is_deleted:
                    return
                button.enable()
                show(answer, _result(sent) if sent else _muted(_("Message not sent.")))

            with ui.element("div").classes("we-dialog-actions"):
                ui.html(_("Close"), sanitize=False, tag="button").classes("we-button").props("type=button").on(
                    "click", dialog.close
                )
                button = _Button(_("Send")).props('type=button data-testid="trial-send"')
                button.on("click", send)
            box.on("keydown.ctrl.enter", send)
    dialog.open()


class _Button(ui.html):
    """A button of ours that can be off for a while."""

    def __init__(self, label: str) -> None:
        super().__init__(escape(label), sanitize=False, tag="button")
        self.classes("we-button we-primary")

    def disable(self) -> None:
        """Take no press."""
        self.props("disabled")

    def enable(self) -> None:
        """Take presses again."""
        self.props(remove="disabled")


def show(box: ui.element, markup: str) -> None:
    """Replace what is in a box; ``markup`` is ours, with what others said escaped in it."""
    box.clear()
    with box:
        ui.html(markup, sanitize=False)


def _result(sent: TestMessage) -> str:
    tone, symbol, word = _OUTCOMES.get(sent.outcome, ("bad", "offline", N_("Failed")))
    raw = orjson.dumps(
        {
            "outcome": sent.outcome,
            "user_id": sent.user_id,
            "text": sent.text,
            "memory_stored": sent.memory_stored,
            "metadata": sent.metadata,
            "error": sent.error,
            "detail": sent.detail,
        },
        option=orjson.OPT_INDENT_2,
        default=str,
    ).decode()
    said = sent.text if sent.text is not None else " ".join(part for part in (sent.error, sent.detail) if part)
    return (
        f'<div class="we-trial-head"><span class="we-status we-status-{tone}" data-testid="trial-outcome">'
        f"{page_head.icon_svg(symbol)}<span>{_(word)}</span></span>"
        f'<span class="we-number">{latency(1000 * sent.duration_s)}</span></div>'
        f'<p class="we-said" data-testid="trial-said">{escape(said[:MAX_SHOWN_CHARS])}</p>'
        f'<details class="we-raw"><summary>{_("Raw answer")}</summary>'
        f'<pre tabindex="0">{escape(raw[:MAX_SHOWN_CHARS])}</pre></details>'
    )


def _muted(text: str) -> str:
    return f'<p class="we-muted">{text}</p>'
