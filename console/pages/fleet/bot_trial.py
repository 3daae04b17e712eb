"""The dialog in which an operator says something to a bot and sees the raw answer."""

from html import escape
from typing import Final

import orjson
from nicegui import ui

from chat_api.core.errors import NotFound
from chat_api.core.principals import Principal
from chat_api.fleet.trials import MAX_TRIAL_CHARS, TestMessage
from console import theme
from console.actions import run_action
from console.context import services

MAX_SHOWN_CHARS: Final = 20_000
_OUTCOMES: Final = {
    "answered": ("ok", "online", "Answered"),
    "apology": ("warn", "degraded", "Apologised"),
    "truncated": ("warn", "degraded", "Broke off"),
}


async def open_trial(principal: Principal, bot_name: str) -> None:
    """Open the dialog on the current page; it goes when it is closed."""
    try:
        spec = services().registry.get(bot_name)
    except NotFound as error:
        ui.notify(error.message, type="negative")
        return
    client = ui.context.client
    with client.content, ui.dialog().props('aria-label="Try a message"') as dialog:
        dialog.on("hide", dialog.delete)
        with ui.element("div").classes("we-trial").props('data-testid="trial"'):
            ui.label(f"Try a message: {spec.display_name}").classes("we-h2").props("role=heading aria-level=2")
            ui.label("Sent as a test user. Not stored or counted.").classes("we-muted")
            box = ui.textarea(value="Are you there?").props(
                f'outlined dense autogrow autofocus maxlength={MAX_TRIAL_CHARS} aria-label="Message"'
                ' data-testid="trial-text"'
            )
            answer = ui.element("div").classes("we-trial-answer").props('aria-live="polite" data-testid="trial-answer"')

            async def send() -> None:
                text = str(box.value or "").strip()
                if not text:
                    return
                button.disable()
                show(answer, '<p class="we-muted">Waiting for the answer …</p>')
                trial = await run_action(
                    principal, lambda person: services().bot_trials.try_message(person, spec.name, text)
                )
                if dialog.is_deleted:
                    return
                button.enable()
                show(answer, _told(trial) if trial else '<p class="we-muted">Nothing was sent.</p>')

            with ui.element("div").classes("we-dialog-actions"):
                ui.html("Close", sanitize=False, tag="button").classes("we-button").props("type=button").on(
                    "click", dialog.close
                )
                button = _Button("Send").props('type=button data-testid="trial-send"')
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


def _told(trial: TestMessage) -> str:
    tone, symbol, word = _OUTCOMES.get(trial.outcome, ("bad", "offline", "Failed"))
    raw = orjson.dumps(
        {
            "outcome": trial.outcome,
            "user_id": trial.user_id,
            "text": trial.text,
            "memory_stored": trial.memory_stored,
            "metadata": trial.metadata,
            "error": trial.error,
            "detail": trial.detail,
        },
        option=orjson.OPT_INDENT_2,
        default=str,
    ).decode()
    said = trial.text if trial.text is not None else " ".join(part for part in (trial.error, trial.detail) if part)
    return (
        f'<div class="we-trial-head"><span class="we-status we-status-{tone}" data-testid="trial-outcome">'
        f"{theme.icon_svg(symbol)}<span>{word}</span></span>"
        f'<span class="we-number">{_duration(trial.duration_s)}</span></div>'
        f'<p class="we-said" data-testid="trial-said">{escape(said[:MAX_SHOWN_CHARS])}</p>'
        f'<details class="we-raw"><summary>Raw answer</summary><pre tabindex="0">{escape(raw[:MAX_SHOWN_CHARS])}</pre>'
        "</details>"
    )


def _duration(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.2f} s"
