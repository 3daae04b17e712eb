"""The System page's panels; :meth:`SystemBoard.show` replaces what changed in them, and leaves open what is open."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.core.slow_queries import SlowQuery
from chat_api.system.schemas import SystemView
from console.pages.system import cells, overview, processes, stores, traffic
from console.widgets.marks import status_mark
from console.widgets.search_field import search_field

STALE_S: Final = 10
LAST_KNOWN: Final = N_("Reconnecting… The figures below are the last known.")


class SystemBoard:
    """Processes, requests, workers, slow statements, and what the service stands on."""

    def __init__(self, view: SystemView, slow_queries: Sequence[SlowQuery]) -> None:
        self._view = view
        self._text = ""
        with ui.element("div").classes("we-board we-system").props('data-testid="system"'):
            self._build_banner()
            self._summary = _html("section").classes("we-cards we-figures")
            self._summary.props["aria-label"] = _("Summary")
            with ui.element("div").classes("we-panels"):
                self._build_panels()
        self.show(view, slow_queries)

    def show(self, view: SystemView, slow_queries: Sequence[SlowQuery]) -> None:
        """Show this, and from now on that nothing newer has come when nothing does."""
        self._view = view
        self._fresh.props(f"datetime={view.at.isoformat()}")
        mark, said = overview.banner(view)
        self._banner.classes(replace=f"we-banner we-tone-{mark.tone}")
        self._banner.set_content(f'{status_mark(mark)}<span class="we-headline">{said}</span>')
        self._summary.set_content(overview.summary(view))
        self._processes.set_content(processes.processes_table(view))
        self._stalls.show(processes.stalls(view))
        self._show_routes()
        self._workers_count.set_content(str(sum(len(process.workers) for process in view.processes)))
        self._workers.set_content(processes.workers_table(view))
        self._slow.show(slow_queries)
        self._database.set_content(stores.database_facts(view.database))
        self._tables.set_content(stores.tables_table(view.database))
        self._tables.set_visibility(view.database is not None)
        self._redis.set_content(stores.redis_part(view.redis))
        self._calls.set_content(traffic.calls_part(view))
        self._versions.set_content(overview.versions_part(view))

    def _build_banner(self) -> None:
        with ui.element("we-fresh").props(f"limit={STALE_S}") as self._fresh:
            self._banner = _html("section").props('role=status data-testid="system-banner"')
            disconnected = _html(
                "section", status_mark(overview.DISCONNECTED) + f'<span class="we-headline">{_(LAST_KNOWN)}</span>'
            )
            disconnected.classes(f"we-banner we-tone-{overview.DISCONNECTED.tone}").props("role=status hidden")

    def _build_panels(self) -> None:
        with _panel(_("Processes"), is_wide=True):
            self._processes = _scroll(_("Processes"))
        with _panel(_("Event loop stalls"), is_wide=True) as panel:
            self._stalls = _Stalls(panel)
        with _panel(f'{_("Requests")} <span class="we-muted">{_("last five minutes")}</span>', is_wide=True):
            search_field(_("Find a route"), self._find)
            self._routes = _scroll(_("Requests by route"))
        with _panel():
            with ui.element("h2"):
                _html("span", _("Background workers"))
                self._workers_count = _html("span").classes("we-muted we-number")
            self._workers = _scroll(_("Background workers")).classes("we-tall")
        with _panel(_("Slow queries")):
            self._slow = _SlowStatements()
        with _panel("PostgreSQL"):
            self._database = _html("div")
            self._tables = _scroll(_("Largest tables"))
        with _panel(_("Redis, bots and versions")):
            self._redis = _html("div")
            _html("h3", _("Calls to bots"))
            self._calls = _html("div")
            _html("h3", _("Versions"))
            self._versions = _html("div")

    def _find(self, text: str) -> None:
        self._text = text
        self._show_routes()

    def _show_routes(self) -> None:
        self._routes.set_content(traffic.routes_table(self._view, self._text))


class _Stalls:
    """Each in an element of its own: what somebody has opened stays open when another one comes."""

    def __init__(self, panel: ui.element) -> None:
        self._panel = panel
        self._shown: dict[str, ui.html] = {}

    def show(self, stalls: Mapping[str, str]) -> None:
        self._panel.set_visibility(bool(stalls))
        for key in self._shown.keys() - stalls.keys():
            self._shown.pop(key).delete()
        for index, (key, content) in enumerate(stalls.items(), start=1):  # after the heading
            if key not in self._shown:
                with self._panel:
                    self._shown[key] = _html("details", content).classes("we-block").props('data-testid="blocked"')
                self._shown[key].move(target_index=index)


class _SlowStatements:
    """A row of elements for each, for the same reason."""

    def __init__(self) -> None:
        self._none = _html("p", _no_slow()).classes("we-muted")
        self._box = ui.element("div").classes("we-scroll we-tall").props("tabindex=0")
        self._box.props["aria-label"] = _("Slow queries")
        with self._box, ui.element("table").classes("we-list").props('data-testid="slow-queries"'):
            _html("thead", cells.table_head(stores.SLOW_COLUMNS))
            self._body = ui.element("tbody")
        self._rows: dict[str, tuple[ui.element, list[ui.html]]] = {}

    def show(self, queries: Sequence[SlowQuery]) -> None:
        self._none.set_visibility(not queries)
        self._box.set_visibility(bool(queries))
        for statement in self._rows.keys() - {query.statement for query in queries}:
            self._rows.pop(statement)[0].delete()
        for index, query in enumerate(queries):
            row, cells = self._rows.get(query.statement) or self._new_row(query)
            for cell, content in zip(cells, stores.slow_query(query), strict=True):
                cell.set_content(content)
            if self._body.default_slot.children.index(row) != index:
                row.move(target_index=index)

    def _new_row(self, query: SlowQuery) -> tuple[ui.element, list[ui.html]]:
        with self._body, ui.element("tr") as row:
            cells = [
                _html("td").classes("we-number" if is_number else "we-grow")
                for _label, is_number in stores.SLOW_COLUMNS
            ]
        self._rows[query.statement] = row, cells
        return row, cells


def _no_slow() -> str:
    settings = f'<a class="we-anchor" href="/admin/settings">{_("Settings")}</a>'
    return _(
        "None since the last start. {name} on the {settings} page sets what counts as slow.",
        name="<code>SLOW_QUERY_MS</code>",
        settings=settings,
    )


def _html(tag: str, content: str = "") -> ui.html:
    return ui.html(content, sanitize=False, tag=tag)


def _scroll(label: str) -> ui.html:
    return _html("div").classes("we-scroll").props(f'tabindex=0 aria-label="{label}"')


@contextmanager
def _panel(title: str = "", *, is_wide: bool = False) -> Iterator[ui.element]:
    with ui.element("section").classes("we-panel we-wide" if is_wide else "we-panel") as panel:
        if title:
            _html("h2", title)
        yield panel
