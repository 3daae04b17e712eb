"""A question with boxes to tick, before something that can be done in parts."""

from collections.abc import Awaitable, Callable, Mapping

from nicegui import ui

from chat_api.core.language import _
from console.widgets.dialogs import button

Chosen = Callable[[frozenset[str], str], Awaitable[None]]


def ask_choices(
    title: str,
    explanation: str,
    *,
    choices: Mapping[str, str],
    chosen: frozenset[str],
    field: str | None = None,
    given: str = "",
    action: str,
    needs_choice: bool = True,
    on_answer: Chosen,
) -> None:
    """Ask, and call ``on_answer`` with what was ticked of ``choices`` (labels by key) and with what was typed.

    ``field`` is what has to be typed, if anything, ``given`` what stands there at first. ``needs_choice``: the answer
    needs a tick.
    """
    with ui.dialog() as dialog, ui.element("div").classes("we-notice we-ask"):
        dialog.props('role=dialog aria-modal=true data-testid="ask"').props["aria-label"] = action
        ui.label(title).classes("we-h1").props("role=heading aria-level=2")
        ui.label(explanation)
        boxes = {}
        with ui.element("div").classes("we-choices"):
            for key, label in choices.items():
                boxes[key] = ui.checkbox(label, value=key in chosen).props(f'dense data-testid="choice-{key}"')
        typed = None
        if field is not None:
            ui.label(field).classes("we-strong")
            typed = ui.input(value=given).props("outlined dense autofocus")
            typed.props["aria-label"] = field

        async def answer() -> None:
            ticked = frozenset(key for key, box in boxes.items() if box.value)
            value = (typed.value or "").strip() if typed is not None else ""
            if typed is not None and not value:
                typed.props["error-message"] = _("Please fill in this field.")
                typed.props("error")
                return
            if needs_choice and not ticked:
                return
            dialog.close()
            with ui.context.client:  # the dialog may be gone before the answer has been acted on
                await on_answer(ticked, value)

        if typed is not None:
            typed.on("keydown.enter", answer)
        with ui.element("div").classes("we-ask-buttons"):
            button(_("Cancel"), dialog.close)
            button(action, answer, kind="we-danger", testid="ask-do")
    dialog.on("hide", dialog.delete)
    dialog.open()
