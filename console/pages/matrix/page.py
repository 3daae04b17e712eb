"""The Matrix page: all bots side by side, and which of them is unlike the others."""

from collections.abc import Callable, Mapping, Sequence
from html import escape
from typing import Final
from urllib.parse import quote

from nicegui import ui

from chat_api.changes.schemas import ChangeKind, Matrix, MatrixColumn, MatrixRow
from chat_api.core.language import N_, _, ngettext
from chat_api.core.principals import Principal
from console import page_head
from console.context import services
from console.frame import frame, page
from console.widgets.change_words import KINDS, value_html
from console.widgets.records import export_links

PATH = "/admin/matrix"
MAX_COLUMNS: Final = 60
MAX_NAMED: Final = 12
MAX_CELL_CHARS: Final = 44
DEFAULT: Final = "main"
_MAIN: Final = frozenset({ChangeKind.MODEL, ChangeKind.FLAG, ChangeKind.SETTING, ChangeKind.IMAGE})
VIEWS: Final[Mapping[str, tuple[str, Callable[[MatrixColumn], bool]]]] = {
    DEFAULT: (N_("Models, flags, settings"), lambda column: column.kind in _MAIN or not column.is_hidden),
    "environment": (N_("Environment"), lambda column: column.kind is ChangeKind.ENVIRONMENT),
    "odd": (N_("Differences only"), lambda column: column.odd > 0),
    "all": (N_("All"), lambda _column: True),
}


def register() -> None:
    """Put the page at ``/admin/matrix``."""
    page(PATH, title=N_("Matrix"))(_matrix)


async def _matrix(principal: Principal, show: str = DEFAULT) -> None:
    shown = show if show in VIEWS else DEFAULT
    matrix = await services().fleet_changes.matrix(principal)
    columns = [number for number, column in enumerate(matrix.columns) if VIEWS[shown][1](column)]
    with frame(principal, title=_("Matrix"), path=PATH):
        with ui.element("div").classes("we-toolbar"):
            ui.html(_views(shown), sanitize=False)
            ui.html(export_links(f"/api{PATH}"), sanitize=False).classes("we-exports")
        ui.html(_summary(matrix), sanitize=False).props('data-testid="odd-ones"')
        ui.html(_table(matrix, columns, shown), sanitize=False).classes("we-matrix-part").props('data-testid="matrix"')
        if len(columns) > MAX_COLUMNS:
            more = len(columns) - MAX_COLUMNS
            said = ngettext("{count} more column is in the export.", "{count} more columns are in the export.", more)
            ui.label(said).classes("we-muted")


def _views(shown: str) -> str:
    chips = "".join(
        f'<a class="we-chip" href="{PATH}{"" if key == DEFAULT else f"?show={key}"}"'
        f"{' aria-current=true' if key == shown else ''}>{_(words)}</a>"
        for key, (words, _is_shown) in VIEWS.items()
    )
    return f'<nav class="we-chips" aria-label="{_("Columns")}">{chips}</nav>'


def _summary(matrix: Matrix) -> str:
    """Who stands out, and in what: the page in a sentence."""
    odd = [row for row in matrix.bots if row.odd]
    if not odd:
        return f'<p class="we-muted">{_("No bot differs from most others of its generation.")}</p>'
    named = "".join(f"<li>{_link(row)} {_names(row, matrix)}</li>" for row in odd[:MAX_NAMED])
    more = len(odd) - MAX_NAMED
    if more > 0:
        named += f'<li class="we-muted">{ngettext("{count} more bot", "{count} more bots", more)}</li>'
    said = ngettext(
        "{count} bot differs from most others of its generation:",
        "{count} bots differ from most others of their generation:",
        len(odd),
    )
    return f'<p>{said}</p><ul class="we-odd-ones">{named}</ul>'


def _names(row: MatrixRow, matrix: Matrix) -> str:
    names = [matrix.columns[position].name for position in row.odd]
    more = f" +{len(names) - 4}" if len(names) > 4 else ""
    return f'<span class="we-muted">{escape(", ".join(names[:4]))}{more}</span>'


def _table(matrix: Matrix, columns: Sequence[int], shown: str) -> str:
    if not matrix.bots or not columns:
        text = _("No data yet. A bot appears here once its start has been recorded.")
        if matrix.bots and matrix.columns:
            text = _("All bots of the same generation match.") if shown == "odd" else _("No bot reports any of these.")
        return f'<div class="we-empty"><p>{text}</p></div>'
    chosen = columns[:MAX_COLUMNS]
    head = "".join(_head(matrix.columns[number]) for number in chosen)
    rows = "".join(_row(row, matrix, chosen) for row in matrix.bots)
    return (
        f'<div class="we-matrix-box" tabindex="0" role="region" aria-label="{_("Bots side by side")}">'
        f'<table class="we-matrix"><thead><tr><th scope="col">{_("Bot")}</th>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _head(column: MatrixColumn) -> str:
    return f'<th scope="col"><span class="we-muted">{_(KINDS[column.kind])}</span>{escape(column.name)}</th>'


def _row(row: MatrixRow, matrix: Matrix, chosen: Sequence[int]) -> str:
    odd = set(row.odd)
    cells = "".join(_cell(row.values[number], matrix.columns[number], is_odd=number in odd) for number in chosen)
    generation = f'<span class="we-muted">{escape(row.generation)}</span>' if row.generation else ""
    return f'<tr data-bot="{escape(row.bot_name)}"><th scope="row">{_link(row)}{generation}</th>{cells}</tr>'


def _cell(value: str | None, column: MatrixColumn, *, is_odd: bool) -> str:
    words = value_html(value, max_chars=MAX_CELL_CHARS) if value is not None else '<span class="we-muted">–</span>'
    if not is_odd:
        return f"<td>{words}</td>"
    common = column.common if column.common is not None else _("nothing")
    title = escape(_("Most bots have {value}", value=common))
    return (
        f'<td class="we-odd" title="{title}">{page_head.icon_svg("degraded")}{words}'
        f'<span class="we-hidden">{title}</span></td>'
    )


def _link(row: MatrixRow) -> str:
    return f'<a href="/admin/bots/{quote(row.bot_name, safe="")}">{escape(row.display_name)}</a>'
