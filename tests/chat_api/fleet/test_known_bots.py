"""A bot that was seen once stays in the fleet, whatever becomes of what described it, until somebody removes it."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from chat_api.core.errors import Conflict, NotFound, PermissionDenied
from chat_api.core.principals import Principal
from chat_api.fleet import sources_watcher as fleet_keeper
from chat_api.incidents.schemas import IncidentView
from models import Role
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


async def test_a_bot_that_nothing_describes_any_more_stays_until_it_is_removed(
    make_settings: MakeSettings, elena: RunningBot, tmp_path: Path
) -> None:
    """Over restarts of the console, at its last address; removed by an operator; back when it is described again."""
    file = tmp_path / ".env.elena"
    file.write_text(f"DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT={elena.port}\n")
    settings = make_settings()
    async with running_api(settings) as api:
        await eventually(lambda: _statuses(api) == {"elena": "online"})
        await eventually(lambda: _known(api) == ["elena"])
        with pytest.raises(Conflict, match=r"\.env\.elena still describes"):
            await api.services.known_bots.remove(await _principal(api), "elena")
    file.unlink()
    async with running_api(settings) as api:
        await eventually(lambda: _statuses(api) == {"elena": "online"})
        await elena.kill()
        await eventually(lambda: _statuses(api) == {"elena": "offline"})
        await eventually(lambda: _open_incidents(api, 1))
        with pytest.raises(PermissionDenied):
            await api.services.known_bots.remove(await _principal(api, Role.VIEWER), "elena")
        async with api.client(await api.admin_login(Role.OPERATOR)) as console:
            assert (await console.delete("/api/admin/bots/elena")).status_code == 204
            assert (await console.delete("/api/admin/bots/elena")).status_code == 404
        async with api.client(await api.admin_login()) as console:
            audit = await console.get("/api/admin/audit", params={"action": "bot.remove"})
            assert audit.json()["entries"][0]["target"] == "elena"
        assert _statuses(api) == {}
        await eventually(lambda: _open_incidents(api, 0))
        (incident,) = await _incidents(api)
        details = await api.services.incidents.details(await _principal(api), incident.incident_id)
        assert details.timeline[-1].content == "The bot left the fleet."
    async with running_api(settings) as api:
        with pytest.raises(NotFound):
            api.services.registry.get("elena")
    file.write_text(f"DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT={elena.port}\n")
    async with running_api(settings) as api:
        await eventually(lambda: _statuses(api) == {"elena": "offline"})


async def test_who_was_first_seen_right_before_the_end_is_known_too(
    make_settings: MakeSettings, elena: RunningBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A console that ends stores who was seen since it last did."""
    monkeypatch.setattr(fleet_keeper, "REMEMBER_S", 3600.0)
    file = tmp_path / ".env.elena"
    file.write_text(f"DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT={elena.port}\n")
    settings = make_settings()
    async with running_api(settings) as api:
        await eventually(lambda: _statuses(api) == {"elena": "online"})
        assert _known(api) == []
    await elena.kill()
    file.unlink()
    async with running_api(settings) as api:
        await eventually(lambda: _statuses(api) == {"elena": "offline"})
        (bot,) = api.services.fleet.current().bots
        assert bot.last_seen_at is not None


async def test_a_broken_file_at_the_start_brings_no_disabled_bot_back(
    make_settings: MakeSettings, elena: RunningBot, marcus: RunningBot, tmp_path: Path
) -> None:
    """What ``BOTS_CONFIG`` said last is stored: until it can be read, the fleet is as it was."""
    for bot in (elena, marcus):
        (tmp_path / f".env.{bot.name}").write_text("DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT=9\n")
    settings = make_settings()
    config = tmp_path / "bots.yaml"
    config.write_text(f"- {{name: elena, url: '{elena.url}'}}\n- {{name: marcus, enabled: false}}\n")
    async with running_api(settings) as api:
        await eventually(lambda: _statuses(api) == {"elena": "online"})
        await eventually(lambda: _known(api) == ["elena", "marcus"])
    config.write_text(f"- {{name: elena, url: '{elena.url}}}\n- {{name: marcus, enabled: false}}\n")
    async with running_api(settings) as api:
        await eventually(lambda: _statuses(api) == {"elena": "online"})
        problems = api.services.fleet.current().problems
        assert any("bots.yaml: unreadable since" in problem for problem in problems), problems
        config.write_text(f"- {{name: elena, url: '{elena.url}'}}\n- {{name: marcus, url: '{marcus.url}'}}\n")
        await api.services.registry.refresh()
        api.services.fleet.sync_registry()
        await eventually(lambda: _statuses(api) == {"elena": "online", "marcus": "online"})


def _statuses(api: RunningApi) -> dict[str, str]:
    return {bot.name: bot.status.value for bot in api.services.fleet.current().bots}


def _known(api: RunningApi) -> Sequence[str]:
    return sorted(api.services.known_bots.names)


async def _principal(api: RunningApi, role: Role = Role.ADMIN) -> Principal:
    return await api.services.auth.authenticate(await api.admin_login(role), is_admin=True)


async def _incidents(api: RunningApi) -> Sequence[IncidentView]:
    return await api.services.incidents.newest(await _principal(api))


async def _open_incidents(api: RunningApi, count: int) -> bool:
    return sum(incident.resolved_at is None for incident in await _incidents(api)) == count
