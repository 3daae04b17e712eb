"""The report as Markdown, to be copied."""

from typing import Final

from nicegui import ui

from chat_api.core.language import _
from chat_api.reports.markdown import report_markdown
from chat_api.reports.schemas import DayReport
from console.widgets.dialogs import button

# The clipboard's own interface is missing on pages without HTTPS, as consoles in a house often are.
_COPY: Final = """
const text = document.querySelector("[data-testid=report-markdown]");
text.focus(); text.select(); document.execCommand("copy");
"""


def open_markdown(report: DayReport) -> None:
    """Show it in a dialog."""
    with ui.dialog() as dialog, ui.element("div").classes("we-sheet we-sheet-wide"):
        dialog.props["aria-label"] = _("Markdown")
        ui.label(_("Markdown")).classes("we-h1").props("role=heading aria-level=2")
        shown = ui.element("textarea").classes("we-report-markdown").props("readonly rows=16 spellcheck=false")
        shown.props["aria-label"] = _("Report as Markdown")
        shown.props["data-testid"] = "report-markdown"
        shown.props["value"] = report_markdown(report)

        def copy() -> None:
            ui.run_javascript(_COPY)
            ui.notify(_("Copied"), type="positive")

        with ui.element("div").classes("we-dialog-actions"):
            button(_("Close"), dialog.close)
            button(_("Copy"), copy, kind="we-primary", testid="copy-markdown")
    dialog.on("hide", dialog.delete)
    dialog.open()
