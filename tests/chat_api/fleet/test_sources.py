"""What the files of a fleet say of its bots."""

from pathlib import Path

import pytest

from chat_api.fleet.source_memory import SourceMemory
from chat_api.fleet.sources import name_in_prose, read_characters


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("You are Elena Rodriguez, 26-year-old marine biologist at Scripps.\n\n## Personality", "Elena Rodriguez"),
        ("You are Becky (Not Taylor) - a chaotic popstar entity.", "Becky"),
        ("You are ARIA (Advanced Reasoning Integration Algorithm), an AI agent.", "ARIA"),
        ("You are DREAM OF THE ENDLESS, one of the Endless.", "Dream of the Endless"),
        ("\n# Dr. Marcus Thompson\n\nBuilds machines.", "Dr. Marcus Thompson"),
        ("# Ryan Chen - Indie game developer", "Ryan Chen"),
        ("# **Sophia Blake**\n", "Sophia Blake"),
        ("You are Jake Sterling.", "Jake Sterling"),
        ("You are an ancient being of light.", None),
        ("Elena studies corals.", None),
        ("", None),
        ("# " + "x" * 500, None),
    ],
)
def test_a_character_says_its_full_name(text: str, name: str | None) -> None:
    """In the heading of its prose, or in the first sentence."""
    assert name_in_prose(text) == name


@pytest.mark.parametrize(
    ("ux", "emoji"),
    [
        ("thinking_indicators:\n  reflective_mode: {icon: 🌊, text: Listening}\nemoji_sets: {happy: [😊]}", "🌊"),
        ("emoji_sets:\n  agreement: [☕, 👌]\n  happy: [😊]", "☕"),
        ("emoji: 🐙\nemoji_sets: {happy: [😊]}", "🐙"),
        ("thinking_indicators:\n  - listening\nemoji_sets: [1]", None),
    ],
)
def test_a_character_shows_an_emoji_of_its_own(tmp_path: Path, ux: str, emoji: str | None) -> None:
    """That of its thinking, else the first of its sets."""
    folder = tmp_path / "nottaylor"
    folder.mkdir()
    (folder / "core.yaml").write_text("purpose: To hide Easter eggs.\n")
    (folder / "ux.yaml").write_text(ux)
    (folder / "character.md").write_text("You are Becky (Not Taylor) - a popstar.")
    problems: list[str] = []
    memory = SourceMemory()
    memory.begin()
    (seen,) = read_characters(tmp_path, memory, note=problems.append)
    assert (seen.facts["display_name"], seen.facts["description"]) == ("Becky", "To hide Easter eggs.")
    assert seen.facts.get("emoji") == emoji
    assert problems == []
