"""Who answers at an address: two bots are never well at one, and nobody answers for another."""

from collections.abc import Mapping
from pathlib import Path

import httpx
import pytest

from chat_api.bots.schemas import BotSpec, Contract
from chat_api.core.settings import Settings
from chat_api.fleet.identity import Match, match
from chat_api.fleet.registry import BotRegistry, Names
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot

V2 = "DISCORD_TOKEN=x\nLLM_MODEL_NAME=llama3\nAPI_PORT={}\n"
V1 = "DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT={}\n"
FLEET: Mapping[str, frozenset[str]] = {
    "elena": frozenset({"elena", "elena_rodriguez"}),
    "marcus": frozenset({"marcus"}),
    "ryan_chen": frozenset({"ryan_chen"}),
    "tester": frozenset({"tester", "marcus"}),
}
NAMES = Names(
    fleet={name: name for name in FLEET},
    others={"elena_rodriguez": frozenset({"elena"}), "gone": frozenset({"gone"})}
    | {name: frozenset({name}) for name in FLEET},
)


@pytest.mark.parametrize(
    ("bot", "contract", "said", "expected"),
    [
        ("marcus", "v2", ["marcus"], Match.KEY),
        ("ryan_chen", "v2", ["ryan-chen"], Match.KEY),
        ("marcus", "v2", ["elena"], Match.OTHER),
        ("marcus", "v2", ["gone"], Match.OTHER),
        ("marcus", "v2", ["a-name-nobody-knows"], Match.UNKNOWN),
        ("tester", "v2", ["marcus"], Match.OTHER),
        ("marcus", "v1", ["Marcus", "Default Assistant"], Match.KEY),
        ("marcus", "v1", ["Marcus Chen", "Default Assistant"], Match.SIMILAR),
        ("marcus", "v1", ["Marcus#0001"], Match.KEY),
        ("elena", "v1", ["Elena Rodriguez"], Match.NAME),
        ("elena", "v1", ["Sea friend", "Elena Rodriguez"], Match.NAME),
        ("marcus", "v1", ["WhisperEngine", "Default Assistant"], Match.UNKNOWN),
        ("marcus", "v1", ["Ryan Chen", "Default Assistant"], Match.OTHER),
        ("marcus", "v1", ["Elena Rodriguez", "Marcus"], Match.KEY),
        ("marcus", "v1", ["Elena Rodriguez"], Match.OTHER),
        ("ryan_chen", "v1", ["Ryan"], Match.SIMILAR),
        ("tester", "v1", ["Marcus"], Match.NAME),
    ],
)
def test_only_who_says_another_known_name_is_another(
    bot: str, contract: Contract, said: list[str], expected: Match
) -> None:
    """v2 says its key; v1 a name for people, which accuses nobody unless it is another bot's and none of its own."""
    spec = BotSpec(name=bot, display_name=bot.title(), url="http://localhost:1", aliases=FLEET[bot])
    assert match(spec, said, contract, NAMES) is expected


async def test_three_bots_at_one_address(make_settings: MakeSettings, tmp_path: Path) -> None:
    """The one that answers there as itself is well; the others say what to correct, and no message goes astray."""
    async with sample_bot("elena", contract="v2") as bot:
        for name in ("elena", "ryan", "marcus"):
            (tmp_path / f".env.{name}").write_text(V2.format(bot.port))
        async with running_api(make_settings()) as api:
            await eventually(
                lambda: _statuses(api) == {"elena": "online", "ryan": MISADDRESSED, "marcus": MISADDRESSED}
            )
            (marcus,) = [one for one in api.services.fleet.current().bots if one.name == "marcus"]
            assert marcus.error is not None
            assert 'calls itself "elena"' in marcus.error
            assert f"Correct API_PORT in {tmp_path}/.env.marcus" in marcus.error
            assert marcus.last_seen_at is None, "it was elena who was seen"
            public = {one.name: one.status for one in api.services.fleet.public_bots()}
            assert public == {"elena": "online", "ryan": "offline", "marcus": "offline"}
            async with api.client(await api.login()) as client:
                await _is_refused(client, "marcus")
                answer = await client.post("/api/chat", json={"bot_name": "elena", "content": "Hello Elena"})
                assert answer.status_code == 200, answer.text
            async with api.client(await api.admin_login()) as console:
                trial = await console.post("/api/admin/bots/ryan/try", json={"text": "Hello?"})
                assert trial.json()["outcome"] == "bot_misaddressed"
            check = await api.services.synthetic_checks.ask("ryan")
            assert (check.is_answered, check.error) == (False, "another bot answers at its address")
        assert [call.message for call in await bot.calls()] == ["Hello Elena"]


async def test_nobody_is_well_where_nobody_says_who_is_there(make_settings: MakeSettings, tmp_path: Path) -> None:
    """A v1 bot whose account is called anything: alone it is trusted, shared it is not."""
    async with sample_bot("zoe", account="WhisperEngine") as bot:
        (tmp_path / ".env.ryan").write_text(V1.format(bot.port))
        async with running_api(make_settings()) as api:
            await eventually(lambda: _statuses(api) == {"ryan": "online"})
        (tmp_path / ".env.marcus").write_text(V1.format(bot.port))
        async with running_api(make_settings()) as api:
            await eventually(lambda: _statuses(api) == {"ryan": MISADDRESSED, "marcus": MISADDRESSED})
            fault = api.services.fleet.identities.fault("ryan") or ""
            where = f"http://localhost:{bot.port}"
            assert fault.startswith(f"Same address as marcus. The bot at {where} does not say which one it is."), fault
            async with api.client(await api.login()) as client:
                await _is_refused(client, "ryan")
        assert await bot.calls() == []


async def test_an_answer_of_another_bot_is_refused(make_settings: MakeSettings, tmp_path: Path) -> None:
    """Between two checks another bot took the port: its answer is neither shown nor stored."""
    async with sample_bot("elena", contract="v2") as elena, sample_bot("marcus", contract="v2") as marcus:
        settings = make_settings(bots=(elena, marcus), bot_health_check_interval=600.0)
        async with running_api(settings) as api:
            await eventually(lambda: _statuses(api) == {"elena": "online", "marcus": "online"})
            await elena.kill()
            async with sample_bot("marcus", contract="v2", port=elena.port), api.client(await api.login()) as client:
                await _is_refused(client, "elena")
                assert _statuses(api)["elena"] == MISADDRESSED
                await _is_refused(client, "elena")


async def test_swapped_bots_with_decorated_names(make_settings: MakeSettings, tmp_path: Path) -> None:
    """Each resembles the other: they were swapped. Where only one resembles another, it is a name like any."""
    async with (
        sample_bot("elena", account="Elena's tide pool") as elena,
        sample_bot("ryan", account="Ryan Chen | AI") as ryan,
        sample_bot("aria", account="Ryan's sister") as aria,
        sample_bot("zoe", account="Elena and Ryan") as zoe,
    ):
        for name, bot in (("elena", ryan), ("ryan", elena), ("aria", aria), ("zoe", zoe)):
            (tmp_path / f".env.{name}").write_text(V1.format(bot.port))
        wrong = {"elena": MISADDRESSED, "ryan": MISADDRESSED, "aria": "online", "zoe": "online"}
        right = dict.fromkeys(wrong, "online")
        async with running_api(make_settings()) as api:
            await eventually(lambda: _statuses(api) == wrong)
            fault = api.services.fleet.identities.fault("elena") or ""
            assert fault.startswith(f'The bot at http://localhost:{ryan.port} calls itself "Ryan Chen | AI".'), fault
            async with api.client(await api.login()) as client:
                await _is_refused(client, "elena")
        for name, bot in (("elena", elena), ("ryan", ryan)):
            (tmp_path / f".env.{name}").write_text(V1.format(bot.port))
        async with running_api(make_settings()) as api:
            await eventually(lambda: _statuses(api) == right)


@pytest.mark.parametrize("account", ["🌙✨", "Ryan"])
async def test_a_port_that_was_given_to_another_bot(make_settings: MakeSettings, tmp_path: Path, account: str) -> None:
    """A bot that nothing describes any more gives way to one that is described; once removed, its names are free."""
    async with sample_bot("ryan", account=account) as bot:
        (tmp_path / ".env.ryan").write_text(V1.format(bot.port))
        async with running_api(make_settings()) as api:
            await eventually(lambda: "ryan" in api.services.known_bots.names)
        (tmp_path / ".env.ryan").rename(tmp_path / ".env.explorer")
        async with running_api(make_settings()) as api:
            is_named = account == "Ryan"
            states = {"ryan": "online", "explorer": MISADDRESSED} if is_named else {"explorer": "online"}
            await eventually(lambda: states.items() <= _statuses(api).items())
            assert is_named or _statuses(api)["ryan"] == MISADDRESSED, "two bots are never well at one address"
            async with api.client(await api.admin_login()) as console:
                assert (await console.delete("/api/admin/bots/ryan")).status_code == 204
            await eventually(lambda: _statuses(api) == {"explorer": "online"})


async def test_a_renamed_separator_is_the_same_bot(tmp_path: Path) -> None:
    """``ryan-chen``, ``ryan_chen`` and "Ryan Chen" are one bot, found by any of them."""
    settings = _settings(tmp_path, "- {name: Ryan Chen, url: 'http://127.0.0.1:9'}\n")
    (tmp_path / ".env.ryan-chen").write_text(V1.format(9))
    registry = BotRegistry(settings)
    await registry.refresh()
    assert [bot.name for bot in registry.all()] == ["ryan-chen"]
    assert registry.get("ryan_chen") is registry.get("Ryan Chen") is registry.get("ryan-chen")
    assert registry.get("ryan-chen").url == "http://127.0.0.1:9"


MISADDRESSED = "misaddressed"


def _statuses(api: RunningApi) -> dict[str, str]:
    return {bot.name: bot.status.value for bot in api.services.fleet.current().bots}


async def _is_refused(client: httpx.AsyncClient, bot_name: str) -> None:
    """A message is refused as it should be, and what is stored of it has no answer."""
    answer = await client.post("/api/chat", json={"bot_name": bot_name, "content": f"Hello {bot_name}"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "bot_misaddressed"), answer.text
    retried = await client.post(f"/api/chat/{answer.json()['error']['message_id']}/retry")
    assert (retried.status_code, retried.json()["error"]["code"]) == (503, "bot_misaddressed"), retried.text
    stored = (await client.get(f"/api/conversations/{bot_name}/messages")).json()["messages"]
    assert stored
    assert all(message["role"] == "user" for message in stored), stored


def _settings(folder: Path, config: str) -> Settings:
    (folder / "bots.yaml").write_text(config)
    return Settings(bots_env_dir=folder, characters_dir=folder / "none", bots_config=folder / "bots.yaml")
