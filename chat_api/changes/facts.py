"""What is known of a configuration, from each of its sources: the engine, the character's files, and the bot itself."""

from collections.abc import Mapping
from pathlib import Path

from chat_api.bots.schemas import BotInfo
from chat_api.changes.schemas import Facts, Group
from chat_api.changes.values import Values, named
from chat_api.core.logging import get_logger
from chat_api.core.text import fold
from chat_api.engine.fact_schemas import ContainerFacts

log = get_logger(__name__)

MAX_FILES = 200
MAX_FILE_BYTES = 4 * 1_048_576


def facts_of_image(image: str, values: Values) -> Facts:
    """What is known of a container that is only watched: what the engine's list tells."""
    return {Group.IMAGE: named([("image", values.shown("image", image))])}


def facts_of_container(facts: ContainerFacts, values: Values) -> Facts:
    """The image by name and digest, the environment, and what the engine grants it."""
    digest = facts.image_digest or facts.image_id or facts.view.image_digest
    image = {"image": facts.view.image} | ({"digest": digest} if digest else {})
    limits = {
        "memory limit": "" if facts.memory_limit_bytes is None else f"{facts.memory_limit_bytes / 1_048_576:g} MiB",
        "CPU limit": "" if facts.cpu_limit is None else f"{facts.cpu_limit:g}",
        "restart policy": facts.restart_policy,
    }
    environment = {
        name: values.variable(name, value.get_secret_value()) for name, value in sorted(facts.values.items())
    }
    return {
        Group.IMAGE: named((name, values.shown(name, value)) for name, value in image.items()),
        Group.ENVIRONMENT: named(environment.items()),
        Group.LIMITS: named(
            [
                *((name, values.shown(name, value)) for name, value in limits.items() if value),
                ("command", values.hidden("command", facts.command)),
            ]
        ),
    }


def facts_of_bot(info: BotInfo, values: Values) -> Facts:
    """The models, feature flags and version that a bot tells of; empty where it told none of them."""
    models = _told(info.facts.get("llm_models"), values)
    if not models and info.model:
        models = {"main": values.shown("main", info.model)}
    flags = info.facts.get("feature_flags")
    found: dict[Group, Mapping[str, str]] = {}
    if models:
        found[Group.MODEL] = models
    if isinstance(flags, Mapping):
        found[Group.FLAG] = _told(flags, values)
    if info.version:
        found[Group.VERSION] = {"version": values.shown("version", info.version)}
    return found


def facts_of_files(folder: Path, bot_name: str, values: Values) -> Facts:
    """Blocks. The files of a bot's character, each by its digest; empty where it has none, or they cannot be read."""
    try:
        paths = _files(folder, bot_name)
        files = {
            path.relative_to(folder).as_posix(): values.hidden(path.name, _content(path)) for path in paths[:MAX_FILES]
        }
    except OSError as error:
        log.debug("character_not_read", bot_name=bot_name, error=error.strerror)
        return {}
    return {Group.CHARACTER: named(sorted(files.items()))} if files else {}


def _told(said: object, values: Values) -> Mapping[str, str]:
    """What a bot says, as far as it can be said in a word."""
    if not isinstance(said, Mapping):
        return {}
    words = {str(name): _word(value) for name, value in sorted(said.items(), key=lambda item: str(item[0]))}
    return named((name, values.shown(name, word)) for name, word in words.items() if word is not None)


def _word(value: object) -> str | None:
    if isinstance(value, bool):
        return "on" if value else "off"
    return str(value)[:200] if isinstance(value, str | int | float) else None


def _files(folder: Path, bot_name: str) -> list[Path]:
    """Those of ``<bot>.json`` (v1) and of the folder ``<bot>/`` (v2), in whatever way they spell the name."""
    wanted = fold(bot_name)
    found: list[Path] = []
    for path in sorted(folder.iterdir()) if folder.is_dir() else ():
        if path.is_dir() and fold(path.name) == wanted:
            found += sorted(file for file in path.rglob("*") if file.is_file())
        elif path.suffix == ".json" and fold(path.stem) == wanted:
            found.append(path)
    return found


def _content(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_FILE_BYTES)
