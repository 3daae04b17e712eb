"""One run: how it is, and a matrix of prompts and bots whose cells unfold to the answer."""

import asyncio
from html import escape
from uuid import UUID

from nicegui import Client, background_tasks, ui

from chat_api.checks.schemas import CheckPrompt, CheckResult, RunDetails
from chat_api.core.errors import AppError
from chat_api.core.language import _
from chat_api.core.principals import Permission, Principal
from console.actions import run_action
from console.context import services
from console.live.open_pages import open_pages
from console.pages.checks.words import (
    FAILED,
    NOT_ASKED,
    PASSED,
    WAITING,
    expectations,
    failure_words,
    mark_of,
    score,
)
from console.widgets.dialogs import button
from console.widgets.fact_words import moment
from console.widgets.marks import status_mark
from console.widgets.quantities import latency

# Several answers that come together are shown together.
DEBOUNCE_S = 0.3


class RunParts:
    """What of a run's page changes while it is open. Rows that stay as they are, stay open where they are open."""

    def __init__(self, principal: Principal, details: RunDetails) -> None:
        self._principal = principal
        self._details = details
        self._is_waiting = False
        may_act = principal.may(Permission.TRY_BOT)
        with ui.element("div").classes("we-toolbar"):
            self._head = ui.html("", sanitize=False).classes("we-run-head").props('data-testid="run"')
            self._stop: ui.element | None = None
            self._again: ui.element | None = None
            if may_act:
                self._stop = button(_("Stop"), self._do_stop, kind="we-danger", testid="stop")
                self._again = button(_("Run again"), self._do_again, testid="again")
        region = ui.element("div").classes("we-order we-matrix").props('tabindex=0 role=region data-testid="matrix"')
        region.props["aria-label"] = _("Results")
        with region, ui.element("table"):
            ui.html(_head(details), sanitize=False, tag="thead")
            with ui.element("tbody"):
                self._rows = [ui.html("", sanitize=False, tag="tr") for _prompt in details.prompts]
        self.show(details)

    def follow(self) -> None:
        """Show what comes, until the page is closed."""
        client, changed = ui.context.client, services().checks.changed

        def on_changed(run_id: UUID) -> None:
            if run_id == self._details.run.run_id and not self._is_waiting and client in open_pages():
                self._is_waiting = True
                background_tasks.create(self._refresh(client), name="check-run")

        changed.listen(on_changed)
        client.on_delete(lambda: changed.forget(on_changed))

    def show(self, details: RunDetails) -> None:
        """Show the run as it is now."""
        self._details = details
        run = details.run
        self._head.set_content(
            f"{status_mark(mark_of(run))}<span>{escape(_('{score} passed', score=score(run)))}</span>"
            f'<span class="we-muted">{escape(_("by {name}", name=run.requested_by))},'
            f" {moment(run.requested_at)}</span>"
        )
        if self._stop is not None and self._again is not None:
            self._stop.set_visibility(run.is_running)
            self._again.set_visibility(not run.is_running)
        cells = {(one.place, one.bot_name): one for one in details.results}
        for place, (row, prompt) in enumerate(zip(self._rows, details.prompts, strict=False)):
            markup = _row(prompt, [cells.get((place, name)) for name in run.bots], is_running=run.is_running)
            if row.content != markup:
                row.set_content(markup)

    async def _refresh(self, client: Client) -> None:
        await asyncio.sleep(DEBOUNCE_S)
        self._is_waiting = False
        try:
            details = await services().checks.details(self._principal, self._details.run.run_id)
        except AppError:
            return  # the next change tells it again
        if client in open_pages():
            with open_pages().entered(client):
                self.show(details)

    async def _do_stop(self) -> None:
        run_id = self._details.run.run_id
        await run_action(self._principal, lambda who: services().checks.stop(who, run_id), done=_("Checks stopped"))

    async def _do_again(self) -> None:
        run = self._details.run
        begun = await run_action(
            self._principal, lambda who: services().checks.begin(who, run.suite_id, list(run.bots))
        )
        if begun is not None:
            ui.navigate.to(f"/admin/checks/{begun.run_id}")


def _head(details: RunDetails) -> str:
    bots = "".join(f'<th scope="col">{escape(name)}</th>' for name in details.run.bots)
    return f'<tr><th scope="col">{_("Prompt")}</th>{bots}</tr>'


def _row(prompt: CheckPrompt, results: list[CheckResult | None], *, is_running: bool) -> str:
    expected = escape(", ".join(expectations(prompt)))
    return (
        f'<th scope="row"><div class="we-prompt-text">{escape(prompt.text)}</div>'
        f'<div class="we-muted we-prompt-expected">{expected}</div></th>'
        + "".join(f"<td>{_cell(one, is_running=is_running)}</td>" for one in results)
    )


def _cell(result: CheckResult | None, *, is_running: bool) -> str:
    if result is None:
        return status_mark(WAITING if is_running else NOT_ASKED)
    mark = status_mark(PASSED if result.is_passed else FAILED)
    failures = "".join(f"<li>{escape(failure_words(one))}</li>" for one in result.failures)
    failed = f'<ul class="we-answer-failures">{failures}</ul>' if failures else ""
    answer = escape(result.answer) or f'<span class="we-muted">{_("No text")}</span>'
    return (
        f'<details class="we-answer"><summary>{mark} <span class="we-muted">{latency(result.duration_s * 1000)}</span>'
        f'</summary><div class="we-answer-text">{answer}</div></details>{failed}'
    )
