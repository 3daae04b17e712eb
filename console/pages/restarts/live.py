"""What is happening to bots right now: the rolling restart, and every action under way."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from html import escape
from typing import Final
from uuid import UUID

from nicegui import ui

from chat_api.core.language import N_, _, ngettext
from chat_api.fleet.schemas import RestartView
from chat_api.restarts.rolling_schemas import RollingStep, RollingView, StepState
from console.labels import ACTIONS, Mark
from console.widgets.fact_words import since
from console.widgets.marks import status_mark
from console.widgets.quantities import span
from console.widgets.restart_progress import restart_progress
from models import ActionOrigin, RollingState

ORIGINS: Final = {
    ActionOrigin.OPERATOR: N_("manual"),
    ActionOrigin.BULK: N_("bulk action"),
    ActionOrigin.ROLLING: N_("rolling restart"),
    ActionOrigin.AUTO_HEAL: N_("auto-heal"),
}
_ROLLING: Final = {
    RollingState.RUNNING: Mark(N_("Running"), "busy", "restarting"),
    RollingState.DONE: Mark(N_("Done"), "ok", "online"),
    RollingState.FAILED: Mark(N_("Stopped after a failure"), "bad", "offline"),
    RollingState.ABORTED: Mark(N_("Aborted"), "warn", "stop"),
    RollingState.INTERRUPTED: Mark(N_("Interrupted"), "warn", "unknown"),
}
_ENDING: Final = Mark(N_("Ends after this batch"), "warn", "restarting")
_STEPS: Final = {
    StepState.WAITING: Mark(N_("Waiting"), "idle", "paused"),
    StepState.RESTARTING: Mark(N_("Restarting"), "busy", "restarting"),
    StepState.SYNTHETIC_CHECK: Mark(N_("Test message"), "busy", "starting"),
    StepState.DONE: Mark(N_("Online"), "ok", "online"),
    StepState.FAILED: Mark(N_("Failed"), "bad", "offline"),
    StepState.UNTOUCHED: Mark(N_("Not restarted"), "idle", "unknown"),
}


class RestartsLive:
    """Both as panels, each there when there is something in it; :meth:`show` replaces what they show."""

    def __init__(self, *, may_act: bool, on_abort: Callable[[UUID], Awaitable[None]]) -> None:
        with ui.element("div").classes("we-live") as self._root:
            self._rolling = _RollingPanel(may_act=may_act, on_abort=on_abort)
            self._running = _RunningPanel()

    def show(self, actions: Sequence[RestartView], rolling: RollingView | None, *, titles: Mapping[str, str]) -> None:
        """Show these actions, oldest first, and this rolling restart; bots by their ``titles``."""
        in_rolling = _under_way(actions, rolling)
        others = [action for action in actions if action.bot_name not in in_rolling]
        self._rolling.show(rolling, in_rolling, titles)
        self._running.show(others, titles)
        self._root.set_visibility(rolling is not None or bool(others))


class _RollingPanel:
    def __init__(self, *, may_act: bool, on_abort: Callable[[UUID], Awaitable[None]]) -> None:
        self._rolling_id: UUID | None = None
        self._may_act = may_act

        async def abort() -> None:
            if self._rolling_id is not None:
                self._abort.props("disabled")  # until there is another one, or it says otherwise
                await on_abort(self._rolling_id)

        with ui.element("section").classes("we-panel we-rolling") as self._panel:
            self._panel.props('aria-labelledby=rolling-title data-testid="rolling"')
            with ui.element("div").classes("we-rolling-head"):
                ui.html(_("Rolling restart"), sanitize=False, tag="h2").props("id=rolling-title")
                self._state = ui.html("", sanitize=False, tag="span").props("role=status")
                self._abort = ui.html(_("Stop after this batch"), sanitize=False, tag="button")
                self._abort.classes("we-button we-danger").props('type=button data-testid="abort"')
                self._abort.on("click", abort, throttle=0.3)
            self._summary = ui.html("", sanitize=False, tag="p").classes("we-muted we-number-text")
            self._summary.props('data-testid="rolling-summary"')
            self._progress = ui.element("progress")
            self._progress.props["aria-label"] = _("Bots restarted")
            self._error = ui.html("", sanitize=False, tag="p").props('data-testid="rolling-error"')
            self._steps = ui.html("", sanitize=False, tag="ol").classes("we-rolling-bots")
            self._steps.props("tabindex=0")
            self._steps.props["aria-label"] = _("Bots in order")

    def show(
        self, rolling: RollingView | None, under_way: Mapping[str, RestartView], titles: Mapping[str, str]
    ) -> None:
        self._panel.set_visibility(rolling is not None)
        self._rolling_id = rolling.rolling_id if rolling else None
        if rolling is None:
            return
        is_running = rolling.state is RollingState.RUNNING
        mark = _ENDING if is_running and rolling.abort_requested_by else _ROLLING[rolling.state]
        self._panel.props(f"data-state={rolling.state}")
        self._state.set_content(status_mark(mark))
        self._abort.set_visibility(self._may_act and is_running)
        self._abort.props("disabled" if rolling.abort_requested_by else "", remove="disabled")
        self._summary.set_content(_summary(rolling))
        self._progress.classes(replace=f"we-progress we-progress-{mark.tone}")
        self._progress.props(f"value={_done(rolling)} max={len(rolling.steps)}")
        self._error.classes(replace=f"we-reason-text we-reason-{mark.tone}{'' if rolling.error else ' hidden'}")
        self._error.set_content(escape(rolling.error or ""))
        self._steps.set_content("".join(_step(step, under_way.get(step.bot_name), titles) for step in rolling.steps))


class _RunningPanel:
    def __init__(self) -> None:
        with ui.element("section").classes("we-panel") as self._panel:
            self._panel.props('aria-labelledby=running-title data-testid="running"')
            ui.html(_("In progress"), sanitize=False, tag="h2").props("id=running-title")
            self._list = ui.html("", sanitize=False, tag="ul").classes("we-running")

    def show(self, actions: Sequence[RestartView], titles: Mapping[str, str]) -> None:
        self._panel.set_visibility(bool(actions))
        self._list.set_content("".join(_running(action, titles) for action in actions))


def _under_way(actions: Sequence[RestartView], rolling: RollingView | None) -> dict[str, RestartView]:
    """Of the actions those that are steps of the rolling restart, by bot."""
    if rolling is None or rolling.state is not RollingState.RUNNING:
        return {}
    restarting = {step.bot_name for step in rolling.steps if step.state is StepState.RESTARTING}
    return {action.bot_name: action for action in actions if action.bot_name in restarting}


def _done(rolling: RollingView) -> int:
    return sum(step.state is StepState.DONE for step in rolling.steps)


def _summary(rolling: RollingView) -> str:
    if rolling.finished_at is not None:
        time = span((rolling.finished_at - rolling.requested_at) / timedelta(seconds=1))
    else:
        time = since(rolling.requested_at, after=_("of about {time}", time=span(rolling.estimate_s)))
    parts = (
        _("{done} of {count} bots restarted", done=_done(rolling), count=len(rolling.steps)),
        ngettext("one at a time", "{count} at a time", rolling.batch_size),
        _("started by {name}", name=escape(rolling.requested_by)),
        time,
    )
    return " · ".join(parts)


def _step(step: RollingStep, action: RestartView | None, titles: Mapping[str, str]) -> str:
    title = escape(titles.get(step.bot_name, step.bot_name))
    note = escape(step.error or _took(step.duration_s))
    state = (
        restart_progress(action, title)
        if action is not None
        else f'<span class="we-muted we-step-note" title="{escape(step.error or "")}">{note}</span>'
    )
    return (
        f'<li data-testid="rolling-{escape(step.bot_name)}" data-state="{step.state}">'
        f'<span class="we-muted we-number">{step.batch}</span><span class="we-strong we-cut">{title}</span>'
        f"{status_mark(_STEPS[step.state])}{state}</li>"
    )


def _took(duration_s: float | None) -> str:
    if duration_s is None:
        return ""
    return _("took less than 1 s") if duration_s < 1 else _("took {time}", time=span(duration_s))


def _running(action: RestartView, titles: Mapping[str, str]) -> str:
    title = escape(titles.get(action.bot_name, action.bot_name))
    what = f"{_(ACTIONS[action.action].label)} · {escape(action.requested_by)} · {_(ORIGINS[action.origin])}"
    return (
        f'<li data-testid="running-{escape(action.bot_name)}"><div class="we-two">'
        f'<span class="we-strong we-cut">{title}</span><span class="we-muted we-cut">{what}</span></div>'
        f"{restart_progress(action, title)}</li>"
    )
