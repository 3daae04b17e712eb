"""The Checks page: suites of prompts, and the history of their runs; and one run as a matrix."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from nicegui import ui

from chat_api.checks.schemas import RunView, SuiteView
from chat_api.core.errors import NotFound
from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from console import page_head
from console.context import services
from console.frame import back_link, frame, page
from console.pages.checks.matrix import RunParts
from console.pages.checks.run_form import run_form
from console.pages.checks.suite_form import suite_form
from console.pages.checks.words import mark_of, score
from console.widgets.action_table import action
from console.widgets.forms import confirm
from console.widgets.quantities import whole
from console.widgets.record_editor import RecordEditor
from console.widgets.records import RecordsTable, column, heading

PATH = "/admin/checks"
NEWEST = 100
SUITES = (
    column("name", N_("Suite")),
    column("prompts", N_("Prompts"), kind="number"),
    column("last_at", N_("Last run"), kind="time"),
    column("last", N_("Result"), kind="status"),
    column("by", N_("Changed by")),
)
RUNS = (
    column("requested_at", N_("Time"), kind="time"),
    column("suite", N_("Suite"), kind="link"),
    column("bots", N_("Bots"), kind="long"),
    column("state", N_("Result"), kind="status"),
    column("passed", N_("Passed"), kind="number"),
    column("by", N_("By")),
)


def register() -> None:
    """Put the pages at ``/admin/checks`` and below it."""
    page(PATH, title=N_("Checks"))(_checks)
    page(f"{PATH}/{{run_id}}", title=N_("Checks"))(_run)


async def _checks(principal: Principal) -> None:
    runs = await services().checks.runs(principal, limit=NEWEST)
    with frame(principal, title=_("Checks"), path=PATH):
        about = _("Prompts with what you expect of the answers, asked of one bot or of all of them side by side.")
        ui.label(about).classes("we-muted")
        await _suites(principal, runs)
        RecordsTable(
            RUNS,
            [_run_row(one) for one in runs],
            empty=_("No checks were run yet."),
            export=f"/api/admin/check-runs?limit={NEWEST}",
            lead=lambda: heading(_("Runs")),
            testid="runs",
        )


async def _suites(principal: Principal, runs: Sequence[RunView]) -> None:
    service = services().checks
    is_allowed = principal.may(Permission.TRY_BOT)
    last: dict[UUID, RunView] = {}
    for run in runs:
        last.setdefault(run.suite_id, run)

    async def read() -> list[tuple[SuiteView, dict[str, Any]]]:
        found = await service.suites(principal)
        return [(one, _suite_row(one, last.get(one.suite_id), is_allowed=is_allowed)) for one in found]

    def edit(suite: SuiteView | None = None) -> None:
        suite_form(principal, suite, editor.refresh)

    def run_it(suite: SuiteView) -> None:
        run_form(principal, suite, [spec.name for spec in services().registry.all()])

    def delete(suite: SuiteView) -> None:
        confirm(
            principal,
            _("Delete the suite “{name}”?", name=suite.name),
            _("Its runs are deleted with it."),
            save=lambda who: service.delete_suite(who, suite.suite_id),
            done=editor.refresh,
        )

    editor = RecordEditor(read)
    await editor.build(
        SUITES,
        actions={"run": run_it, "edit": edit, "delete": delete},
        empty=_("No suites yet. Add one with a few prompts whose answers you know."),
        export="/api/admin/check-suites",
        new=(_("New suite"), edit) if is_allowed else None,
        title=_("Suites"),
    )


async def _run(principal: Principal, run_id: str) -> None:
    try:
        number = UUID(run_id)
    except ValueError:
        raise NotFound(_("Checks not found.")) from None
    details = await services().checks.details(principal, number)
    ui.page_title(page_head.page_title(details.run.suite_name))
    with frame(principal, title=details.run.suite_name, path=PATH):
        back_link(PATH, _("Checks"))
        RunParts(principal, details).follow()


def _suite_row(suite: SuiteView, last: RunView | None, *, is_allowed: bool) -> dict[str, Any]:
    mark = mark_of(last) if last else None
    actions = [action("run", _("Run")), action("edit", _("Edit")), action("delete", _("Delete"))]
    return {
        "key": str(suite.suite_id),
        "called": suite.name,
        "name": suite.name,
        "prompts": whole(len(suite.prompts)),
        "last_at": last.requested_at.isoformat() if last else "",
        "last": _(mark.label) if mark else _("not yet"),
        "by": suite.updated_by,
        "tone": mark.tone if mark else "idle",
        "symbol": mark.icon if mark else "unknown",
        "actions": actions if is_allowed else [],
    }


def _run_row(run: RunView) -> dict[str, Any]:
    mark = mark_of(run)
    return {
        "key": str(run.run_id),
        "requested_at": run.requested_at.isoformat(),
        "suite": run.suite_name,
        "href": f"{PATH}/{run.run_id}",
        "bots": ", ".join(run.bots),
        "state": _(mark.label),
        "tone": mark.tone,
        "symbol": mark.icon,
        "passed": score(run),
        "by": run.requested_by,
    }
