"""The check: a bot that answers its health check and not its users is degraded, until it answers again."""

import asyncio
import dataclasses
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import asyncpg
import pytest

from chat_api.fleet.check_intervals import USUAL_INTERVALS, CheckIntervals
from chat_api.fleet.reports import PoliciesReport
from chat_api.fleet.schemas import BotPolicy, BotStatus, BotView, FleetView, RestartView, ServiceStatus
from chat_api.fleet.synthetic_checks import USER_ID, SyntheticChecksService
from chat_api.fleet.synthetic_checks_schedule import RETRY_S
from chat_api.fleet.synthetic_checks_worker import SyntheticChecksWorker
from chat_api.incidents.schemas import IncidentFilter
from models import RestartState
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, fleet, sample_bot
from tests.support.still_fleet import StillFleet, still_fleet

INTERVAL_S = 300.0


def bot_of(api: RunningApi, name: str) -> BotView:
    """A bot as the fleet shows it."""
    return next(bot for bot in api.services.fleet.current().bots if bot.name == name)


async def test_a_bot_that_answers_health_but_not_people_is_degraded(make_settings: MakeSettings) -> None:
    """With the reason shown, until it answers; nothing of it is a message, or a figure of real answers."""
    async with sample_bot("ryan") as ryan:
        settings = make_settings(bots=(ryan,), bot_canary_interval=0.4, bot_api_timeout=5)
        async with running_api(settings) as api:
            await eventually(lambda: (check := bot_of(api, "ryan").synthetic_check) and check.is_answered)
            assert bot_of(api, "ryan").status is BotStatus.ONLINE
            await ryan.set_faults(mode="http500")
            await eventually(lambda: bot_of(api, "ryan").status is BotStatus.DEGRADED)
            await eventually(lambda: "does not answer messages" in (bot_of(api, "ryan").error or ""))
            assert bot_of(api, "ryan").latency_ms is not None
            await ryan.set_faults(mode="ok")
            await eventually(lambda: bot_of(api, "ryan").status is BotStatus.ONLINE)
            assert bot_of(api, "ryan").error is None
        assert {call.user_id for call in await ryan.calls()} == {USER_ID}
        assert settings.database_url
        connection = await asyncpg.connect(settings.database_url.get_secret_value())
        assert await connection.fetchval("SELECT count(*) FROM web_conversations") == 0
        assert await connection.fetchval("SELECT count(*) FROM web_series WHERE subject = 'answers:ryan'") == 0
        assert (
            await connection.fetchval("SELECT max(errors) FROM web_series WHERE subject = 'synthetic_check:ryan'") > 0
        )
        await connection.close()


async def test_what_counts_as_an_answer(elena: RunningBot, tmp_path: Path) -> None:
    """Silence, an apology and nonsense do not; a bot without a free slot is asked later, and nothing is said of it."""
    still = await still_fleet(tmp_path, elena)
    still.connector._settings = still.connector._settings.model_copy(update={"bot_api_timeout": 1.0})
    await still.connector.initialize()
    check = SyntheticChecksService(still.registry, still.fleet, still.connector, clock=still.hands.clock)
    still.probe("elena")
    try:
        seen = {}
        for mode in ("http500", "hang", "notjson", "ok"):
            await elena.set_faults(mode=mode)
            view = await check.ask("elena")
            seen[mode] = (view.is_answered, view.error)
            assert still.fleet.current().bots[0].synthetic_check == view
        assert seen == {
            "http500": (False, "apologised"),
            "hang": (False, "no answer in time"),
            "notjson": (False, "not a usable answer"),
            "ok": (True, None),
        }
        await elena.set_faults(mode="hang")
        spec = still.registry.get("elena")
        calls = [
            asyncio.create_task(still.connector.send_message_to_bot(spec, user_id="u", message="Hi")) for _ in range(2)
        ]
        await eventually(lambda: still.connector.endpoint_view("elena").waiting == 1)
        busy = await check.ask("elena")
        assert (busy.is_answered, busy.error) == (False, "all its calls are taken")
        assert still.fleet.current().bots[0].synthetic_check == view
        await asyncio.gather(*calls, return_exceptions=True)
        await elena.set_faults(mode="exception")
        while still.connector.endpoint_view("elena").breaker != "open":
            await check.ask("elena")
        assert (await check.ask("elena")).error == "calls are paused after many failures", "it was not even asked"
    finally:
        await elena.set_faults(mode="ok")
        await still.connector.cleanup()


async def test_a_dead_language_model_is_the_trouble_of_all_its_bots(make_settings: MakeSettings) -> None:
    """One bot says so: it is degraded. Two say so: it is the language model's incident, whoever watches it, or nobody.

    What these bots answer to people meanwhile looks well, and counts as failed.
    """
    async with fleet(("elena", "ryan", "dream"), contract="v2") as bots:
        settings = make_settings(bots=tuple(bots.values()), bot_canary_interval=1.0)
        async with running_api(settings) as api:
            await eventually(
                lambda: all((bot.synthetic_check and bot.synthetic_check.is_answered) for bot in _view(api).bots)
            )
            viewer = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
            await bots["elena"].set_faults(mode="model_dead")
            await eventually(lambda: bot_of(api, "elena").error == "its language model does not answer")
            assert bot_of(api, "elena").status is BotStatus.DEGRADED
            assert _llm(api) is ServiceStatus.NOT_CONFIGURED
            await bots["ryan"].set_faults(mode="model_dead")
            await eventually(lambda: _llm(api) is ServiceStatus.UNHEALTHY)
            await eventually(lambda: {bot.name: bot.cause for bot in _view(api).bots} == {"dream": None} | _LLM)
            await eventually(lambda: _view(api).headline == "Language model does not answer: 2 bots affected")
            assert bot_of(api, "dream").shown is BotStatus.ONLINE

            async def opened() -> bool:
                found = await api.services.incidents.newest(viewer, state=IncidentFilter.OPEN)
                return [one.headline for one in found] == ["Language model does not answer: 2 bots affected"]

            await eventually(opened)
            alice = await api.principal("alice")

            async def is_counted() -> bool:
                await api.services.messages.send(alice, bot_name="ryan", content="Are you there?")
                answers = api.app.state.metrics.bot_answers
                return bool(answers.labels("ryan", "failed")._value.get())

            await eventually(is_counted)
            for bot in bots.values():
                await bot.set_faults(mode="ok")
            await eventually(lambda: _view(api).headline == "All 3 bots are online")
            assert _llm(api) is ServiceStatus.NOT_CONFIGURED


async def test_bots_that_only_apologise_together(make_settings: MakeSettings) -> None:
    """The first generation does not say why; when all of them apologise, it is what they all talk through."""
    async with fleet(("elena", "marcus"), contract="v1") as bots:
        settings = make_settings(bots=tuple(bots.values()), bot_canary_interval=1.0)
        async with running_api(settings) as api:
            for bot in bots.values():
                await bot.set_faults(mode="model_dead")
            await eventually(lambda: _llm(api) is ServiceStatus.UNHEALTHY)
            assert {bot.cause for bot in _view(api).bots} == {"llm"}


_LLM = {"elena": "llm", "ryan": "llm"}


def _view(api: RunningApi) -> FleetView:
    return api.services.fleet.current()


def _llm(api: RunningApi) -> ServiceStatus:
    return next(service.status for service in _view(api).services if service.name == "llm")


async def test_several_failures_take_two_answers(elena: RunningBot, tmp_path: Path) -> None:
    """One good answer after several that failed may be luck; the next comes soon, and decides."""
    still = await still_fleet(tmp_path, elena)
    await still.connector.initialize()
    check = SyntheticChecksService(still.registry, still.fleet, still.connector, clock=still.hands.clock)
    worker = SyntheticChecksWorker(check, still.fleet, USUAL_INTERVALS, clock=still.hands.clock)
    still.probe("elena")
    worker.due()
    try:
        seen = []
        for mode in ("http500", "ok", "http500", "http500", "ok", "ok"):
            await elena.set_faults(mode=mode)
            await worker._ask("elena")
            seen.append(still.fleet.current().bots[0].status)
            if seen[-1] is BotStatus.DEGRADED and mode == "ok":
                still.hands.move(3)
                assert worker.due() == ["elena"]
        well, ill = BotStatus.ONLINE, BotStatus.DEGRADED
        assert seen == [ill, well, ill, ill, ill, well]
    finally:
        await elena.set_faults(mode="ok")
        await still.connector.cleanup()


@pytest.fixture
async def still(tmp_path: Path) -> AsyncIterator[StillFleet]:
    """Elena, online, and nobody there to be asked."""
    fleet = await still_fleet(tmp_path, "elena")
    await fleet.connector.initialize()
    fleet.probe("elena")
    yield fleet
    await fleet.connector.cleanup()


def worker_of(still: StillFleet) -> SyntheticChecksWorker:
    """The leader's worker, by the hands of the fleet's clock."""
    check = SyntheticChecksService(still.registry, still.fleet, still.connector, clock=still.hands.clock)
    return SyntheticChecksWorker(check, still.fleet, USUAL_INTERVALS, clock=still.hands.clock)


async def test_a_bot_is_asked_on_its_interval_and_soon_after_it_came_back(still: StillFleet) -> None:
    """Not at once when the console starts, not while nobody is there, and at once when somebody is there again."""
    worker = worker_of(still)
    assert worker.due() == []
    still.hands.move(61)
    still.probe("elena")
    assert worker.due() == ["elena"]
    await worker._ask("elena")  # nobody answers
    assert still.fleet.current().bots[0].status is BotStatus.DEGRADED
    assert worker.due() == []
    still.hands.move(1.11 * RETRY_S)
    assert worker.due() == ["elena"]
    still.probe("elena", latency_ms=None)
    assert worker.due() == []
    assert still.fleet.current().bots[0].synthetic_check is None  # what was said of it is forgotten with it
    still.probe("elena")
    assert still.fleet.current().bots[0].status is BotStatus.ONLINE
    worker.due()
    still.hands.move(3)
    assert worker.due() == ["elena"]


async def test_who_is_not_asked(still: StillFleet) -> None:
    """A bot with the check off, in maintenance, or being restarted; off also ends what an earlier one said."""
    worker = worker_of(still)
    worker.due()
    await worker._ask("elena")
    still.hands.move(1.11 * RETRY_S)
    assert worker.due() == ["elena"]
    at = still.hands.at
    policy = BotPolicy(bot_name="elena", changed_at=at, is_synthetic_check_on=False)
    for one in (policy, dataclasses.replace(policy, is_synthetic_check_on=True, maintenance_since=at)):
        still.fleet.record_policies(PoliciesReport(reported_at=at, policies=(one,)))
        assert worker.due() == []
    still.fleet.record_policies(PoliciesReport(reported_at=at, policies=()))
    assert still.fleet.current().bots[0].status is BotStatus.ONLINE
    still.fleet.record_restart(_restart(still))
    assert worker.due() == []


async def test_an_old_check_keeps_nobody_degraded(still: StillFleet) -> None:
    """What was said before a restart, or longer ago than two intervals, is not believed."""
    worker = worker_of(still)
    await worker._ask("elena")
    assert still.fleet.current().bots[0].status is BotStatus.DEGRADED
    still.hands.move(1)
    still.fleet.record_restart(_restart(still))
    still.fleet.record_restart(dataclasses.replace(_restart(still), state=RestartState.ONLINE))
    assert still.fleet.current().bots[0].status is BotStatus.ONLINE
    still.hands.move(1)
    await worker._ask("elena")
    assert still.fleet.current().bots[0].status is BotStatus.DEGRADED
    still.hands.move(2 * INTERVAL_S + 61)
    still.probe("elena")
    await still.fleet.refresh()
    assert still.fleet.current().bots[0].status is BotStatus.ONLINE


async def test_zero_asks_nobody(still: StillFleet) -> None:
    """The worker waits for its end."""
    check = SyntheticChecksService(still.registry, still.fleet, still.connector, clock=still.hands.clock)
    worker = SyntheticChecksWorker(check, still.fleet, CheckIntervals(shortest_s=0, quiet_s=1), clock=still.hands.clock)
    task = asyncio.create_task(worker.run())
    await asyncio.sleep(0)
    assert not task.done()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def _restart(still: StillFleet) -> RestartView:
    return RestartView(
        restart_id=UUID(int=1),
        bot_name="elena",
        requested_by="test",
        requested_at=still.hands.at,
        state=RestartState.STARTING,
        estimate_s=5,
    )
