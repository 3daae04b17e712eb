"""A table of records whose rows have buttons."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from nicegui import ui
from nicegui.events import GenericEventArguments

from chat_api.core.language import N_
from console.widgets.records import RecordsTable

_BUTTONS: Final = """
<div class="we-row-actions"><button v-for="action in props.row.actions" :key="action.name" type="button"
  :class="`we-button we-quiet we-act-${action.name}`" :aria-label="`${action.label}: ${props.row.called}`"
  :data-testid="action.name" @click="() => $parent.$emit('act', {action: action.name, key: props.row.key})"
  >{{ action.label }}</button></div>
"""


def action(name: str, label: str) -> dict[str, str]:
    """One button of a row; a row has them under ``actions``, and what it is called under ``called``."""
    return {"name": name, "label": label}


class ActionTable(RecordsTable):
    """``on_action`` is called with the button's name and the row's key."""

    def __init__(
        self,
        columns: Sequence[dict[str, Any]],
        rows: Sequence[dict[str, Any]],
        *,
        empty: str,
        on_action: Callable[[str, str], Awaitable[None]],
        export: str | None = None,
        has_filter: bool = True,
        lead: Callable[[], object] | None = None,
        testid: str = "records",
    ) -> None:
        buttons = {"name": "actions", "label": N_("Actions"), "field": "actions", "align": "right", "kind": "actions"}
        super().__init__(
            [*columns, buttons], rows, empty=empty, export=export, has_filter=has_filter, lead=lead, testid=testid
        )
        self._table.add_slot("body-cell-actions", f'<q-td :props="props">{_BUTTONS}</q-td>')
        card = self._table.slots["item"].template or ""
        self._table.add_slot("item", card.strip().removesuffix("</div>") + _BUTTONS + "</div>")

        async def pressed(event: GenericEventArguments) -> None:
            with ui.context.client:  # the table may be another by the time that it is done
                await on_action(str(event.args["action"]), str(event.args["key"]))

        self._table.on("act", pressed)


def chosen_tab(tab: str, known: Sequence[str]) -> str:
    """The tab that an address asks for, else the first."""
    return tab if tab in known else known[0]


def tabs(label: str, path: str, names: dict[str, str], current: str) -> None:
    """Links to the parts of a page, each with an address of its own."""
    links = "".join(
        f'<a href="{path}?tab={key}"{" aria-current=page" if key == current else ""}>{name}</a>'
        for key, name in names.items()
    )
    ui.html(links, sanitize=False, tag="nav").classes("we-tabs").props["aria-label"] = label
