"""A bot's character, read from the files that either generation of the fleet uses."""

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Character:
    """Who the bot is: ``key`` names it in the fleet, ``display_name`` to people."""

    key: str
    display_name: str
    occupation: str = ""
    description: str = ""
    emoji: str = ""

    @property
    def system_prompt(self) -> str:
        """The character as an instruction to a language model."""
        who = f"You are {self.display_name}" + (f", {self.occupation}" if self.occupation else "")
        return f"{who}. {self.description}\nStay in character and answer in a few sentences.".strip()


# A sample bot that stands beside a real fleet is "sample-elena", and speaks as Elena.
SAMPLE_PREFIX = "sample-"


def load_character(key: str, folder: Path) -> Character:
    """Read ``<key>.json`` (v1), completed by ``<key>/core.yaml`` and ``character.md`` (v2).

    A bot without any file is a bot all the same and gets its key as its name.
    Raises: ValueError if a file is there but cannot be understood.
    """
    name = key.removeprefix(SAMPLE_PREFIX)
    identity = _v1_identity(folder / f"{name}.json")
    core, body = _v2_core(folder / name / "core.yaml"), _text(folder / name / "character.md")
    heading = body.partition("\n")[0].removeprefix("# ").strip() if body.startswith("# ") else ""
    return Character(
        key=key,
        display_name=identity.get("name") or heading or key.replace("_", " ").title(),
        occupation=identity.get("occupation") or "",
        description=identity.get("description") or "\n".join(filter(None, (core.get("purpose"), body))),
        emoji=identity.get("emoji") or core.get("emoji") or "",
    )


def _v1_identity(path: Path) -> dict[str, str]:
    text = _text(path)
    if not text:
        return {}
    try:
        identity = json.loads(text)["character"]["identity"]
        return {field: str(value) for field, value in identity.items()}
    except (ValueError, KeyError, TypeError, AttributeError) as exc:
        raise ValueError(f"{path} is not a v1 character: {exc!r}") from exc


def _v2_core(path: Path) -> dict[str, str]:
    text = _text(path)
    if not text:
        return {}
    import yaml  # only v2 characters need it

    try:
        core = yaml.safe_load(text)
    except yaml.YAMLError as exc:
        raise ValueError(f"{path} is not YAML: {exc}") from exc
    if not isinstance(core, dict):
        raise ValueError(f"{path} is not a v2 character core: a mapping is expected")
    return {field: value for field, value in core.items() if isinstance(value, str)}


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8").strip() if path.is_file() else ""
