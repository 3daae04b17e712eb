"""A table of records: searchable, sortable, cards on a phone. For some hundred rows that change now and then."""

from collections.abc import Sequence
from html import escape
from typing import Any, Final, Literal

from nicegui import ui

from console import theme

Kind = Literal["text", "number", "time", "moment", "status", "long", "details"]

_VALUE: Final = """
<we-time v-if="{col}.kind === 'time' && {value}" :datetime="{value}"></we-time>
<we-time v-else-if="{col}.kind === 'moment' && {value}" exact :datetime="{value}"></we-time>
<span v-else-if="{col}.kind === 'status'" :class="`we-status we-status-${{props.row.tone}}`">
  <svg class="we-icon" aria-hidden="true"><use :href="`{icons}#${{props.row.symbol}}`"></use></svg>
  <span>{{{{ {value} }}}}</span></span>
<div v-else-if="{col}.kind === 'long'" class="we-long" :title="{value}">{{{{ {value} || "–" }}}}</div>
<details v-else-if="{col}.kind === 'details' && {value}.includes('\\n')" class="we-details">
  <summary>{{{{ {value}.slice(0, {value}.indexOf('\\n')) }}}}</summary>
  <pre tabindex="0">{{{{ {value}.slice({value}.indexOf('\\n') + 1) }}}}</pre></details>
<template v-else>{{{{ {value} || "–" }}}}</template>
"""
_CARD: Final = """
<div class="we-record"><div v-for="col in props.cols" :key="col.name">
  <span class="we-muted">{{ col.label }}</span><div>%s</div></div></div>
"""


def column(name: str, label: str, *, kind: Kind = "text") -> dict[str, Any]:
    """One column; ``name`` is the key in the rows, a ``status`` takes ``tone`` and ``symbol`` from its row.

    A ``time`` reads as how long ago it is, a ``moment`` as the exact time.
    ``details`` shows the first line of a text, and the others when it is opened.
    """
    align = "right" if kind == "number" else "left"
    return {
        "name": name,
        "label": label,
        "field": name,
        "align": align,
        "sortable": kind not in {"long", "details"},
        "kind": kind,
    }


def export_links(address: str) -> str:
    """Links that save what an address of the API gives, as CSV and as JSON."""
    joint = "&" if "?" in address else "?"
    return "".join(
        f'<a class="we-button we-quiet" href="{escape(f"{address}{joint}format={kind}")}" download>'
        f"{theme.icon_svg('download')}<span>{kind.upper()}</span></a>"
        for kind in ("csv", "json")
    )


class RecordsTable:
    """The table, or what to say while there is nothing in it."""

    def __init__(
        self,
        columns: Sequence[dict[str, Any]],
        rows: Sequence[dict[str, Any]],
        *,
        empty: str,
        export: str | None = None,
        has_filter: bool = True,
    ) -> None:
        """``export`` is the address in the API that gives the same as JSON, and as CSV with ``format=csv``.

        ``has_filter``: the rows can be searched here; not where the server was asked for just these.
        """
        self._empty = ui.label(empty).classes("we-empty").props('data-testid="empty"')
        with ui.element("div").classes("we-records-box") as self._box:
            with ui.element("div").classes("we-toolbar"):
                search = ui.input(placeholder="Filter").classes("we-search")
                search.props('dense outlined clearable aria-label="Filter"').set_visibility(has_filter)
                if export is not None:
                    ui.html(export_links(export), sanitize=False).classes("we-exports")
            self._table = ui.table(columns=list(columns), rows=[], row_key="key", pagination={"rowsPerPage": 25})
        self._table.classes("we-records").props('flat dense :grid="Quasar.Screen.lt.sm" data-testid="records"')
        self._table.bind_filter_from(search, "value")
        icons = theme.asset("icons.svg")
        cell = _VALUE.format(col="props.col", value="props.value", icons=icons)
        self._table.add_slot("body-cell", f'<q-td :props="props">{cell}</q-td>')
        self._table.add_slot("item", _CARD % _VALUE.format(col="col", value="col.value", icons=icons))
        self.show(rows)

    def show(self, rows: Sequence[dict[str, Any]]) -> None:
        """Show these rows, each with a ``key``, instead of those before."""
        self._empty.set_visibility(not rows)
        self._box.set_visibility(bool(rows))
        self._table.rows = list(rows)
