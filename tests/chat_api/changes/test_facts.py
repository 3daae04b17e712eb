"""What of a value is stored, and how two configurations differ: pure functions."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from chat_api.bots.schemas import BotInfo
from chat_api.changes.differences import differences, merged
from chat_api.changes.facts import facts_of_bot, facts_of_container, facts_of_files
from chat_api.changes.schemas import ChangeEntry, ChangeKind, ChangeType, Facts, Group, Snapshot
from chat_api.changes.values import Values
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView

NOW = datetime(2026, 1, 1, tzinfo=UTC)
VALUES = Values(b"a key")


def snapshot(facts: Facts, values: Values = VALUES) -> Snapshot:
    """Facts as they are stored."""
    return Snapshot(key_id=values.key_id, facts=facts)


def container(environment: dict[str, str], **facts: object) -> Facts:
    """What is kept of a container with this environment."""
    view = ContainerView(
        bot_name="elena",
        kind=ContainerKind.CONTAINER,
        id="c" * 64,
        name="elena-bot",
        state=ContainerState.RUNNING,
        is_managed=True,
        last_seen_at=NOW,
        image="whisperengine:v2.5",
        image_digest="sha256:" + "a" * 64,
    )
    options = {"created_at": NOW, "image_id": view.image_digest, "image_digest": None, "command": "python run.py"}
    values = {name: SecretStr(value) for name, value in environment.items()}
    return facts_of_container(ContainerFacts(view=view, values=values, **options | facts), VALUES)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("name", "value", "is_shown"),
    [
        ("LOG_LEVEL", "DEBUG", True),
        ("API_PORT", "8000", True),
        ("LLM_MODEL_NAME", "anthropic/claude-sonnet-4.5", True),
        ("ENABLE_VOICE", "true", True),
        ("ENABLE_VOICE", "hunter2", False),
        ("DISCORD_TOKEN", "hunter2", False),
        ("POSTGRES_PASSWORD", "true", False),
        ("DATABASE_URL", "postgresql://elena:hunter2@db/x", False),
        ("WHATEVER", "1", False),
        ("LLM_MODEL_NAME", "sk-or-v1-0123456789abcdef0123456789abcdef", False),
        ("POSTGRES_HOST", "http://elena:hunter2@db", False),
        ("LOG_LEVEL", "a\nb", False),
    ],
)
def test_only_what_is_allowed_is_kept_in_plain(name: str, value: str, *, is_shown: bool) -> None:
    """A name of the allow-list with an ordinary value, or a switch; everything else is a keyed digest."""
    kept = VALUES.variable(name, value)
    assert kept == (f"={value}" if is_shown else VALUES.hidden(name, value))
    assert is_shown == kept.startswith("=")


def test_digests_need_the_key_and_the_name() -> None:
    """Equal values have equal digests under one name and key, so that bots compare; nowhere else."""
    assert VALUES.hidden("A", "x") == Values(b"a key").hidden("A", "x")
    assert len({VALUES.hidden("A", "x"), VALUES.hidden("B", "x"), Values(b"other").hidden("A", "x")}) == 3


def test_what_changed_is_named_and_secrets_only_told() -> None:
    """An image, a shown variable, a hidden one, one that came and one that went; nothing for what is the same."""
    before = snapshot(container({"LOG_LEVEL": "INFO", "DISCORD_TOKEN": "old", "GONE": "x", "SAME": "y"}))
    now = container({"LOG_LEVEL": "DEBUG", "DISCORD_TOKEN": "new", "NEW": "x", "SAME": "y"}, image_digest="sha256:b")
    found = differences(before, snapshot(now))
    assert [(one.kind, one.name, one.change, one.before, one.after, one.is_hidden) for one in found] == [
        (ChangeKind.IMAGE, "digest", ChangeType.CHANGED, "sha256:" + "a" * 64, "sha256:b", False),
        (ChangeKind.ENVIRONMENT, "DISCORD_TOKEN", ChangeType.CHANGED, None, None, True),
        (ChangeKind.ENVIRONMENT, "GONE", ChangeType.REMOVED, None, None, True),
        (ChangeKind.ENVIRONMENT, "LOG_LEVEL", ChangeType.CHANGED, "INFO", "DEBUG", False),
        (ChangeKind.ENVIRONMENT, "NEW", ChangeType.ADDED, None, None, True),
    ]


def test_models_and_switches_of_an_environment_are_called_so() -> None:
    """v1 bots have them nowhere else."""
    before = snapshot(container({"LLM_CHAT_MODEL": "a", "ENABLE_VOICE": "true", "LOG_LEVEL": "INFO"}))
    now = snapshot(container({"LLM_CHAT_MODEL": "b", "ENABLE_VOICE": "false", "LOG_LEVEL": "DEBUG"}))
    assert {one.name: one.kind for one in differences(before, now)} == {
        "LLM_CHAT_MODEL": ChangeKind.MODEL,
        "ENABLE_VOICE": ChangeKind.FLAG,
        "LOG_LEVEL": ChangeKind.ENVIRONMENT,
    }


def test_what_nobody_tells_is_as_it_was() -> None:
    """A bot that tells nothing yet, and an engine that is away, are no change."""
    info = BotInfo(
        bot_name="elena",
        contract="v2",
        version="2.5",
        facts={"llm_models": {"main": "llama3", "router": None}, "feature_flags": {"voice": True, "x": {"y": 1}}},
    )
    told = facts_of_bot(info, VALUES)
    assert told == {
        Group.MODEL: {"main": "=llama3"},
        Group.FLAG: {"voice": "=on"},
        Group.VERSION: {"version": "=2.5"},
    }
    before = snapshot({**container({"A": "1"}), **told})
    assert differences(before, merged(before, {}, key_id=VALUES.key_id)) == ()
    assert facts_of_bot(BotInfo(bot_name="elena", contract="v2"), VALUES) == {}
    other = facts_of_bot(BotInfo(bot_name="elena", contract="v1", model="gpt-x"), VALUES)
    assert differences(before, merged(before, other, key_id=VALUES.key_id)) == (
        ChangeEntry(kind=ChangeKind.MODEL, name="main", change=ChangeType.CHANGED, before="llama3", after="gpt-x"),
    )


def test_another_key_of_the_server_is_no_change_of_the_bots() -> None:
    """After a rotation digests compare with nothing; what is in plain still does, and the next change is seen."""
    old = Values(b"the key before")
    before = snapshot({Group.ENVIRONMENT: {"A": old.hidden("A", "1"), "LOG_LEVEL": "=INFO"}}, old)
    now = merged(before, container({"A": "1", "LOG_LEVEL": "DEBUG"}), key_id=VALUES.key_id)
    assert [one.name for one in differences(before, now)] == ["LOG_LEVEL"]
    carried = merged(before, {}, key_id=VALUES.key_id)
    assert differences(before, carried) == ()
    assert Group.ENVIRONMENT not in carried.facts
    again = merged(now, container({"A": "2", "LOG_LEVEL": "DEBUG"}), key_id=VALUES.key_id)
    assert [one.name for one in differences(now, again)] == ["A"]


def test_a_character_is_its_files(tmp_path: Path) -> None:
    """Both generations' files, in either spelling; an edit is a change of that file; no folder is no character."""
    (tmp_path / "ryan_chen").mkdir()
    (tmp_path / "ryan_chen" / "core.yaml").write_text("purpose: a")
    (tmp_path / "ryan-chen.json").write_text("{}")
    before = snapshot(facts_of_files(tmp_path, "ryan-chen", VALUES))
    assert set(before.facts[Group.CHARACTER]) == {"ryan-chen.json", "ryan_chen/core.yaml"}
    (tmp_path / "ryan_chen" / "core.yaml").write_text("purpose: b")
    (found,) = differences(before, snapshot(facts_of_files(tmp_path, "ryan-chen", VALUES)))
    assert (found.kind, found.name, found.is_hidden) == (ChangeKind.CHARACTER, "ryan_chen/core.yaml", True)
    assert facts_of_files(tmp_path / "none", "elena", VALUES) == {}
