"""The fleet from its four sources, on real files."""

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import pytest

from chat_api.bots.schemas import BotSpec
from chat_api.core.errors import NotFound
from chat_api.core.settings import Settings
from chat_api.fleet.registry import BotRegistry, LabelledContainer, is_inside_container

ROOT = Path(__file__).resolve().parents[3]
V1_ENV = "DISCORD_BOT_NAME=elena\nDISCORD_BOT_TOKEN=s3cr3t\nHEALTH_CHECK_PORT=9091\nLLM_CHAT_MODEL=openai/gpt-4o\n"
V2_ENV = "DISCORD_BOT_NAME=dream\nDISCORD_TOKEN=s3cr3t\nLLM_PROVIDER=ollama\nLLM_MODEL_NAME=llama3\n"


@dataclass(frozen=True, slots=True)
class Folder:
    """A fleet's folder."""

    path: Path

    def write(self, name: str, content: object) -> None:
        """A file with this text, these bytes or this as JSON."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if not isinstance(content, bytes):
            content = (content if isinstance(content, str) else json.dumps(content)).encode()
        path.write_bytes(content)

    def registry(
        self, *, host_mode: Literal["auto", "localhost", "container"] = "localhost", config: str | None = None
    ) -> BotRegistry:
        """A registry of this folder."""
        return BotRegistry(
            Settings(
                bots_env_dir=self.path,
                characters_dir=self.path / "characters",
                bots_config=self.path / config if config else None,
                bots_host_mode=host_mode,
            )
        )


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    """A v1 bot, a v2 bot and their characters."""
    folder = Folder(tmp_path)
    folder.write(".env.elena", V1_ENV)
    folder.write(".env.dream", V2_ENV)
    identity = {"name": "Elena Rodriguez", "occupation": "Marine biologist", "description": "", "emoji": "🌊"}
    folder.write("characters/elena.json", {"character": {"identity": identity}})
    folder.write("characters/dream/core.yaml", "purpose: To guard what sleepers imagine.\ndrives:\n  duty: 0.9\n")
    folder.write("characters/dream/ux.yaml", "emoji: 🌙\ndisplay_name: Dream of the Endless\n")
    folder.write("characters/nobody.json", {"character": {"identity": {"name": "Nobody"}}})
    return folder


async def refreshed(registry: BotRegistry) -> dict[str, BotSpec]:
    """The fleet by name after a refresh."""
    await registry.refresh()
    return {bot.name: bot for bot in registry.all()}


async def test_both_generations_are_read(folder: Folder) -> None:
    """``.env`` files make bots exist, characters describe them, and a character alone is no bot."""
    registry = folder.registry()
    bots = await refreshed(registry)
    assert list(bots) == ["dream", "elena"]
    elena, dream = bots["elena"], bots["dream"]
    assert (elena.display_name, elena.description, elena.emoji) == ("Elena Rodriguez", "Marine biologist", "🌊")
    assert (elena.url, elena.port, elena.model) == ("http://localhost:9091", 9091, "openai/gpt-4o")
    assert (dream.display_name, dream.emoji) == ("Dream of the Endless", "🌙")
    assert dream.description == "To guard what sleepers imagine."
    assert (dream.url, dream.model) == ("http://localhost:8000", "llama3")
    assert registry.problems == ()


async def test_the_shipped_characters_are_understood(tmp_path: Path) -> None:
    """The sample fleet's own characters carry the names that users know."""
    folder = Folder(tmp_path)
    folder.write("bots.yaml", {name: {"port": 9091 + i} for i, name in enumerate(("elena", "marcus", "dream"))})
    settings = Settings(bots_env_dir=tmp_path, characters_dir=ROOT / "characters", bots_config=tmp_path / "bots.yaml")
    registry = BotRegistry(settings)
    bots = await refreshed(registry)
    assert bots["elena"].display_name == "Elena Rodriguez"
    assert all(bot.description and bot.emoji for bot in bots.values())
    assert registry.problems == ()


async def test_secrets_stay_in_the_file(folder: Folder) -> None:
    """Nothing of a ``.env`` file enters the environment or a bot, and a problem never quotes the file."""
    folder.write(".env.bad", b"DISCORD_BOT_NAME=bad\nDISCORD_BOT_TOKEN=s3cr3t\xff\n")
    folder.write(".env.worse", "DISCORD_BOT_TOKEN=s3cr3t\nHEALTH_CHECK_PORT=s3cr3t\n")
    registry = folder.registry()
    bots = await refreshed(registry)
    assert len(registry.problems) == 3
    assert "s3cr3t" not in repr(bots) + repr(registry.problems)
    assert "DISCORD_BOT_TOKEN" not in os.environ


async def test_values_are_not_interpolated(folder: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet's file cannot read our own environment."""
    monkeypatch.setenv("A_SECRET_OF_OURS", "do not show")
    folder.write(".env.spy", "HEALTH_CHECK_PORT=9100\nLLM_CHAT_MODEL=${A_SECRET_OF_OURS}\n")
    assert (await refreshed(folder.registry()))["spy"].model == "${A_SECRET_OF_OURS}"


async def test_later_sources_win_field_by_field(folder: Folder) -> None:
    """Labels over files, the operator's word over both; what a source does not say stays."""
    config = {"bots": [{"name": "Elena", "port": 7001, "description": "Ours"}, {"name": "dream", "enabled": False}]}
    folder.write("bots.json", config)
    registry = folder.registry(config="bots.json")
    labels = {
        "whisperengine.bot": "elena",
        "whisperengine.bot.emoji": "🐙",
        "whisperengine.bot.description": "Labelled",
    }
    container = LabelledContainer(bot_name="elena", container_name="elena-bot", port=9191, labels=labels)
    await registry.refresh(labelled=[container])
    (elena,) = registry.all()
    assert (elena.display_name, elena.emoji, elena.description) == ("Elena Rodriguez", "🐙", "Ours")
    assert (elena.port, elena.url, elena.container_name) == (7001, "http://localhost:7001", "elena-bot")
    assert len(elena.sources) == 4


async def test_a_label_that_is_no_name_is_a_problem_in_words(folder: Folder) -> None:
    """It is not silently left out."""
    registry = folder.registry()
    await registry.refresh(labelled=[LabelledContainer(bot_name="zoë", container_name="zoe-bot", port=9091)])
    assert any("container zoe-bot: 'zoë' is not a bot name" in problem for problem in registry.problems)


async def test_inside_docker_bots_are_container_names(folder: Folder) -> None:
    """On the compose network the host is the container and the port its own, outside the published one."""
    labels = {"whisperengine.bot.port": "9091"}
    container = LabelledContainer(bot_name="elena", container_name="elena-bot", port=19091, labels=labels)
    inside, outside = folder.registry(host_mode="container"), folder.registry()
    for registry in (inside, outside):
        await registry.refresh(labelled=[container])
    assert inside.get("elena").url == "http://elena-bot:9091"
    assert outside.get("elena").url == "http://localhost:19091"
    assert inside.get("dream").url == "http://whisperengine-dream-bot:8000"


@pytest.mark.parametrize(
    ("mark", "environ"), [(".dockerenv", {}), ("run/.containerenv", {}), (None, {"container": "x"})]
)
def test_a_container_is_recognised(tmp_path: Path, mark: str | None, environ: dict[str, str]) -> None:
    """By the files that engines leave, or the variable that some set."""
    assert not is_inside_container(tmp_path, {})
    if mark:
        (tmp_path / mark).parent.mkdir(exist_ok=True)
        (tmp_path / mark).touch()
    assert is_inside_container(tmp_path, environ)


async def test_two_bots_at_one_address_are_noted(folder: Folder) -> None:
    """With where each address comes from; a container that does not run claims none."""
    registry = folder.registry()
    stopped = LabelledContainer(bot_name="zoe", container_name="zoe", inner_port=9091, is_up=False)
    await registry.refresh(labelled=[stopped])
    assert registry.get("zoe").url == registry.get("elena").url
    assert not registry.problems
    await registry.refresh(labelled=[replace(stopped, is_up=True)])
    (problem,) = registry.problems
    assert problem.startswith("elena, zoe have the same address, http://localhost:9091. Only one can be right. Check ")
    assert problem.endswith(f"HEALTH_CHECK_PORT in {folder.path}/.env.elena, the port of the container zoe.")


async def test_names_are_found_in_any_case(folder: Folder) -> None:
    """``Elena`` is ``elena``; a stranger is not found, without an echo of what was asked."""
    registry = folder.registry()
    with pytest.raises(NotFound):
        registry.get("elena")
    await registry.refresh()
    assert registry.get("ELENA").name == "elena"
    for name in ("nobody", "", "../elena", "x" * 10_000, "\ud800"):
        with pytest.raises(NotFound, match=r"^Unknown bot\.$"):
            registry.get(name)


async def test_refresh_tells_what_changed(folder: Folder) -> None:
    """Nothing new is no change; a new file is one; labels stay until others are given."""
    registry = folder.registry()
    container = LabelledContainer(bot_name="jake", container_name="jake-bot", port=9097)
    assert await registry.refresh(labelled=[container])
    assert not await registry.refresh()
    assert registry.get("jake").display_name == "Jake"
    folder.write(".env.ryan", "DISCORD_BOT_NAME=ryan\nHEALTH_CHECK_PORT=9093\n")
    assert await registry.refresh()
    assert registry.get("ryan").port == 9093
    assert await registry.refresh(labelled=[])
    assert [bot.name for bot in registry.all()] == ["dream", "elena", "ryan"]


async def test_files_that_are_no_bots(folder: Folder) -> None:
    """Templates, backups and other ``.env`` files are passed over in silence."""
    for name in (".env", ".env.example", ".env.elena.example", ".env.template", ".env.elena.bak"):
        folder.write(name, V1_ENV)
    folder.write(".env.local", "DATABASE_URL=postgresql://localhost/x\n")
    registry = folder.registry()
    assert list(await refreshed(registry)) == ["dream", "elena"]
    assert registry.problems == ()


async def test_an_installation_of_a_single_bot(tmp_path: Path) -> None:
    """v1 with an ``.env`` and nothing else: one bot, at the port that its container publishes, called as it says."""
    folder = Folder(tmp_path)
    folder.write(".env", V1_ENV.replace("HEALTH_CHECK_PORT=9091\n", ""))
    registry = folder.registry()
    alone = LabelledContainer(
        bot_name="assistant",
        container_name="whisperengine-containerized-assistant",
        port=8090,
        inner_port=9090,
        alias="elena",
    )
    bots = await refreshed(registry)
    assert {name: (bot.display_name, bot.url) for name, bot in bots.items()} == {
        "assistant": ("Elena", "http://localhost:9090")
    }
    await registry.refresh(labelled=[alone])
    assert registry.get("assistant").url == "http://localhost:8090"
    folder.write(".env.ryan", V1_ENV.replace("elena", "ryan"))
    assert list(await refreshed(registry)) == ["assistant", "ryan"]  # its container runs
    await registry.refresh(labelled=[])
    assert [bot.name for bot in registry.all()] == ["ryan"]
    assert registry.problems == ()


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (".env.bad name", V1_ENV),
        (".env." + "x" * 51, V1_ENV),
        (".env.Elena", V1_ENV),
        (".env.ryan", "DISCORD_BOT_NAME=ryan\n"),
        ("characters/ryan.json", "{"),
        ("characters/ryan.json", "[" * 100_000),
        ("characters/ryan/core.yaml", "purpose: [\n"),
        ("characters/ryan/core.yaml", "[" * 100_000),
        ("characters/elena/core.yaml", "purpose: 5\n"),
        ("bots.yaml", "bots: ["),
        ("bots.yaml", "just text"),
        ("bots.yaml", b"\xff\xff"),
        ("bots.yaml", "x" * 2_000_000),
        ("bots.yaml", [5]),
        ("bots.yaml", [{"port": 1}]),
        ("bots.yaml", {"ryan": 5}),
        ("bots.yaml", {"ryan": {}}),
        ("bots.yaml", {"../ryan": {"port": 1}}),
        ("bots.yaml", {"ryan": {"port": 9093, "colour": "red"}}),
        ("bots.yaml", {"ryan": {"port": 9093, "enabled": "no"}}),
        ("bots.yaml", {"ryan": {"port": 9091}}),
        ("bots.yaml", [{"name": "ryan", "port": 9093}, {"name": "RYAN", "port": 9094}]),
        *(
            ("bots.yaml", {"ryan": {"port": 9093, "url": url}})
            for url in (
                "file:///etc/passwd",
                "http://",
                "http://user:pw@host",
                "http://h:99999",
                "http://h/?q",
                "http://a b",
                5,
            )
        ),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_bad_input_costs_only_itself(folder: Folder, name: str, content: object) -> None:
    """One problem in words, and the rest of the fleet as if nothing were."""
    folder.write("bots.yaml", {})
    folder.write(name, content)
    registry = folder.registry(config="bots.yaml")
    bots = await refreshed(registry)
    assert bots["elena"].url == "http://localhost:9091"
    assert bots["elena"].display_name == "Elena Rodriguez"
    assert "dream" in bots
    assert len(registry.problems) >= 1
    assert all(len(problem) < 500 for problem in registry.problems)


async def test_missing_folders_and_files(tmp_path: Path) -> None:
    """No fleet is an empty fleet; only a file that was asked for is missed."""
    settings = Settings(
        bots_env_dir=tmp_path / "none", characters_dir=tmp_path / "none", bots_config=tmp_path / "bots.yaml"
    )
    registry = BotRegistry(settings)
    assert not await registry.refresh()
    assert registry.all() == ()
    assert len(registry.problems) == 1


async def test_hostile_descriptions_are_tamed(folder: Folder) -> None:
    """Control characters and endless texts are cut, emojis made of several characters survive."""
    ryan = '{"ryan": {"port": 9093, "display_name": "R\\u0000y\\u001ban\\n!", "emoji": "👩‍🔬", "description": "%s"}}'
    folder.write("bots.yaml", ryan % ("x" * 9000))
    bot = (await refreshed(folder.registry(config="bots.yaml")))["ryan"]
    assert (bot.display_name, bot.emoji, len(bot.description)) == ("R y an !", "👩‍🔬", 500)
