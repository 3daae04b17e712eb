"""Questions before something that cannot be taken back, or that has to be recorded: asked once, naming the thing."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from chat_api.core.language import _

Answered = Callable[[str], Awaitable[None]]


def ask(
    title: str,
    explanation: str,
    *,
    field: str | None = None,
    action: str,
    is_dangerous: bool = False,
    on_answer: Answered,
) -> None:
    """Show a question with one field to fill in (a reason, a name), or with none, and call ``on_answer`` with it."""
    with ui.dialog() as dialog, ui.element("div").classes("we-notice we-ask"):
        dialog.props(f'role=dialog aria-modal=true aria-label="{action}" data-testid="ask"')
        ui.label(title).classes("we-h1").props("role=heading aria-level=2")
        ui.label(explanation)
        given = None
        if field is not None:
            ui.label(field).classes("we-strong")
            given = ui.input().props(f'outlined dense autofocus aria-label="{field}"')

        async def answer() -> None:
            value = (given.value or "") if given is not None else ""
            if given is not None and not value.strip():
                given.props["error-message"] = _("Please fill in this field.")
                given.props("error")
                return
            dialog.close()
            with ui.context.client:  # the dialog may be gone before the answer has been acted on
                await on_answer(value)

        if given is not None:
            given.on("keydown.enter", answer)
        with ui.element("div").classes("we-ask-buttons"):
            button(_("Cancel"), dialog.close)
            button(action, answer, kind="we-danger" if is_dangerous else "we-primary", testid="ask-do")
    dialog.on("hide", dialog.delete)
    dialog.open()


def ask_button(
    label: str,
    title: str,
    explanation: str,
    *,
    field: str | None = None,
    action: str | None = None,
    is_dangerous: bool = False,
    kind: str = "",
    testid: str | None = None,
    on_answer: Answered,
) -> None:
    """A button that asks first; ``action`` is the answer's word when it is not the button's ``label``."""
    button(
        label,
        lambda: ask(
            title, explanation, field=field, action=action or label, is_dangerous=is_dangerous, on_answer=on_answer
        ),
        kind=kind,
        testid=testid,
    )


def button(text: str, on_click: Callable[[], object], *, kind: str = "", testid: str | None = None) -> ui.element:
    """One of our own buttons; the text is a text, whatever is in it."""
    made = ui.element("button").classes(f"we-button {kind}").props("type=button")
    if testid is not None:
        made.props(f'data-testid="{testid}"')
    with made:
        ui.label(text)
    made.on("click", on_click)
    return made
