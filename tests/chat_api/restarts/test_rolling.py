"""Rolling restarts: gated, honest about where they ended, one at a time, and never going on by themselves."""

import asyncio
from collections.abc import Callable
from uuid import UUID

import pytest
import yaml
from sqlalchemy import text

from chat_api.core.errors import Conflict, NotFound, PermissionDenied
from chat_api.fleet.policy_schemas import PolicyChange
from chat_api.fleet.schemas import BotStatus
from chat_api.restarts.rolling_schemas import RollingView, StepState
from chat_api.restarts.schemas import RestartFilter
from models import Role, RollingState
from tests.chat_api.restarts.stage import Stage, admin, staged
from tests.support.api import MakeSettings, running_api
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import DEADLINE_S, eventually
from tests.support.sample_bots import RunningBot

TEN = tuple(f"bot{number:02}" for number in range(1, 11))


async def ended(stage: Stage, rolling_id: UUID) -> RollingView:
    """The rolling restart when it is over."""

    async def over() -> RollingView | None:
        view = await stage.rolling.of_id(admin(), rolling_id)
        return None if view.is_running else view

    return await eventually(over)


async def test_the_fourth_of_ten_fails_and_the_rest_is_untouched(
    make_settings: MakeSettings, elena: RunningBot
) -> None:
    """It stops there and says why; each step was told; who restarted what is in the history."""
    async with staged(make_settings, elena, TEN, broken=["bot04"]) as stage:
        steps: list[RollingView] = []
        stage.rolling.changes.listen(steps.append)
        begun = await stage.rolling.begin(admin(), TEN)
        with pytest.raises(Conflict):
            await stage.rolling.begin(admin(), TEN)
        view = await ended(stage, begun.rolling_id)
        assert view.state is RollingState.FAILED
        assert view.error is not None
        assert "bot04" in view.error
        assert "did not answer its health check" in view.error
        assert [step.state for step in view.steps] == (
            [StepState.DONE] * 3 + [StepState.FAILED] + [StepState.UNTOUCHED] * 6
        )
        assert stage.engine.asked("restart") == list(TEN[:4])
        seen = {step.state for told in steps for step in told.steps}
        assert seen == set(StepState)
        rows = await stage.restarts.history.found(admin(), RestartFilter(group_id=begun.rolling_id))
        assert [(row.bot_name, row.origin, row.requested_by) for row in rows] == [
            (name, "rolling", "olga") for name in reversed(TEN[:4])
        ]


async def test_a_bot_that_is_healthy_and_silent_stops_it(make_settings: MakeSettings, elena: RunningBot) -> None:
    """The gate is a real answer, unless operators switched its synthetic checks off."""
    await elena.set_faults(mode="exception")
    async with staged(make_settings, elena, TEN[:3]) as stage:
        view = await ended(stage, (await stage.rolling.begin(admin(), TEN[:3])).rolling_id)
        assert view.state is RollingState.FAILED
        assert "but not a message" in (view.error or "")
        assert stage.engine.asked("restart") == ["bot01"]
        for name in TEN[:3]:
            await stage.policies.change(admin(), name, PolicyChange(is_synthetic_check_on=False))
        view = await ended(stage, (await stage.rolling.begin(admin(), TEN[:3], batch_size=2)).rolling_id)
        assert (view.state, view.done_count, view.error) == (RollingState.DONE, 3, None)


async def test_the_preview_is_what_is_done(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Quietest first, users by bot and in total, who talks with two counts once; what is stopped is left out."""
    async with staged(make_settings, elena, TEN[:4]) as stage:
        async with stage.database.write() as connection:
            talks = [("alice", "bot01"), ("alice", "bot02"), ("bob", "bot01")]
            for user, bot in talks:
                await connection.execute(
                    text(
                        "INSERT INTO web_conversations (id, user_id, bot_name, user_message, timestamp, seq, status)"
                        " VALUES (gen_random_uuid(), :user, :bot, 'x', now(), 2 * floor(random() * 1e6) + 1, 'pending')"
                    ),
                    {"user": user, "bot": bot},
                )
        await stage.restarts.finished(await stage.restarts.stop(admin(), "bot04"))
        stage.look()
        preview = await stage.rolling.preview(admin(), [], batch_size=2)
        assert [(bot.bot_name, bot.batch, bot.affected_users) for bot in preview.bots] == [
            ("bot03", 1, 0),
            ("bot02", 1, 1),
            ("bot01", 2, 2),
        ]
        assert (preview.affected_users, preview.estimate_s) == (2, 60)
        assert preview.skipped == {"bot04": "stopped by olga"}
        with pytest.raises(NotFound):
            await stage.rolling.preview(admin(), ["nobody"])


async def test_abort_from_another_process(make_settings: MakeSettings, elena: RunningBot) -> None:
    """It ends after the batch that runs, wherever it was asked; the other process sees each step."""
    gate = asyncio.Event()

    async def wait(bot_name: str, reason: str) -> None:
        assert reason == "restart by olga"
        await gate.wait()

    async with (
        staged(make_settings, elena, TEN[:4], before_restart=wait) as one,
        staged(make_settings, elena, TEN[:4], time=one.time, engine=one.engine) as two,
    ):
        watching = asyncio.create_task(two.rolling.watch())
        seen: list[RollingView] = []
        two.rolling.changes.listen(seen.append)
        begun = await one.rolling.begin(admin(), TEN[:4], batch_size=2)
        await eventually(lambda: seen)
        with pytest.raises(Conflict):
            await two.rolling.begin(admin(), TEN[:1])
        await two.rolling.abort(admin("oleg"), begun.rolling_id)
        gate.set()
        view = await ended(two, begun.rolling_id)
        assert view.state is RollingState.ABORTED
        assert view.error == "Aborted by oleg after 2 of 4 bots."
        assert sorted(one.engine.asked("restart")) == ["bot01", "bot02"]
        await eventually(lambda: seen[-1].state is RollingState.ABORTED)
        with pytest.raises(Conflict):
            await two.rolling.abort(admin(), begun.rolling_id)
        watching.cancel()


async def test_what_a_dead_process_left_is_interrupted(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Not before it was silent for long; nothing goes on; the next may begin. A clean stop says so at once."""
    gate = asyncio.Event()

    async def wait(bot_name: str, reason: str) -> None:
        await gate.wait()

    async with staged(make_settings, elena, TEN[:3]) as survivor:
        async with staged(make_settings, elena, TEN[:3], before_restart=wait, engine=survivor.engine) as dying:
            begun = await dying.rolling.begin(admin(), TEN[:3])
            await survivor.rolling.interrupt_dead()
            assert (await survivor.rolling.of_id(admin(), begun.rolling_id)).is_running
            async with survivor.database.write() as connection:
                await connection.execute(
                    text("UPDATE web_rolling_restarts SET heartbeat_at = now() - interval '1 minute'")
                )
            await survivor.rolling.interrupt_dead()
            view = await survivor.rolling.of_id(admin(), begun.rolling_id)
            assert view.state is RollingState.INTERRUPTED
            assert [step.state for step in view.steps][1:] == [StepState.UNTOUCHED] * 2
            gate.set()  # The one that was taken for dead is back: it may not go on.
            await eventually(lambda: dying.engine.asked("restart") == ["bot01"])
            await eventually(lambda: dying.rolling._task is None or dying.rolling._task.done())
        assert survivor.engine.asked("restart") == ["bot01"]

        gate.clear()
        async with staged(make_settings, elena, TEN[:3], before_restart=wait, engine=survivor.engine) as stopping:
            begun = await stopping.rolling.begin(admin(), TEN[1:3])
            await eventually(lambda: stopping.fleet.restart_of("bot02"))
        view = await survivor.rolling.of_id(admin(), begun.rolling_id)
        assert view.state is RollingState.INTERRUPTED


async def test_a_viewer_begins_and_aborts_nothing(make_settings: MakeSettings, elena: RunningBot) -> None:
    """Denied by the service, and written down."""
    viewer = admin("vera", Role.VIEWER)
    async with staged(make_settings, elena, TEN[:1]) as stage:
        for attempt in (
            stage.rolling.begin(viewer, TEN[:1]),
            stage.rolling.abort(viewer, UUID(int=1)),
            stage.rolling.preview(viewer, TEN[:1]),
        ):
            with pytest.raises(PermissionDenied):
                await attempt
        assert [(line.actor_name, line.outcome) for line in await stage.audit.find(viewer)] == [("vera", "denied")] * 2


@pytest.mark.docker
async def test_ten_real_containers(
    make_settings: MakeSettings, docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> None:
    """In a real engine: the fourth does not come back, and the containers of bots five to ten were not touched."""
    bots = {name: bot_container(name) for name in TEN}
    settings = make_settings(docker_host=docker_engine.host, bot_restart_timeout=600)
    async with running_api(settings) as api:
        services = api.services
        who = await services.auth.authenticate(await api.admin_login(), is_admin=True)

        def all_online() -> bool:
            shown = services.fleet.current().bots
            return len(shown) == len(TEN) and all(bot.status is BotStatus.ONLINE for bot in shown)

        await eventually(all_online)
        before = {name: _started(bot) for name, bot in bots.items()}
        assert settings.bots_config is not None
        settings.bots_config.write_text(yaml.safe_dump([{"name": "bot04", "url": "http://127.0.0.1:9"}]))
        await services.registry.refresh()
        begun = await services.rolling.begin(who, TEN, batch_size=3)

        async def only_the_fourth_is_missing() -> bool:
            steps = (await services.rolling.of_id(who, begun.rolling_id)).steps
            return [step.state for step in steps[:6] if step.bot_name != "bot04"] == [StepState.DONE] * 5

        async def over() -> RollingView | None:
            view = await services.rolling.of_id(who, begun.rolling_id)
            return None if view.is_running else view

        await eventually(only_the_fourth_is_missing, deadline_s=3 * DEADLINE_S)  # containers start one after the other
        services.restarts.set_deadline(0.1)
        view = await eventually(over)
        assert view.state is RollingState.FAILED
        assert "bot04: The bot did not answer its health check" in (view.error or "")
        restarted = {name for name, bot in bots.items() if _started(bot) != before[name]}
        assert restarted == set(TEN[:6])  # two batches of three: the failing batch ends, the next does not begin
        assert [step.state for step in view.steps[6:]] == [StepState.UNTOUCHED] * 4


def _started(bot: BotContainer) -> str:
    bot.container.reload()
    return str(bot.container.attrs["State"]["StartedAt"])
