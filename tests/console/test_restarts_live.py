"""The Restarts page without a browser: what is under way, step by step."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from chat_api.core.ids import new_id
from chat_api.fleet.schemas import RestartView
from chat_api.restarts.rolling_schemas import RollingStep, RollingView, StepState
from console.pages.restarts.live import RestartsLive
from models import ActionOrigin, RestartState, Role, RollingState
from tests.support.console_app import RunningConsole
from tests.support.console_page import opened_page
from tests.support.elements import by_testid, is_shown, markup, text
from tests.support.eventually import eventually

BEGUN = datetime(2026, 1, 1, tzinfo=UTC)
TITLES = {"elena": "<Elena>", "marcus": "Marcus"}
RESTART = RestartView(
    restart_id=new_id(),
    bot_name="elena",
    requested_by="alice",
    requested_at=BEGUN,
    state=RestartState.STARTING,
    estimate_s=30,
    origin=ActionOrigin.ROLLING,
)
ROLLING = RollingView(
    rolling_id=new_id(),
    requested_by="alice",
    requested_at=BEGUN,
    finished_at=None,
    batch_size=1,
    state=RollingState.RUNNING,
    estimate_s=90,
    abort_requested_by=None,
    error=None,
    steps=(
        RollingStep(bot_name="marcus", state=StepState.DONE, duration_s=12.4),
        RollingStep(bot_name="elena", state=StepState.RESTARTING, batch=2),
    ),
)


async def test_a_step_is_seen_as_it_happens(console_app: RunningConsole) -> None:
    """An action is listed with its step and who began it, and is gone when it is over."""
    token = await console_app.admin_login(Role.VIEWER)
    async with opened_page(console_app, token, "/admin/restarts") as page:
        restart = replace(RESTART, origin=ActionOrigin.OPERATOR, requested_at=datetime.now(UTC))
        assert not is_shown(page.client, "running")
        console_app.services.fleet.record_restart(restart)
        await eventually(lambda: is_shown(page.client, "running"))
        panel = by_testid(page.client, "running")
        assert "Restart · alice · manual" in text(panel)
        assert 'data-state="starting"' in markup(panel)
        console_app.services.fleet.record_restart(
            replace(restart, state=RestartState.ONLINE, finished_at=datetime.now(UTC))
        )
        await eventually(lambda: not is_shown(page.client, "running"))


async def test_a_rolling_restart_is_told_bot_by_bot(console_app: RunningConsole) -> None:
    """Each bot with its state; names are text; the action that is a step of it is shown there and nowhere else."""
    token = await console_app.admin_login(Role.OPERATOR)
    async with opened_page(console_app, token, "/admin/restarts") as page:
        with page.client.content:
            live = RestartsLive(may_act=True, on_abort=_nothing)
        live.show([RESTART], ROLLING, titles=TITLES)
        panel = by_testid(page.client, "rolling")
        assert "1 of 2 bots restarted · one at a time · started by alice" in text(panel)
        assert "Marcus Online took 12 s" in text(panel)
        assert "&lt;Elena&gt;" in markup(panel)
        assert 'limit="30"' in markup(panel)
        assert panel.props["data-state"] == "running"
        assert "disabled" not in by_testid(page.client, "abort").props
        assert not is_shown(page.client, "running")

        assert not is_shown(page.client, "rolling-error")

        live.show([RESTART], replace(ROLLING, abort_requested_by="bob"), titles=TITLES)
        assert "Ends after this batch" in text(panel)
        assert "disabled" in by_testid(page.client, "abort").props

        ended = replace(
            ROLLING, state=RollingState.FAILED, finished_at=BEGUN + timedelta(seconds=61), error="<no image>"
        )
        live.show([], ended, titles=TITLES)
        assert "Stopped after a failure" in text(panel)
        assert "1 min" in text(by_testid(page.client, "rolling-summary"))
        assert "&lt;no image&gt;" in markup(by_testid(page.client, "rolling-error"))
        assert not is_shown(page.client, "abort")


async def _nothing(_: object) -> None:
    """Nobody presses here."""
