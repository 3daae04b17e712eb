"""A rolling restart between two runs of checks: it stops where a bot answers worse than before."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from chat_api.checks.schemas import CheckPrompt, SuiteDraft
from chat_api.checks.service import ChecksService
from chat_api.core.pubsub import PubSub
from chat_api.engine.schemas import ContainerView
from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.fleet.synthetic_checks import SyntheticChecksService
from chat_api.restarts.rolling import RollingService
from chat_api.restarts.rolling_runs import regressed
from chat_api.restarts.rolling_schemas import RollingView, StepState
from models import RollingState
from tests.chat_api.restarts.stage import NotingEngine, Stage, admin, staged
from tests.support.api import MakeSettings
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

TWO = ("bot01", "bot02")


class BreakingEngine(NotingEngine):
    """What it restarts answers with apologies from then on, and is healthy."""

    def __init__(self, bot: RunningBot) -> None:
        super().__init__(TWO)
        self._bot = bot

    async def restart(self, view: ContainerView, *, timeout_s: float = 10) -> None:
        """Noted, and broken."""
        await super().restart(view, timeout_s=timeout_s)
        await self._bot.set_faults(mode="http500")


@asynccontextmanager
async def rolling_with_checks(
    make_settings: MakeSettings, bot: RunningBot
) -> AsyncIterator[tuple[Stage, RollingService, ChecksService]]:
    """Two bots that nobody sends synthetic checks to, and both services over them."""
    settings = make_settings()
    assert settings.redis_url is not None
    async with staged(make_settings, bot, TWO, engine=BreakingEngine(bot)) as stage:
        for name in TWO:
            await stage.policies.change(admin(), name, PolicyChange(is_synthetic_check_on=False))
        pubsub = PubSub(settings.redis_url.get_secret_value(), deployment_id="checks")
        checks = ChecksService(stage.database, stage.registry, stage.fleet.identities, stage.audit, pubsub)
        check = SyntheticChecksService(stage.registry, stage.fleet, stage.connector).ask
        parts = (stage.database, stage.registry, stage.fleet, stage.restarts, stage.audit, pubsub)
        rolling = RollingService(*parts, check=check, checkup=checks.answers)
        try:
            yield stage, rolling, checks
        finally:
            await rolling.close()
            await checks.close()


async def ended(rolling: RollingService, view: RollingView) -> RollingView:
    """The rolling restart when it is over."""

    async def over() -> RollingView | None:
        now = await rolling.of_id(admin(), view.rolling_id)
        return None if now.is_running else now

    return await eventually(over)


async def test_it_stops_where_a_check_that_passed_fails(make_settings: MakeSettings, elena: RunningBot) -> None:
    """The bot is named with the prompt, and the rest is untouched; both runs are in the history."""
    async with rolling_with_checks(make_settings, elena) as (stage, rolling, checks):
        draft = SuiteDraft(name="Smoke", prompts=(CheckPrompt(text="Hello"),))
        suite = await checks.create_suite(admin(), draft)
        view = await ended(rolling, await rolling.begin(admin(), TWO, check_suite_id=suite.suite_id))
        assert view.state is RollingState.FAILED
        assert view.error == "bot01: It failed a check that it passed before: Hello"
        assert [step.state for step in view.steps] == [StepState.FAILED, StepState.UNTOUCHED]
        assert stage.engine.asked("restart") == ["bot01"]
        assert [(run.bots, run.passed) for run in await checks.runs(admin())] == [(("bot01",), 0), (TWO, 2)]


async def test_what_failed_before_stops_nothing(make_settings: MakeSettings, elena: RunningBot) -> None:
    """A suite that is never met says nothing about a restart."""
    async with rolling_with_checks(make_settings, elena) as (_, rolling, checks):
        prompts = (CheckPrompt(text="Hello", contains=("no bot says this",)),)
        suite = await checks.create_suite(admin(), SuiteDraft(name="Hard", prompts=prompts))
        view = await ended(rolling, await rolling.begin(admin(), TWO, check_suite_id=suite.suite_id))
        assert (view.state, view.error) == (RollingState.DONE, None)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ([("a", True), ("b", True)], [("a", True), ("b", False)], ["b"]),
        ([("a", False)], [("a", False)], []),
        ([("a", True)], [("c", False)], []),  # the suite was changed meanwhile
        ([("a", True)], [], []),
    ],
)
def test_only_what_got_worse_counts(
    before: list[tuple[str, bool]], after: list[tuple[str, bool]], found: list[str]
) -> None:
    """By prompt, in their order."""
    assert regressed(before, after) == found
