"""A table of records that do not change: searchable, sortable, cards on a phone."""

from collections.abc import Sequence
from typing import Any, Final, Literal

from nicegui import ui

from console import theme

Kind = Literal["text", "number", "time", "status", "long"]

_VALUE: Final = """
<we-time v-if="{col}.kind === 'time' && {value}" :datetime="{value}"></we-time>
<span v-else-if="{col}.kind === 'status'" :class="`we-status we-status-${{props.row.tone}}`">
  <svg class="we-icon" aria-hidden="true"><use :href="`{icons}#${{props.row.symbol}}`"></use></svg>
  <span>{{{{ {value} }}}}</span></span>
<div v-else-if="{col}.kind === 'long'" class="we-long" :title="{value}">{{{{ {value} || "–" }}}}</div>
<template v-else>{{{{ {value} || "–" }}}}</template>
"""
_CARD: Final = """
<div class="we-record"><div v-for="col in props.cols" :key="col.name">
  <span class="we-muted">{{ col.label }}</span><div>%s</div></div></div>
"""


def column(name: str, label: str, *, kind: Kind = "text") -> dict[str, Any]:
    """One column; ``name`` is the key in the rows, a ``status`` takes ``tone`` and ``symbol`` from its row."""
    align = "right" if kind == "number" else "left"
    return {"name": name, "label": label, "field": name, "align": align, "sortable": kind != "long", "kind": kind}


def records_table(columns: Sequence[dict[str, Any]], rows: Sequence[dict[str, Any]], *, empty: str) -> None:
    """Show ``rows``, each with a ``key``; without any, say ``empty``."""
    if not rows:
        ui.label(empty).classes("we-empty").props('data-testid="empty"')
        return
    ui.add_head_html('<script type="module">import "we-time";</script>')
    search = ui.input(placeholder="Filter").classes("we-search").props('dense outlined clearable aria-label="Filter"')
    table = ui.table(columns=list(columns), rows=list(rows), row_key="key", pagination={"rowsPerPage": 25})
    table.classes("we-records").props('flat dense :grid="Quasar.Screen.lt.sm" data-testid="records"')
    table.bind_filter_from(search, "value")
    icons = theme.asset("icons.svg")
    cell = _VALUE.format(col="props.col", value="props.value", icons=icons)
    table.add_slot("body-cell", f'<q-td :props="props">{cell}</q-td>')
    table.add_slot("item", _CARD % _VALUE.format(col="col", value="col.value", icons=icons))
