"""A console that is started beside a fleet, with nothing written for it: what it shows within a minute."""

import asyncio

import pytest

from chat_api.fleet.schemas import BotStatus, BotView, PartRole
from tests.fleets.world import Fleet, beside
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually

pytestmark = pytest.mark.docker
WITHIN_S = 60.0


async def all_found(api: RunningApi, fleet: Fleet) -> dict[str, BotView]:
    """The bots by name, once each of the fleet's is there and on-line, and nothing else is."""
    shown = api.services.fleet.current

    def are_found() -> bool:
        return {bot.name: bot.status for bot in shown().bots} == dict.fromkeys(fleet.bots, BotStatus.ONLINE)

    await eventually(are_found, deadline_s=WITHIN_S)
    return {bot.name: bot for bot in shown().bots}


def assert_true(api: RunningApi, fleet: Fleet, shown: dict[str, BotView]) -> None:
    """Each at its own address, of the right generation, with the names of its character."""
    registry = api.services.registry
    for key, bot in fleet.bots.items():
        assert registry.get(key).url == f"http://localhost:{bot.port}"
        assert registry.get(key).container_name == fleet.container_of(key)
        assert shown[key].contract == fleet.generation
    names = {key: (view.display_name, view.emoji) for key, view in shown.items()}
    assert names == {key: (bot.full_name, bot.emoji) for key, bot in fleet.bots.items()}


async def parts_of(api: RunningApi, count: int) -> dict[str, str]:
    """The role of every part that is no bot, by its container, once there are so many."""

    def seen() -> dict[str, str]:
        services = api.services.fleet.current().services
        found = {one.container: one.role.value for one in services if one.role is not PartRole.DEPENDENCY}
        return found if len(found) == count else {}

    return await eventually(seen, deadline_s=WITHIN_S)


@beside
async def test_the_first_generation(v1_fleet: Fleet, make_settings: MakeSettings) -> None:
    """No store, worker or job is taken for a bot; each bot answers as itself at the port that its container says."""
    assert ".env.gabriel" in {path.name for path in v1_fleet.folder.iterdir()}
    assert "HEALTH_CHECK_PORT=9091" in (v1_fleet.folder / ".env.gabriel").read_text()
    async with running_api(v1_fleet.settings(make_settings)) as api:
        assert_true(api, v1_fleet, await all_found(api, v1_fleet))
        expected = dict.fromkeys(v1_fleet.stores.values(), "store") | {"grafana": "service"}
        expected |= {"enrichment-worker": "worker", "whisperengine-db-migrate": "job"}
        assert await parts_of(api, len(expected)) == expected


@beside
async def test_the_second_generation(v2_fleet: Fleet, make_settings: MakeSettings) -> None:
    """Twelve bots beside six stores, four workers and an API, whose names begin as the bots' do."""
    async with running_api(v2_fleet.settings(make_settings)) as api:
        assert_true(api, v2_fleet, await all_found(api, v2_fleet))
        expected = dict.fromkeys(v2_fleet.stores.values(), "store") | dict.fromkeys(v2_fleet.workers, "worker")
        expected |= {f"{v2_fleet.project}-{name}": "service" for name in ("grafana", "api")}
        assert await parts_of(api, len(expected)) == expected


@beside
async def test_a_bot_that_is_adopted_is_restarted_and_not_made_anew(
    v2_fleet: Fleet, make_settings: MakeSettings
) -> None:
    """Refused before; then the same container runs again, dead or alive, with what its compose file gave it."""
    dotty = await asyncio.to_thread(v2_fleet.container, "dotty")
    async with running_api(v2_fleet.settings(make_settings)) as api:

        def status() -> BotStatus:
            return next(bot.status for bot in api.services.fleet.current().bots if bot.name == "dotty")

        await eventually(lambda: status() is BotStatus.ONLINE)
        async with api.client(await api.admin_login()) as client:
            assert (await client.post("/api/admin/bots/dotty/restart")).status_code in {404, 409}
            adopted = await client.post("/api/admin/adoption", json={"names": [dotty.name]})
            assert adopted.json() == {"names": [dotty.name]}, adopted.text
            await asyncio.to_thread(dotty.kill)
            await eventually(lambda: status() is BotStatus.OFFLINE)
            assert (await client.post("/api/admin/bots/dotty/start")).status_code == 200
            await eventually(lambda: status() is BotStatus.ONLINE)
    again = await asyncio.to_thread(v2_fleet.container, "dotty")
    assert (again.id, again.labels) == (dotty.id, dotty.labels)
    assert again.attrs["State"]["StartedAt"] > dotty.attrs["State"]["StartedAt"]
