"""A dialog with fields: what the service refuses is shown beside its field, and what was typed stays."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from nicegui import ui

from chat_api.core.errors import Conflict, InvalidInput
from chat_api.core.language import _
from chat_api.core.principals import Principal
from console.actions import run_action
from console.widgets import dialogs

F = TypeVar("F", bound=ui.element)

Refusals = (InvalidInput, Conflict)


class Form:
    """Opened at once, and gone when it is closed. ``done`` is awaited after the service took what was typed."""

    def __init__(
        self,
        principal: Principal,
        title: str,
        *,
        save: Callable[[Principal], Awaitable[Any]],
        done: Callable[[], Awaitable[None]],
        button: str | None = None,
        is_dangerous: bool = False,
    ) -> None:
        """``button`` is its word, "Save" where none is given."""
        self._principal = principal
        self._save = save
        self._done = done
        self._title = title
        self._button = button or _("Save")
        self._kind = "we-danger" if is_dangerous else "we-primary"
        self._fields: dict[str, Any] = {}
        self._dialog = ui.dialog()
        self._dialog.props["aria-label"] = title
        self._dialog.on("hide", self._dialog.delete)

    @contextmanager
    def filling(self) -> Iterator["Form"]:
        """Put the fields into the dialog; it opens when the block ends."""
        with self._dialog, ui.element("div").classes("we-form-dialog").props('data-testid="form"'):
            ui.label(self._title).classes("we-form-title").props("role=heading aria-level=2")
            with ui.element("div").classes("we-form-fields"):
                yield self
            self._problem = ui.label("").classes("we-form-error").props('role=alert data-testid="form-error"')
            with ui.element("div").classes("we-dialog-actions"):
                dialogs.button(_("Cancel"), self._dialog.close)
                dialogs.button(self._button, self._submit, kind=self._kind, testid="save")
        self._dialog.open()

    def text(self, name: str, label: str, value: str = "", *, hint: str = "", **props: str) -> ui.input:
        """One line."""
        return self._keep(name, ui.input(label, value=value), hint, props)

    def number(self, name: str, label: str, value: float | None, *, hint: str = "") -> ui.number:
        """A number."""
        return self._keep(name, ui.number(label, value=value), hint, {})

    def choice(self, name: str, label: str, options: dict[str, str], value: str, *, hint: str = "") -> ui.select:
        """One of several."""
        return self._keep(name, ui.select(options, label=label, value=value), hint, {})

    def choices(self, name: str, label: str, options: dict[str, str], value: list[str], *, hint: str = "") -> ui.select:
        """Some of several."""
        field = ui.select(options, label=label, value=[one for one in value if one in options], multiple=True)
        return self._keep(name, field.props("use-chips"), hint, {})

    def switch(self, label: str, value: bool) -> ui.switch:
        """Yes or no."""
        return ui.switch(label, value=value).classes("we-form-switch")

    def _keep(self, name: str, field: F, hint: str, props: dict[str, str]) -> F:
        if not self._fields:
            field.props("autofocus")
        self._fields[name] = field
        field.classes("we-form-field").props("outlined dense stack-label")
        field.props.update(props | {"data-testid": f"field-{name}"} | ({"hint": hint} if hint else {}))
        return field

    async def _submit(self) -> None:
        for field in self._fields.values():
            field.error = None
        self._problem.set_text("")
        if await run_action(self._principal, self._attempt):
            self._dialog.close()
            with ui.context.client:  # the dialog may be gone before it is done
                await self._done()

    async def _attempt(self, person: Principal) -> bool:
        try:
            await self._save(person)
        except Refusals as refusal:
            self._show(refusal)
            return False
        return True

    def _show(self, refusal: InvalidInput | Conflict) -> None:
        field = self._fields.get(refusal.field or "")
        if field is None:
            self._problem.set_text(refusal.message)
        else:
            field.error = refusal.reason[:1].upper() + refusal.reason[1:]
            field.run_method("focus")


def confirm(
    principal: Principal,
    question: str,
    why: str,
    *,
    save: Callable[[Principal], Awaitable[Any]],
    done: Callable[[], Awaitable[None]],
    button: str | None = None,
) -> None:
    """Ask once before something that cannot be undone; ``button`` is its word, "Delete" where none is given."""
    with Form(principal, question, save=save, done=done, button=button or _("Delete"), is_dangerous=True).filling():
        ui.label(why).classes("we-muted")
