"""Where the fleet is described: characters, ``.env.<bot>`` files, container labels and the ``BOTS_CONFIG`` file.

Each source is read into sightings: what it says of one bot, checked field by field. What cannot be understood
becomes a problem in words for the operator and costs only itself. Files are read, never loaded into the environment,
and of a ``.env`` file only the bot's name, port and model are kept.

Source: bot contract, "How the fleet is described".
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import yaml
from dotenv import dotenv_values

BOT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
MAX_FILE_BYTES = 1_048_576
V2_DEFAULT_PORT = 8000
BOT_MARKS = frozenset({"DISCORD_BOT_NAME", "DISCORD_BOT_TOKEN", "DISCORD_TOKEN", "HEALTH_CHECK_PORT"})
V2_MARKS = frozenset({"DISCORD_TOKEN", "LLM_PROVIDER", "LLM_MODEL_NAME"})
NOT_BOTS = (".example", ".template", ".sample", ".bak", ".orig")
CONFIG_FIELDS = frozenset(
    {"name", "url", "port", "display_name", "description", "emoji", "container", "model", "enabled"}
)
_TEXT_CHARS = {"display_name": 100, "description": 500, "emoji": 16, "model": 100, "container_name": 100}

Note = Callable[[str], None]
"""Receives a problem, in words for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledContainer:
    """A container or service that carries the bot label; ``port`` is the published one."""

    bot_name: str
    container_name: str
    port: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one source says of one bot; absent keys in ``facts`` are unsaid.

    ``is_declaration``: the source makes the bot exist. ``is_removal``: it takes the bot out.
    """

    bot_name: str
    source: str
    facts: Mapping[str, str | int]
    is_declaration: bool = True
    is_removal: bool = False


def read_characters(folder: Path, *, note: Note) -> Iterator[Sighting]:
    """Characters of both generations, v1 first. They describe bots, but do not make them exist."""
    for path in _listed(folder, "*.json", note=note):
        identity = _dig(_parsed(path, orjson.loads, note=note), "character", "identity")
        facts = {
            "display_name": identity.get("name"),
            "description": identity.get("description") or identity.get("occupation"),
            "emoji": identity.get("emoji"),
        }
        yield from _sighting(path.stem, str(path), facts, note=note, is_declaration=False)
    for path in _listed(folder, "*/core.yaml", note=note):
        core = _dig(_parsed(path, yaml.safe_load, note=note))
        ux_path = path.with_name("ux.yaml")
        ux = _dig(_parsed(ux_path, yaml.safe_load, note=note)) if ux_path.is_file() else {}
        facts = {
            "display_name": ux.get("display_name") or core.get("name"),
            "description": core.get("purpose"),
            "emoji": ux.get("emoji") or core.get("emoji"),
        }
        yield from _sighting(path.parent.name, str(path), facts, note=note, is_declaration=False)


def read_env_files(folder: Path, *, note: Note) -> Iterator[Sighting]:
    """``.env.<bot>`` files of both generations. One without any bot variable (``.env.local``) is not a bot."""
    for path in _listed(folder, ".env.*", note=note):
        if path.name.endswith(NOT_BOTS):
            continue
        values = _dig(_parsed(path, _dotenv, note=note))
        if not values.keys() & BOT_MARKS:
            continue
        default_port = V2_DEFAULT_PORT if values.keys() & V2_MARKS else None
        facts = {
            "display_name": _name_for_people(values.get("DISCORD_BOT_NAME")),
            "port": values.get("HEALTH_CHECK_PORT") or default_port,
            "model": values.get("LLM_CHAT_MODEL") or values.get("LLM_MODEL_NAME"),
        }
        yield from _sighting(path.name.removeprefix(".env."), str(path), facts, note=note)


def read_labels(
    containers: Iterable[LabelledContainer], *, label: str, prefers_label_port: bool, note: Note
) -> Iterator[Sighting]:
    """Labelled containers; what else they say hangs below it, e.g. ``whisperengine.bot.port``.

    ``prefers_label_port``: the label names the port inside the compose network, the container the published one.
    """
    for container in containers:
        labels = {key.removeprefix(f"{label}."): value for key, value in container.labels.items()}
        ports = [container.port, labels.get("port")]
        first, second = reversed(ports) if prefers_label_port else ports
        facts: dict[str, object] = {key: labels.get(key) for key in ("display_name", "description", "emoji", "model")}
        facts |= {"container_name": container.container_name, "port": first or second}
        yield from _sighting(container.bot_name, f"container {container.container_name}", facts, note=note)


def read_config(path: Path, *, note: Note) -> Iterator[Sighting]:
    """The ``BOTS_CONFIG`` file: a list of bots, or a mapping by name, at the top or under ``bots``."""
    content = _parsed(path, orjson.loads if path.suffix == ".json" else yaml.safe_load, note=note)
    bots = content.get("bots", content) if isinstance(content, dict) else content
    if isinstance(bots, dict):
        bots = [
            {**(entry or {}), "name": name} if isinstance(entry, dict | None) else entry for name, entry in bots.items()
        ]
    if not isinstance(bots, list):
        if content is not None:
            note(f"{path}: expected a list or a mapping of bots")
        return
    for position, entry in enumerate(bots, start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            note(f"{path}: bot {position} is not a mapping with a name")
            continue
        yield from _config_entry(entry, path, note=note)


def _config_entry(entry: Mapping[str, object], path: Path, *, note: Note) -> Iterator[Sighting]:
    where = f"{path}: {entry['name']!r}"
    if unknown := sorted(str(key) for key in entry.keys() - CONFIG_FIELDS):
        note(f"{where}: unknown field {', '.join(unknown)}")
    is_enabled = entry.get("enabled", True)
    if not isinstance(is_enabled, bool):
        note(f"{where}: enabled must be true or false")
        is_enabled = True
    facts = {key: entry.get(key) for key in ("url", "port", "display_name", "description", "emoji", "model")}
    facts["container_name"] = entry.get("container")
    yield from _sighting(str(entry["name"]), str(path), facts, note=note, is_removal=not is_enabled)


def _sighting(
    name: str,
    source: str,
    facts: Mapping[str, object],
    *,
    note: Note,
    is_declaration: bool = True,
    is_removal: bool = False,
) -> Iterator[Sighting]:
    """One sighting with the facts that are valid, or none when the name is not one."""
    bot_name = name.lower()
    if not BOT_NAME.fullmatch(bot_name):
        note(f"{source}: {name!r} is not a bot name (a-z, 0-9, _ and -, at most 50)")
        return
    checked: dict[str, str | int] = {}
    for key, value in facts.items():
        if value is None or value == "":
            continue
        fact = _fact(key, value)
        if fact is None:
            note(f"{source}: {bot_name}: {key} is not valid")
        else:
            checked[key] = fact
    yield Sighting(
        bot_name=bot_name, source=source, facts=checked, is_declaration=is_declaration, is_removal=is_removal
    )


def _fact(key: str, value: object) -> str | int | None:
    if key == "port":
        return _port(value)
    if not isinstance(value, str):
        return None
    if key == "url":
        return _url(value)
    if key == "container_name":
        return value if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", value) else None
    printable = "".join(char if char.isprintable() or char == "\u200d" else " " for char in value)
    return " ".join(printable.split())[: _TEXT_CHARS[key]] or None


def _port(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value.strip()):
        value = int(value)
    is_port = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65_536
    return value if is_port and isinstance(value, int) else None


def _url(value: str) -> str | None:
    """A base address: http or https, a host, no credentials, nothing after the path."""
    try:
        parts = urlsplit(value.strip())
        is_valid = parts.scheme in {"http", "https"} and parts.hostname and parts.port != 0
    except ValueError:
        return None
    if not is_valid or "@" in parts.netloc or parts.query or parts.fragment or not value.strip().isprintable():
        return None
    return None if " " in value.strip() else value.strip().rstrip("/")


def _name_for_people(value: object) -> object:
    """``DISCORD_BOT_NAME`` is a key in most files; only when it is not, it is a name to show."""
    return None if isinstance(value, str) and BOT_NAME.fullmatch(value.lower()) else value


def _listed(folder: Path, pattern: str, *, note: Note) -> list[Path]:
    try:
        return sorted(path for path in folder.glob(pattern) if path.is_file())
    except OSError as error:
        note(f"{folder}: cannot be listed: {error.strerror}")
        return []


def _parsed(path: Path, parse: Callable[[str], object], *, note: Note) -> object:
    """The file's content, or None after a problem was noted. Never quotes the file: it may hold secrets."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            note(f"{path}: larger than {MAX_FILE_BYTES} bytes")
            return None
        return parse(data.decode("utf-8-sig"))
    except OSError as error:
        note(f"{path}: cannot be read: {error.strerror}")
    except (ValueError, yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        line = getattr(error, "lineno", None) or (mark.line + 1 if mark else None)
        note(f"{path}: cannot be understood" + (f" (line {line})" if line else ""))
    return None


def _dotenv(text: str) -> dict[str, str | None]:
    return dotenv_values(stream=StringIO(text), interpolate=False)


def _dig(value: object, *keys: str) -> Mapping[str, object]:
    """The mapping at ``keys``, empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
