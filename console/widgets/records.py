"""A table of records: searchable, sortable, cards on a phone. For some hundred rows that change now and then."""

from collections.abc import Callable, Sequence
from html import escape
from typing import Any, Final, Literal

from nicegui import ui

from chat_api.core.language import _
from console import page_head
from console.widgets.quantities import localized

Kind = Literal["text", "number", "time", "moment", "status", "long", "details", "link"]

PAGE_ROWS: Final = 25
# Fewer are seen at a glance: a field to search them would only be in the way.
LEAST_FILTERED: Final = 8
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
<span v-else-if="{col}.kind === 'link'"><a class="we-plain-link" :href="props.row.href">{{{{ {value} }}}}</a>
  <span v-if="props.row.note" class="we-muted"> · {{{{ props.row.note }}}}</span></span>
<template v-else>{{{{ {value} || "–" }}}}</template>
"""
# What is shown of a number is a text with separators and units; a row may give the number itself as "NAME_number".
_SORT: Final = """(one, other, row, otherRow) => {{
  const plain = (shown) => String(shown).replaceAll("{thousands}", "").replace("{fraction}", ".");
  const read = (shown, of) => of["{name}_number"] ?? (parseFloat(plain(shown)) || 0);
  return read(one, row) - read(other, otherRow);
}}"""
# A card has no columns to keep in line: what is empty is left out, and buttons are not listed as a value.
_CARD: Final = """
<div class="we-record"><div :key="col.name"
  v-for="col in props.cols.filter(col => col.kind !== 'actions' && col.value !== '' && col.value !== null)">
  <span class="we-muted">{{ col.label }}</span><div>%s</div></div></div>
"""


def column(name: str, label: str, *, kind: Kind = "text") -> dict[str, Any]:
    """One column; ``name`` is the key in the rows, ``label`` is translated where the table is made.

    A ``status`` takes ``tone`` and ``symbol`` from its row.
    A ``time`` reads as how long ago it is, a ``moment`` as the exact time.
    ``details`` shows the first line of a text, and the others when it is opened.
    A ``link`` leads to ``href`` of its row, and shows ``note`` after it.
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
        f"{page_head.icon_svg('download')}<span>{kind.upper()}</span></a>"
        for kind in ("csv", "json")
    )


def heading(text: str) -> None:
    """What a table is of, as the ``lead`` of its toolbar."""
    ui.label(text).classes("we-h2").props("role=heading aria-level=2")


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
        page_rows: int = PAGE_ROWS,
        lead: Callable[[], object] | None = None,
        testid: str = "records",
    ) -> None:
        """``export`` is the address in the API that gives the same as JSON, and as CSV with ``format=csv``.

        ``has_filter``: the rows can be searched here; not where the server was asked for just these.
        ``page_rows``: 0 where the server gives a page at a time. ``lead`` builds what comes first in the toolbar.
        """
        self._has_filter, self._has_export, self._has_lead = has_filter, export is not None, lead is not None
        self._page_rows = page_rows
        with ui.element("div").classes("we-records-box"):
            with ui.element("div").classes("we-toolbar") as self._toolbar:
                if lead is not None:
                    lead()
                self._search = ui.input(placeholder=_("Filter")).classes("we-search")
                self._search.props("dense outlined clearable").props["aria-label"] = _("Filter")
                self._links = ui.html(export_links(export) if export else "", sanitize=False).classes("we-exports")
            self._empty = (
                ui.label(empty)
                .classes("we-empty")
                .props(f'data-testid="{"empty" if testid == "records" else f"{testid}-empty"}"')
            )
            shown = [_shown(one) for one in columns]
            self._table = ui.table(columns=shown, rows=[], row_key="key", pagination={"rowsPerPage": page_rows})
        self._table.classes("we-records").props(f'flat dense :grid="Quasar.Screen.lt.sm" data-testid="{testid}"')
        self._table.bind_filter_from(self._search, "value")
        icons = page_head.asset("icons.svg")
        cell = _VALUE.format(col="props.col", value="props.value", icons=icons)
        self._table.add_slot("body-cell", f'<q-td :props="props">{cell}</q-td>')
        self._table.add_slot("item", _CARD % _VALUE.format(col="col", value="col.value", icons=icons))
        self.show(rows)

    def export_from(self, address: str) -> None:
        """Save from another address of the API from now on."""
        self._links.content = export_links(address)

    def show(self, rows: Sequence[dict[str, Any]], *, empty: str | None = None) -> None:
        """Show these rows, each with a ``key``, instead of those before; or say ``empty`` when there is none."""
        if empty is not None:
            self._empty.text = empty
        is_searchable = self._has_filter and (len(rows) >= LEAST_FILTERED or bool(self._search.value))
        self._search.set_visibility(is_searchable)
        self._links.set_visibility(self._has_export and bool(rows))
        self._toolbar.set_visibility(self._has_lead or (bool(rows) and (is_searchable or self._has_export)))
        self._empty.set_visibility(not rows)
        self._table.set_visibility(bool(rows))
        self._table.props["hide-pagination"] = not self._page_rows or len(rows) <= self._page_rows
        self._table.rows = list(rows)


def _shown(column: dict[str, Any]) -> dict[str, Any]:
    """A column in the current language."""
    if column["kind"] != "number":
        return column | {"label": _(column["label"])}
    sort = _SORT.format(name=column["name"], thousands=localized(","), fraction=localized("."))
    return column | {"label": _(column["label"]), ":sort": sort}
