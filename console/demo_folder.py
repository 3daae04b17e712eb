"""The files of a demo's fleet, as its operator would have them: ``.env.<bot>`` and the characters of its generation."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import yaml

from console.demo_bot import PROJECT

# What v1's template says, and what many of its files still say although the container says another.
TEMPLATE_PORT = 9091
MODEL = "rules"  # what a sample bot answers by
_SAMPLES = PROJECT / "characters"


def env_file(generation: str, key: str, port: int) -> str:
    """What ``.env.<bot>`` says of a bot."""
    if generation == "v1":
        values = {"DISCORD_BOT_TOKEN": "none", "HEALTH_CHECK_PORT": str(TEMPLATE_PORT), "LLM_CHAT_MODEL": MODEL}
    else:
        values = {"DISCORD_TOKEN": "none", "API_PORT": str(port), "LLM_PROVIDER": "sample", "LLM_MODEL_NAME": MODEL}
    return "".join(f"{name}={value}\n" for name, value in {"DISCORD_BOT_NAME": key, **values}.items())


def characters_of(generation: str, keys: Sequence[str], folder: Path) -> None:
    """Give the sample characters the form of a generation: ``<bot>.json``, or a folder for each."""
    folder.mkdir(exist_ok=True)
    for key in keys:
        if generation == "v1":
            shutil.copy(_SAMPLES / f"{key}.json", folder)
        elif (_SAMPLES / key).is_dir():
            shutil.copytree(_SAMPLES / key, folder / key, dirs_exist_ok=True)
        else:
            _write_v2(folder / key, json.loads((_SAMPLES / f"{key}.json").read_text(encoding="utf-8")))


def _write_v2(folder: Path, character: dict[str, dict[str, dict[str, str]]]) -> None:
    identity = character["character"]["identity"]
    folder.mkdir(exist_ok=True)
    prose = f"# {identity['name']}\n\n{identity['description']}\n"
    ux = {"thinking_indicators": {"fast": {"icon": identity["emoji"], "text": "thinking"}}}
    for name, text in (
        ("character.md", prose),
        ("core.yaml", yaml.safe_dump({"purpose": identity["description"]}, allow_unicode=True)),
        ("ux.yaml", yaml.safe_dump(ux, allow_unicode=True)),
    ):
        (folder / name).write_text(text, encoding="utf-8")
