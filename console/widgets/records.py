"""A table of records that do not change: searchable, sortable, cards on a phone."""

from collections.abc import Sequence
from typing import Any

from nicegui import ui

TIME_CELL = (
    '<q-td :props="props"><we-time v-if="props.value" :datetime="props.value"></we-time>'
    '<span v-else class="we-muted">–</span></q-td>'
)
STATUS_CELL = (
    '<q-td :props="props"><span :class="`we-status we-status-${props.row.tone}`">'
    '<svg class="we-icon" aria-hidden="true"><use :href="`${props.row.icons}#${props.row.symbol}`"></use></svg>'
    "{{ props.value }}</span></q-td>"
)
LONG_CELL = '<q-td :props="props"><div class="we-long" :title="props.value">{{ props.value || "–" }}</div></q-td>'


def column(name: str, label: str, *, align: str = "left", is_sortable: bool = True) -> dict[str, Any]:
    """One column; ``name`` is the key in the rows."""
    return {"name": name, "label": label, "field": name, "align": align, "sortable": is_sortable}


def records_table(
    columns: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], *, empty: str, cells: dict[str, str]
) -> None:
    """Show ``rows``; ``cells`` gives the templates of columns that are more than text."""
    if not rows:
        ui.label(empty).classes("we-empty").props('data-testid="empty"')
        return
    search = ui.input(placeholder="Filter").classes("we-search").props('dense outlined clearable aria-label="Filter"')
    table = ui.table(columns=list(columns), rows=list(rows), row_key="key", pagination={"rowsPerPage": 25})
    table.classes("we-records").props('flat dense :grid="Quasar.Screen.lt.sm" data-testid="records"')
    table.bind_filter_from(search, "value")
    for name, template in cells.items():
        table.add_slot(f"body-cell-{name}", template)
