"""A console that is started beside a fleet, with nothing written for it: what it shows within a minute."""

import pytest

from chat_api.fleet.schemas import BotStatus, BotView
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


@beside
async def test_the_first_generation(v1_fleet: Fleet, make_settings: MakeSettings) -> None:
    """No store, worker or job is taken for a bot; each bot answers as itself at the port that its container says."""
    assert ".env.gabriel" in {path.name for path in v1_fleet.folder.iterdir()}
    assert "HEALTH_CHECK_PORT=9091" in (v1_fleet.folder / ".env.gabriel").read_text()
    async with running_api(v1_fleet.settings(make_settings)) as api:
        assert_true(api, v1_fleet, await all_found(api, v1_fleet))


@beside
async def test_the_second_generation(v2_fleet: Fleet, make_settings: MakeSettings) -> None:
    """Twelve bots beside six stores, four workers and an API, whose names begin as the bots' do."""
    async with running_api(v2_fleet.settings(make_settings)) as api:
        assert_true(api, v2_fleet, await all_found(api, v2_fleet))
