"""The live fleet: one poller, every change told once, and nothing old shown as green."""

import asyncio
from collections.abc import Awaitable
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import RawTestServer

from chat_api.core.errors import BotBusy, NotAuthenticated, Upstream
from chat_api.fleet.reports import AlertsReport, IncidentsReport
from chat_api.fleet.schemas import BotStatus, FleetView, ServiceStatus, SystemStatus, Trouble
from chat_api.incidents.schemas import IncidentFilter
from models import Severity
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, sample_bot
from tests.support.still_fleet import still_fleet


def status_of(api: RunningApi, name: str) -> BotStatus:
    """What the fleet says of a bot now."""
    return next(bot.status for bot in api.services.fleet.current().bots if bot.name == name)


async def test_a_bot_that_dies_and_returns_is_seen_without_asking(make_settings: MakeSettings) -> None:
    """Online, offline after a kill, online after a start; each change is published to listeners."""
    async with sample_bot("gabriel") as gabriel, running_api(make_settings(bots=(gabriel,))) as api:
        published: list[FleetView] = []
        api.services.fleet.changes.listen(published.append)
        await eventually(lambda: status_of(api, "gabriel") is BotStatus.ONLINE)
        await gabriel.kill()
        await eventually(lambda: status_of(api, "gabriel") is BotStatus.OFFLINE)
        await eventually(lambda: api.services.fleet.current().status is SystemStatus.CRITICAL)
        await gabriel.start()
        await eventually(lambda: status_of(api, "gabriel") is BotStatus.ONLINE)
        seen = [view.bots[0].status for view in published if view.bots]
        assert BotStatus.OFFLINE in seen
        versions = [view.version for view in published]
        assert versions == sorted(set(versions))


async def test_services_are_checked_with_their_latency(api: RunningApi) -> None:
    """PostgreSQL and Redis are measured; what is not configured says so and is no fault."""

    def services() -> dict[str, ServiceStatus]:
        return {service.name: service.status for service in api.services.fleet.current().services}

    await eventually(lambda: len(services()) == 5)
    assert services() == {
        "postgres": ServiceStatus.HEALTHY,
        "redis": ServiceStatus.HEALTHY,
        "qdrant": ServiceStatus.NOT_CONFIGURED,
        "docker": ServiceStatus.NOT_CONFIGURED,
        "llm": ServiceStatus.NOT_CONFIGURED,
    }
    by_name = {service.name: service for service in api.services.fleet.current().services}
    assert (by_name["postgres"].latency_ms or 0) > 0


async def test_services_that_are_away_are_named(make_settings: MakeSettings, elena: RunningBot) -> None:
    """A Qdrant and an engine that nobody answers for are unhealthy, the banner names them, and chat goes on."""
    settings = make_settings(
        bots=(elena,), qdrant_url="http://127.0.0.1:9", docker_host="tcp://127.0.0.1:9", redis_url="redis://127.0.0.1:9"
    )
    async with running_api(settings) as api:
        await eventually(lambda: "Qdrant" in api.services.fleet.current().headline)
        assert api.services.fleet.current().status is SystemStatus.DEGRADED
        alice = await api.principal("alice")
        assert (await api.services.messages.send(alice, bot_name="elena", content="Hello")).response


@pytest.mark.parametrize(("status", "expected"), [(401, ServiceStatus.HEALTHY), (503, ServiceStatus.UNHEALTHY)])
async def test_a_language_model_is_well_that_answers_at_all(
    make_settings: MakeSettings, status: int, expected: ServiceStatus
) -> None:
    """Without a key it may say no; an answer from 500 on says that it is in trouble."""

    async def answer(_: web.BaseRequest) -> web.Response:
        return web.Response(status=status)

    async with RawTestServer(answer) as model:
        settings = make_settings(llm_health_url=str(model.make_url("/v1/models")))
        async with running_api(settings) as api:
            report = await api.services.health.check("llm")
    assert (report.title, report.status) == ("Language model", expected)


async def test_heartbeats_survive_a_restart_of_the_console(
    make_settings: MakeSettings, elena: RunningBot, database_url: str
) -> None:
    """The bars are there again: checks are kept in the database."""
    settings = make_settings(bots=(elena,))
    async with running_api(settings):
        connection = await asyncpg.connect(database_url)
        await eventually(lambda: connection.fetchval("SELECT count(*) > 2 FROM web_bot_checks"))
        await connection.close()
    async with running_api(settings) as api:
        await eventually(lambda: len(api.services.fleet.current().bots[0].heartbeats) > 3)


async def test_a_bot_that_answers_health_but_is_not_ready_is_degraded(make_settings: MakeSettings) -> None:
    """A v1 bot says on ``/ready`` that it is not connected."""
    async with sample_bot("ryan") as ryan, running_api(make_settings(bots=(ryan,))) as api:
        await ryan.set_faults(mode="not_ready")
        await eventually(lambda: status_of(api, "ryan") is BotStatus.DEGRADED)


@pytest.mark.parametrize("contract", ["v1", "v2"])
async def test_a_bot_that_is_off_discord_says_so_everywhere(make_settings: MakeSettings, contract: str) -> None:
    """It answers its health check and people here; the board, the incident and the alert's text have the reason."""
    async with sample_bot("ryan", contract=contract) as ryan:
        settings = make_settings(bots=(ryan,), bot_canary_interval=0)
        async with running_api(settings) as api:
            await eventually(lambda: status_of(api, "ryan") is BotStatus.ONLINE)
            administrator = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)
            await ryan.set_faults(is_off_discord=True)
            await eventually(lambda: status_of(api, "ryan") is BotStatus.DEGRADED)
            assert api.services.fleet.current().bots[0].error == "not connected to Discord"

            async def opened() -> bool:
                found = await api.services.incidents.newest(administrator, state=IncidentFilter.OPEN)
                return any("not connected to discord" in one.detail.lower() for one in found)

            await eventually(opened)
            async with api.client(await api.admin_login()) as client:

                async def says_so() -> bool:
                    shown = (await client.get("/api/admin/bots/ryan")).json()
                    return (shown["is_on_discord"], shown["error"]) == (False, "not connected to Discord")

                await eventually(says_so)  # a moment ago it may have been looked at too long ago to say
            await ryan.set_faults(is_off_discord=False)
            await eventually(lambda: status_of(api, "ryan") is BotStatus.ONLINE)


async def test_how_busy_a_bot_is_shows_in_the_fleet_and_in_the_metrics(make_settings: MakeSettings) -> None:
    """One call under way, one waiting, one refused; then the bot dies, and after five failures its breaker is open."""
    async with sample_bot("ryan") as ryan:
        settings = make_settings(bots=(ryan,), bot_max_parallel_calls=1, bot_health_check_interval=60)
        async with running_api(settings) as api:
            administrator = await api.services.auth.authenticate(await api.admin_login(), is_admin=True)

            async def send(username: str) -> object:
                user = await api.principal(username)
                return await api.services.messages.send(user, bot_name="ryan", content="Hello")

            def busy() -> tuple[int, int, int, str]:
                bot = api.services.fleet.current().bots[0]
                return bot.calls_in_flight, bot.calls_waiting, bot.call_slots, bot.breaker

            def metric(name: str, labels: str = "") -> float | None:
                registry = api.app.state.metrics.registry
                value: float | None = registry.get_sample_value(f"whisperengine_web_bot_{name}", LABELS[labels])
                return value

            await ryan.set_faults(mode="hang")
            sending = [asyncio.ensure_future(send(name)) for name in ("alice", "bob")]
            await eventually(lambda: busy() == (1, 1, 1, "closed"))
            await eventually(lambda: (metric("calls_in_flight"), metric("calls_waiting")) == (1, 1))
            with pytest.raises(BotBusy):
                await send("carol")
            assert metric("calls_refused_total", "bulkhead") == 1
            await ryan.kill()
            outcomes = await asyncio.gather(*sending, return_exceptions=True)
            outcomes += [await failure(send(f"user{number}")) for number in range(4)]
            assert all(isinstance(outcome, Upstream) for outcome in outcomes)
            await eventually(lambda: busy() == (0, 0, 1, "open"))
            await eventually(lambda: metric("breaker_state") == 2)
            assert (metric("calls_refused_total", "breaker") or 0) >= 1
            assert settings.bots_config is not None
            settings.bots_config.write_text("[]")
            await api.services.registry.refresh(labelled=())
            api.services.fleet.sync_registry()
            if api.services.fleet.current().bots:  # it has been seen for long enough to be known for good
                await api.services.known_bots.remove(administrator, "ryan")
            await eventually(lambda: metric("breaker_state") is None)


LABELS = {"": {"bot_name": "ryan"}} | {
    reason: {"bot_name": "ryan", "reason": reason} for reason in ("breaker", "bulkhead")
}


async def failure(call: Awaitable[object]) -> object:
    """What a call raises, or its value."""
    (outcome,) = await asyncio.gather(call, return_exceptions=True)
    return outcome


async def test_what_is_not_over_yet_is_not_said_of_a_bot_that_is_back(tmp_path: Path) -> None:
    """A bot that answers again has an alert that fires for another minute: it is not said to be offline."""
    still = await still_fleet(tmp_path, "elena")
    still.probe("elena")
    offline = Trouble(key="a", title="Elena is offline", severity=Severity.CRITICAL, bots=("elena",))
    expected = {"alert still firing: Elena is offline", "incident still open: Elena is offline", None}
    found = set()
    still.fleet.record_incidents(IncidentsReport(reported_at=still.hands.at, incidents=(offline,)))
    for alerts in ((offline,), ()):
        still.fleet.record_alerts(AlertsReport(reported_at=still.hands.at, alerts=alerts))
        found.add(still.fleet.current().bots[0].error)
    still.fleet.record_incidents(IncidentsReport(reported_at=still.hands.at, incidents=()))
    found.add(still.fleet.current().bots[0].error)
    assert found == expected


async def test_public_statuses_are_the_specified_three(api: RunningApi) -> None:
    """``GET /api/bots`` knows online, offline and busy only."""
    await eventually(lambda: status_of(api, "elena") is BotStatus.ONLINE)
    async with api.client() as client:
        bots = (await client.get("/api/bots")).json()["bots"]
    assert {bot["name"] for bot in bots} == {"elena", "marcus"}
    assert bots[0].keys() >= {"name", "display_name", "description", "emoji", "status"}
    assert {bot["status"] for bot in bots} <= {"online", "offline", "busy"}


async def test_users_do_not_see_the_console(api: RunningApi) -> None:
    """A user's principal is nobody at the console's doors."""
    alice = await api.principal("alice")
    with pytest.raises(NotAuthenticated):
        api.services.fleet.view(alice)
