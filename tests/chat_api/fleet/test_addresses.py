"""Where a bot is looked for when only its port is known, and what is kept when a source cannot be read."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Literal

import pytest

from chat_api.core.settings import Settings
from chat_api.fleet import source_memory
from chat_api.fleet.addresses import HostMode, addresses_of, host_and_port
from chat_api.fleet.registry import BotRegistry, LabelledContainer
from chat_api.fleet.schemas import BotStatus
from tests.support.api import MakeSettings, RunningApi, running_api
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot, sample_bot

CONTAINER = {"port": 8001, "host_port": 8001, "inner_port": 8000, "container_name": "we-elena", "service_name": "elena"}
V2 = "DISCORD_TOKEN=x\nLLM_MODEL_NAME=llama3\n"


@pytest.mark.parametrize(
    ("facts", "mode", "is_inside", "expected"),
    [
        ({"url": "http://far:1", "port": 2}, "auto", False, ["http://far:1"]),
        (CONTAINER, "localhost", True, ["http://localhost:8001"]),
        (CONTAINER, "auto", False, ["http://localhost:8001", "http://we-elena:8000", "http://we-elena:8001"]),
        (CONTAINER, "container", False, ["http://we-elena:8000", "http://we-elena:8001", "http://elena:8000"]),
        (
            {"port": 7301},
            "auto",
            True,
            ["http://whisperengine-elena-bot:7301", "http://elena-bot:7301", "http://localhost:7301"],
        ),
        (
            {"port": 8000, "generation": "v2"},
            "container",
            True,
            ["http://elena:8000", "http://whisperengine-v2-elena:8000"],
        ),
        ({}, "auto", False, []),
    ],
)
def test_a_port_is_looked_for_here_and_in_the_container(
    facts: Mapping[str, str | int], mode: HostMode, is_inside: bool, expected: list[str]
) -> None:
    """In the order of likelihood; a URL, or a mode that forces a place, is the only one."""
    found = addresses_of("elena", facts, mode=mode, is_inside=is_inside)
    assert [url for url in found if url in expected] == expected
    if expected:
        forced: Literal[1] | None = 1 if "url" in facts or mode == "localhost" else None
        assert len(found) == forced or (forced is None and len(found) >= len(expected))


def test_all_names_of_this_machine_are_one_place() -> None:
    """Two bots that are written down at it differently are at one address all the same."""
    assert (
        len({host_and_port(f"http://{host}:8000") for host in ("localhost", "127.0.0.1", "[::1]", "LOCALHOST.")}) == 1
    )
    assert host_and_port("http://elena") == host_and_port("http://elena:80/")
    assert host_and_port("http://proxy/elena") != host_and_port("http://proxy/marcus")


async def test_a_bot_is_kept_where_it_answers(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a container that is not the fleet's, "localhost" is tried as well; when it moves, it is found again."""
    monkeypatch.setenv("container", "lxc")  # as systemd marks one
    settings = make_settings(bots_host_mode="auto")
    async with sample_bot("elena", contract="v2") as elena:
        (tmp_path / "bots.yaml").write_text(f"elena: {{port: {elena.port}}}\n")
        async with running_api(settings) as api:
            await eventually(lambda: _status(api) is BotStatus.ONLINE)
            assert api.services.registry.get("elena").url == f"http://localhost:{elena.port}"
            async with api.client(await api.login()) as client:
                answer = await client.post("/api/chat", json={"bot_name": "elena", "content": "Hello"})
                assert answer.status_code == 200, answer.text


async def test_another_bot_is_not_taken_for_one_that_is_looked_for(
    make_settings: MakeSettings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, elena: RunningBot
) -> None:
    """Something answers on this machine under the port, but it says it is another bot of the fleet."""
    monkeypatch.setenv("container", "lxc")
    settings = make_settings(bots_host_mode="auto")
    lines = [f"elena: {{url: '{elena.url}'}}", f"marcus: {{port: {elena.port}}}"]
    (tmp_path / "bots.yaml").write_text("\n".join(lines))
    async with running_api(settings) as api:
        await eventually(lambda: _status(api) is BotStatus.ONLINE)
        await eventually(lambda: _status(api, "marcus") is BotStatus.OFFLINE)


async def test_the_ports_of_both_generations(tmp_path: Path) -> None:
    """``API_PORT`` (v2, 8000) and ``HEALTH_CHECK_PORT`` (v1, 9090); a container knows better, ``BOTS_CONFIG`` best."""
    (tmp_path / ".env.elena").write_text(f"{V2}API_PORT=8011\nHEALTH_CHECK_PORT=9091\n")
    (tmp_path / ".env.dream").write_text(V2)
    (tmp_path / ".env.gabriel").write_text("DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT=9091\n")
    (tmp_path / ".env.aethys").write_text("DISCORD_BOT_TOKEN=x\n")
    (tmp_path / ".env.worker").write_text(f"{V2}DISCORD_BOT_NAME=worker-cognition\n")
    registry = BotRegistry(_settings(tmp_path))
    gabriel = LabelledContainer(
        bot_name="gabriel", container_name="gabriel-bot", port=9095, inner_port=9095, is_labelled=False
    )
    await registry.refresh(labelled=[gabriel])
    assert {bot.name: bot.port for bot in registry.all()} == {
        "aethys": 9090,
        "dream": 8000,
        "elena": 8011,
        "gabriel": 9095,
    }


async def test_a_source_that_cannot_be_read_keeps_its_last_content(tmp_path: Path) -> None:
    """A missing quote, an absent file, a folder that is none: the fleet stays, and the board says why."""
    envs, characters, config = tmp_path / "envs", tmp_path / "characters", tmp_path / "bots.yaml"
    envs.mkdir()
    characters.mkdir()
    (envs / ".env.elena").write_text("DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT=9091\n")
    (envs / ".env.marcus").write_text("DISCORD_BOT_TOKEN=x\nHEALTH_CHECK_PORT=9092\n")
    (characters / "elena.json").write_text('{"character": {"identity": {"name": "Elena Rodriguez"}}}')
    good = "- {name: marcus, enabled: false}\n- {name: jake, url: 'http://jake:1'}\n"
    config.write_text(good)
    settings = Settings(bots_env_dir=envs, characters_dir=characters, bots_config=config, bots_host_mode="localhost")
    registry = BotRegistry(settings)
    await registry.refresh()
    before = registry.all()
    assert [bot.name for bot in before] == ["elena", "jake"]
    assert not registry.problems

    broken_ones = (
        "- {name: marcus, enabled: false}\n- {name: jake, url: 'http://jake:1}\n",
        "",
        "bots:\n",
        "bots",
        "7",
        None,
    )
    for broken in broken_ones:
        config.unlink(missing_ok=True)
        if broken is not None:
            config.write_text(broken)
        assert not await registry.refresh()
        assert registry.all() == before
        (problem,) = registry.problems
        assert f"{config}: unreadable since" in problem
        assert "Its content from" in problem
    config.write_text(good + "- {name: zoe, enabled: soon, url: 'http://zoe:1'}\n- {name: marcus2, enabled: }\n")
    await registry.refresh()
    assert registry.get("zoe").url == "http://zoe:1"
    config.write_text("- {name: marcus, enabled: }\n- {name: jake, url: 'http://jake:1'}\n")
    await registry.refresh()
    assert [bot.name for bot in registry.all()] == ["elena", "jake"], "a word that is none changes nothing"

    for cut in ("- {name: jake, url: 'http://jake:1'}\n-\n", "version: 2\nservices:\n", "- elena\n"):
        config.write_text(cut)
        await registry.refresh()
        assert "marcus" not in {bot.name for bot in registry.all()}, "what is missing in a half-saved file stays out"
        assert "is not a mapping with a name" in registry.problems[0]
    config.write_text(good)
    await registry.refresh()

    for folder in (envs, characters):
        folder.rename(tmp_path / "away")
        folder.write_text("not a folder")
        await registry.refresh()
        assert [bot.display_name for bot in registry.all()] == ["Elena Rodriguez", "Jake"]
        assert any(f"{folder}: not listed since" in problem for problem in registry.problems)
        folder.unlink()
        (tmp_path / "away").rename(folder)
    config.write_text(good)
    await registry.refresh()
    assert not registry.problems


WHOLE = "elena: {{port: {}}}\njake: {{port: 1}}\n"


@pytest.mark.parametrize(
    ("name", "before", "half", "whole"),
    [
        (".env.elena", f"{V2}API_PORT=8011\n", V2, f"{V2}API_PORT=8022\n"),
        ("bots.yaml", WHOLE.format(8011), "elena: {port: 80}", WHOLE.format(8022)),
    ],
)
async def test_a_file_that_is_being_saved_is_read_until_it_is_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, before: str, half: str, whole: str
) -> None:
    """What an editor has written by then may name another port, or no bot, and would stand for half a minute."""
    file = tmp_path / name
    file.write_text(before)
    config = tmp_path / "bots.yaml"
    settings = _settings(tmp_path).model_copy(update={"bots_config": config if file == config else None})
    registry = BotRegistry(settings)
    await registry.refresh()
    fleet = [bot.name for bot in registry.all()]
    file.write_text(half)
    editor = SimpleNamespace(time=lambda: file.stat().st_mtime, sleep=lambda _: file.write_text(whole))
    monkeypatch.setattr(source_memory, "time", editor)
    await registry.refresh()
    assert registry.get("elena").url.endswith(":8022")
    assert [bot.name for bot in registry.all()] == fleet
    assert not registry.problems


def _settings(folder: Path) -> Settings:
    return Settings(bots_env_dir=folder, characters_dir=folder / "none", bots_host_mode="localhost")


def _status(api: RunningApi, name: str = "elena") -> BotStatus:
    return next(bot.status for bot in api.services.fleet.current().bots if bot.name == name)
