"""Characters in both generations' formats, and the samples that come with the project."""

from pathlib import Path

import pytest

from sample_bot.character import load_character

_SAMPLES = Path(__file__).resolve().parents[2] / "characters"
_KNOWN = {
    "elena": ("Elena Rodriguez", "🌊"),
    "marcus": ("Marcus Thompson", "🤖"),
    "ryan": ("Ryan Chen", "🎮"),
    "dream": ("Dream of the Endless", "🌙"),
    "gabriel": ("Gabriel", "🎩"),
    "sophia": ("Sophia Blake", "💼"),
    "jake": ("Jake Sterling", "📷"),
    "aethys": ("Aethys", "✨"),
    "aetheris": ("Aetheris", "🌌"),
    "dotty": ("Dotty", "🍸"),
    "aria": ("ARIA", "🛰️"),
    "nottaylor": ("NotTaylor Silver", "🎤"),
}


@pytest.mark.parametrize(("key", "expected"), _KNOWN.items())
def test_samples_are_complete(key: str, expected: tuple[str, str]) -> None:
    """Every known bot has a name, an emoji and something to say about itself."""
    character = load_character(key, _SAMPLES)
    assert (character.display_name, character.emoji) == expected
    assert character.occupation
    assert character.description in character.system_prompt


@pytest.mark.parametrize("key", ["dream", "gabriel"])
def test_a_v2_folder_is_enough(key: str, tmp_path: Path) -> None:
    """Without the v1 file, name, emoji and purpose come from the folder."""
    (tmp_path / key).symlink_to(_SAMPLES / key)
    character = load_character(key, tmp_path)
    assert (character.display_name, character.emoji) == _KNOWN[key]
    assert character.description.startswith("To ")
    assert "## Voice" in character.system_prompt


def test_a_bot_without_files_has_its_key_for_a_name(tmp_path: Path) -> None:
    """A fleet may hold bots nobody described yet."""
    assert load_character("nova_prime", tmp_path).display_name == "Nova Prime"


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("eve.json", "{"),
        ("eve.json", "[]"),
        ("eve.json", '{"character": {}}'),
        ("eve.json", '{"character": {"identity": []}}'),
        ("eve/core.yaml", "purpose: [unclosed"),
        ("eve/core.yaml", "- a list"),
    ],
)
def test_a_broken_file_is_named(path: str, text: str, tmp_path: Path) -> None:
    """An operator is told which file to mend."""
    (tmp_path / path).parent.mkdir(exist_ok=True)
    (tmp_path / path).write_text(text)
    with pytest.raises(ValueError, match=Path(path).name):
        load_character("eve", tmp_path)
