"""The healing: only where asked for, bounded by stored rows, never against operators or when the fault is elsewhere."""

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest

from chat_api.core.errors import Conflict
from chat_api.engine.schemas import ContainerState
from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import BotStatus, ServiceStatus, SyntheticCheckView
from models import AuditOutcome, RestartState
from tests.chat_api.restarts.stage import HOUR_S, Stage, admin, staged
from tests.support.api import MakeSettings
from tests.support.sample_bots import RunningBot

NAMES = ("broken", "well")


@pytest.fixture
async def stage(make_settings: MakeSettings, elena: RunningBot) -> AsyncIterator[Stage]:
    """A bot that never answers, and one that does; both are to be healed after three failed checks."""
    async with staged(make_settings, elena, NAMES, broken=["broken"]) as made:
        for name in NAMES:
            await made.policies.change(admin(), name, PolicyChange(is_auto_healed=True, heal_after_failures=3))
        yield made


async def turn(stage: Stage, name: str = "broken") -> int:
    """Let the healer look, wait for what it began, and count the automatic restarts."""
    await stage.healer.turn()
    restart = stage.fleet.restart_of(name)
    if restart is not None:
        await stage.restarts.finished(restart)
    return len(await stage.healings(name))


async def test_three_restarts_an_hour_and_then_quarantine(
    stage: Stage, make_settings: MakeSettings, elena: RunningBot
) -> None:
    """A permanently broken bot: exactly three, ever more slowly, stored; another process counts on; then hands off."""
    stage.fail_checks("broken", 2)
    assert await turn(stage) == 0
    stage.fail_checks("broken", 1)
    assert await turn(stage) == 1
    assert (await stage.healings("broken"))[0].state is RestartState.FAILED

    stage.fail_checks("broken", 5)  # 5 s after the first: the wait is 30 s
    assert await turn(stage) == 1
    stage.time.move(30)
    stage.fail_checks("broken", 1)
    assert await turn(stage) == 2
    stage.fail_checks("broken", 40)  # the wait is a minute now
    assert await turn(stage) == 2
    stage.fail_checks("broken", 30)
    assert await turn(stage) == 3

    # The console is restarted meanwhile: what counts is stored.
    async with staged(
        make_settings, elena, NAMES, broken=["broken"], time=stage.time, engine=stage.engine
    ) as other_process:
        await other_process.policies.reload()
        other_process.fail_checks("broken", 50)
        assert await turn(other_process) == 3
        assert other_process.bot("broken").status is BotStatus.QUARANTINED
        other_process.time.move(2 * HOUR_S)
        other_process.fail_checks("broken", 20)
        assert await turn(other_process) == 3
        assert stage.engine.asked("restart") == ["broken"] * 3
        newest = (await other_process.audit.find(admin()))[0]
        assert (newest.action, newest.target, newest.outcome) == ("bot.quarantine", "broken", AuditOutcome.AUTOMATIC)


async def test_release_begins_anew(stage: Stage) -> None:
    """Only an operator ends a quarantine; then it is healed again, and a healthy bot was never touched."""
    for _ in range(4):
        stage.pass_check("broken")
        stage.fail_checks("broken", 3)
        await turn(stage)
    assert stage.bot("broken").status is BotStatus.QUARANTINED
    released = await stage.policies.release(admin(), "broken")
    assert released.quarantined_at is None
    with pytest.raises(Conflict):
        await stage.policies.release(admin(), "broken")
    stage.fail_checks("broken", 3)
    assert await turn(stage) == 4
    assert stage.engine.asked("restart") == ["broken"] * 4


async def test_a_restart_by_hand_that_helps_ends_the_quarantine(stage: Stage) -> None:
    """One that does not help leaves it as it is."""
    for name in NAMES:
        await stage.policies.quarantine(name, "gave up")
        await stage.restarts.finished(await stage.restarts.restart(admin(), name))
    assert stage.bot("well").status is BotStatus.ONLINE
    assert stage.bot("broken").status is BotStatus.QUARANTINED


async def test_recovery_makes_the_next_wait_short(stage: Stage) -> None:
    """After a good check the backoff begins anew; the three an hour do not."""
    stage.fail_checks("broken", 3)
    assert await turn(stage) == 1
    for count in (2, 3):
        stage.pass_check("broken")
        stage.fail_checks("broken", 3)
        assert await turn(stage) == count
    stage.pass_check("broken")
    stage.fail_checks("broken", 3)
    assert await turn(stage) == 3
    assert stage.bot("broken").status is BotStatus.QUARANTINED


# What somebody did with a container outside the console, and what is said of its bot.
OUTSIDE: dict[str, tuple[dict[str, Any], str]] = {
    "paused": ({"state": ContainerState.PAUSED}, "its container is paused"),
    "ended": ({"state": ContainerState.EXITED, "exit_code": 0}, "stopped outside the console"),
    "terminated": ({"state": ContainerState.EXITED, "exit_code": 143}, "stopped outside the console"),
    "killed late": (
        {"state": ContainerState.EXITED, "exit_code": 137, "was_asked_to_stop": True},
        "stopped outside the console",
    ),
}


@pytest.mark.parametrize("what", OUTSIDE)
async def test_hands_off_what_somebody_stopped_outside(stage: Stage, what: str) -> None:
    """A container that was paused or stopped in a shell is left alone, and the board says so; one that died is not."""
    changes, error = OUTSIDE[what]
    views = tuple(replace(view, **changes) for view in stage.engine.views.values())
    stage.fleet.record_containers(views)
    stage.fail_checks("broken", 10)
    assert await turn(stage) == 0
    assert stage.bot("broken").error == error
    died: dict[str, Any] = {"state": ContainerState.EXITED, "exit_code": 137}
    stage.fleet.record_containers(tuple(replace(view, **died) for view in stage.engine.views.values()))
    stage.fail_checks("broken", 10)
    assert await turn(stage) == 1


@pytest.mark.parametrize("reason", ["redis", "engine", "maintenance", "stopped", "off"])
async def test_hands_off(stage: Stage, reason: str) -> None:
    """Not when Redis is the cause, the engine unknown, in maintenance, stopped by an operator, or not asked for."""
    if reason == "redis":
        report = ServiceReport(
            name="redis", title="Redis", status=ServiceStatus.UNHEALTHY, checked_at=stage.time.clock.now()
        )
        stage.fleet.record_service(report)
    if reason == "engine":
        unknown = (replace(view, state=ContainerState.UNKNOWN) for view in stage.engine.views.values())
        stage.fleet.record_containers(tuple(unknown))
    if reason == "maintenance":
        await stage.policies.change(admin(), "broken", PolicyChange(is_in_maintenance=True, maintenance_reason="disk"))
    if reason == "off":
        await stage.policies.change(admin(), "broken", PolicyChange(is_auto_healed=False))
    if reason == "stopped":
        await stage.restarts.finished(await stage.restarts.stop(admin(), "broken"))
        stage.look()
    stage.fail_checks("broken", 10)
    assert await turn(stage) == 0
    assert stage.engine.asked("restart") == []
    if reason == "stopped":
        assert stage.bot("broken").error == "stopped by olga"
        with pytest.raises(Conflict):  # also when the healer did not know yet
            await stage.restarts.heal("broken", "10 failed checks")


async def heal_silence(stage: Stage, name: str = "well") -> None:
    """Ask for the healing of a bot that answers its health check and nobody."""
    await stage.policies.change(admin(), name, PolicyChange(is_healed_when_silent=True))


async def test_a_silent_bot_is_healed_where_that_is_asked_for(stage: Stage) -> None:
    """After three unanswered messages in a row; those before a restart count no more; three times, then quarantine."""
    stage.fail_synthetic_checks("well", 5)
    assert await turn(stage, "well") == 0  # only who stays offline
    await heal_silence(stage)
    assert await turn(stage, "well") == 1
    assert (await stage.healings("well"))[0].state is RestartState.ONLINE
    stage.fail_synthetic_checks("well", 2)
    assert await turn(stage, "well") == 1
    for count in (2, 3, 3):
        stage.fail_synthetic_checks("well", 3)
        assert await turn(stage, "well") == count
    assert stage.bot("well").status is BotStatus.QUARANTINED
    reasons = {entry.details["reason"] for entry in await stage.audit.find(admin()) if entry.action == "bot.restart"}
    assert any(str(reason).startswith("5 unanswered test messages in a row: does not answer") for reason in reasons)


@pytest.mark.parametrize(
    "reason", ["answered between", "common", "language model", "synthetic check off", "maintenance"]
)
async def test_hands_off_a_silent_bot(stage: Stage, reason: str) -> None:
    """Not when it answered meanwhile, when the others are silent as well, or when the language model is the cause."""
    await heal_silence(stage)
    stage.fail_synthetic_checks("well", 2)
    now = stage.time.clock.now()
    if reason == "answered between":
        stage.fleet.record_synthetic_check(SyntheticCheckView(bot_name="well", is_answered=True, checked_at=now))
    if reason == "common":
        stage.fail_synthetic_checks("broken", 2)
    if reason == "language model":
        down = ServiceReport(name="llm", title="Language model", status=ServiceStatus.UNHEALTHY, checked_at=now)
        stage.fleet.record_service(down)
    if reason == "synthetic check off":
        await stage.policies.change(admin(), "well", PolicyChange(is_synthetic_check_on=False))
    if reason == "maintenance":
        await stage.policies.change(admin(), "well", PolicyChange(is_in_maintenance=True, maintenance_reason="disk"))
    stage.fail_synthetic_checks("well", 2)
    assert await turn(stage, "well") == 0
