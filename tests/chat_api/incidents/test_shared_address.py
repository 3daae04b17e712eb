"""Several bots that are configured at one address are one fault, and one incident."""

from pathlib import Path

from chat_api.fleet.schemas import BotStatus, BotView
from chat_api.fleet.shared_addresses import MAX_CAUSE_CHARS, shared_addresses
from chat_api.incidents.schemas import IncidentState, IncidentView
from tests.chat_api.incidents.stage import admin
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot

V2 = "DISCORD_TOKEN=x\nLLM_MODEL_NAME=llama3\nAPI_PORT={}\n"


async def test_three_bots_at_one_address_are_one_incident(make_settings: MakeSettings, tmp_path: Path) -> None:
    """It names the two that cannot be there and what to correct, and is over once the copied ports are corrected."""
    names = ("elena", "marcus", "ryan")
    async with sample_bot("elena", contract="v2") as elena, sample_bot("marcus", contract="v2") as marcus:
        for name in names:
            (tmp_path / f".env.{name}").write_text(V2.format(elena.port))
        async with running_api(make_settings()) as api:

            async def only() -> IncidentView:
                (incident,) = await api.services.incidents.newest(admin())
                return incident

            incident = await eventually(only)
            assert incident.cause == f"address:localhost:{elena.port}"
            assert incident.headline == f"3 bots are configured at localhost:{elena.port}"
            assert incident.bot_names == ("marcus", "ryan")
            for name in ("marcus", "ryan"):
                assert f"Correct API_PORT in {tmp_path}/.env.{name}" in incident.detail

            (tmp_path / ".env.ryan").unlink()
            (tmp_path / ".env.marcus").write_text(V2.format(marcus.port))
            await _reread(api)

            async def is_resolved() -> bool:
                return (await only()).state is IncidentState.RESOLVED

            await eventually(is_resolved)
            details = await api.services.incidents.details(admin(), incident.incident_id)
            assert details.timeline[-1].content == "No two bots share this address any more."


def test_a_cause_fits_its_column_however_long_the_address_is() -> None:
    """Two addresses that begin alike stay two causes."""
    base = "http://a-proxy-with-a-long-name.fleets.example.org:8443/characters"
    bots = [_bot(f"{place}{number}", f"{base}/{place}") for place in ("one", "two") for number in (1, 2)]
    causes = list(shared_addresses(bots))
    assert len(causes) == 2
    assert all(len(cause) <= MAX_CAUSE_CHARS for cause in causes)


def _bot(name: str, url: str) -> BotView:
    return BotView(name=name, display_name=name, description="", emoji="", port=None, status=BotStatus.ONLINE, url=url)


async def _reread(api: RunningApi) -> None:
    await api.services.registry.refresh()
    api.services.fleet.sync_registry()
