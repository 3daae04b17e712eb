"""Where the fleet is described: characters, ``.env.<bot>`` files, container labels and the ``BOTS_CONFIG`` file.

Each source is read into sightings: what it says of one bot, checked field by field. What cannot be understood
becomes a problem in words for the operator and costs only itself; a source that cannot be read keeps its last content,
see ``source_memory``. Files are read, never loaded into the environment, and of a ``.env`` file only the bot's name,
port and model are kept.

Source: bot contract, "How the fleet is described".
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from urllib.parse import urlsplit

import orjson
import yaml
from dotenv import dotenv_values

from chat_api.core.text import fold
from chat_api.fleet.source_memory import Note, SourceMemory, Unusable

BOT_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,49}")
# Source: bot contract, "a bot's port".
DEFAULT_PORTS = {"v1": ("HEALTH_CHECK_PORT", 9090), "v2": ("API_PORT", 8000)}
PORT_VARIABLES = {"v1": ("HEALTH_CHECK_PORT", "API_PORT"), "v2": ("API_PORT", "HEALTH_CHECK_PORT")}
BOT_MARKS = frozenset({"DISCORD_BOT_NAME", "DISCORD_BOT_TOKEN", "DISCORD_TOKEN", "HEALTH_CHECK_PORT"})
V1_MARKS = frozenset({"DISCORD_BOT_TOKEN", "HEALTH_CHECK_PORT", "LLM_CHAT_API_URL", "LLM_CHAT_MODEL"})
V2_MARKS = frozenset({"DISCORD_TOKEN", "LLM_PROVIDER", "LLM_MODEL_NAME"})
_ENV_VALUES = frozenset({"DISCORD_BOT_NAME", "HEALTH_CHECK_PORT", "API_PORT", "LLM_CHAT_MODEL", "LLM_MODEL_NAME"})
# The key of v1's single bot, whose container is whisperengine-containerized-assistant.
SINGLE_BOT = "assistant"
NOT_BOTS = (".example", ".template", ".sample", ".bak", ".orig")
CONFIG_FIELDS = frozenset(
    {"name", "url", "port", "display_name", "description", "emoji", "container", "model", "enabled", "timeout"}
)
# The workers of a v2 fleet carry a bot's variables and have no HTTP.
_WORKER = re.compile(r"worker([-_.].*)?")
_TEXT_CHARS = {"display_name": 100, "description": 500, "emoji": 16, "model": 100, "alias": 100, "generation": 2}
MAX_TIMEOUT_S = 600
MAX_NAME_CHARS = 60
# A name ends where something is said about it.
_ABOUT = r"(?=\s*(?:[,:;(|]|(?<!\bDr)(?<!\bMr)(?<!\bMs)(?<!\bMrs)(?<!\bSt)(?<!\bProf)\.|\s[-–—]|$))"
_HEADING = re.compile(rf"#+\s*(.+?){_ABOUT}|You are ([^\Wa-z_].*?){_ABOUT}")
_SMALL_WORDS = frozenset({"a", "an", "and", "in", "of", "the"})
_PORTS = frozenset({"port", "host_port", "inner_port"})
_HOSTS = frozenset({"container_name", "service_name"})


@dataclass(frozen=True, slots=True, kw_only=True)
class LabelledContainer:
    """A container or service that is a bot's; ``port`` is the published one, ``inner_port`` its own.

    ``is_labelled``: it carries the bot label or a bot's environment, which makes the bot exist; a mere name only
    describes it. ``is_up``: the
    engine says that it runs. ``service_name`` is how others in its compose network call it, ``alias`` what its own
    environment calls the bot.
    """

    bot_name: str
    container_name: str
    port: int | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    inner_port: int | None = None
    service_name: str | None = None
    alias: str | None = None
    is_labelled: bool = True
    is_up: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """What one source says of one bot; absent keys in ``facts`` are unsaid.

    ``is_declaration``: the source makes the bot exist. ``is_lasting``: it does so also for a bot that an operator has
    removed, as a container that merely lies there does not. ``is_removal``: it takes the bot out. ``address_origin`` is
    where the address is written down, empty when the source says none.
    """

    bot_name: str
    source: str
    facts: Mapping[str, str | int]
    is_declaration: bool = True
    is_removal: bool = False
    is_lasting: bool = True
    address_origin: str = ""


def read_characters(folder: Path, memory: SourceMemory, *, note: Note) -> Iterator[Sighting]:
    """Characters of both generations, v1 first. They describe bots, but do not make them exist."""
    for path in memory.listed(folder, "*.json", note=note):
        identity = _dig(memory.parsed(path, orjson.loads, note=note), "character", "identity")
        facts = {
            "display_name": identity.get("name"),
            "description": identity.get("description") or identity.get("occupation"),
            "emoji": identity.get("emoji"),
        }
        yield from sighting_of(path.stem, str(path), facts, note=note, is_declaration=False)
    for path in memory.listed(folder, "*/core.yaml", note=note):
        core = _dig(memory.parsed(path, yaml.safe_load, note=note))
        ux_path, prose = path.with_name("ux.yaml"), path.with_name("character.md")
        ux = _dig(memory.parsed(ux_path, yaml.safe_load, note=note)) if ux_path.is_file() else {}
        said = memory.parsed(prose, name_in_prose, note=note) if prose.is_file() else None
        facts = {
            "display_name": ux.get("display_name") or core.get("name") or said,
            "description": core.get("purpose"),
            "emoji": ux.get("emoji") or core.get("emoji") or _emoji(ux),
        }
        yield from sighting_of(path.parent.name, str(path), facts, note=note, is_declaration=False)


def name_in_prose(text: str) -> str | None:
    """The full name at the beginning of a ``character.md``: its heading, or "You are …"; ``None`` without one.

    Source: the characters of WhisperEngine v2.
    """
    lines = (line.strip() for line in text.splitlines())
    found = _HEADING.match(next(filter(None, lines), ""))
    name = (found[1] or found[2] or "").strip(' *_"') if found else ""
    if not name or len(name) > MAX_NAME_CHARS:
        return None
    return _quiet(name) if name.isupper() and " " in name else name


def _quiet(name: str) -> str:
    """A name without its capitals: ``DREAM OF THE ENDLESS``."""
    words = name.lower().split()
    return " ".join(word if index and word in _SMALL_WORDS else word.title() for index, word in enumerate(words))


def _emoji(ux: Mapping[str, object]) -> object:
    """The sign that a character thinks with, else the first one of its sets."""
    icons = (_dig(ux, "thinking_indicators", mode).get("icon") for mode in _dig(ux, "thinking_indicators"))
    sets = _dig(ux, "emoji_sets").values()
    firsts = (one[0] for one in sets if isinstance(one, list) and one)
    return next((sign for sign in (*icons, *firsts) if isinstance(sign, str)), None)


def read_env_files(folder: Path, memory: SourceMemory, *, note: Note) -> Iterator[Sighting]:
    """``.env.<bot>`` files of both generations. One without any bot variable (``.env.local``) is not a bot.

    Where there is none, an ``.env`` with a v1 bot's token is the one of an installation of a single bot.
    """
    is_fleet = False
    for path in memory.listed(folder, ".env.*", note=note):
        name = path.name.removeprefix(".env.")
        if path.name.endswith(NOT_BOTS) or _WORKER.fullmatch(name):
            continue
        values = _dig(memory.parsed(path, _dotenv, note=note, until_stable=True))
        if not values.keys() & BOT_MARKS or _WORKER.fullmatch(str(values.get("DISCORD_BOT_NAME")).lower()):
            continue
        is_fleet = True
        yield from _env_sighting(name, path, values, note=note)
    alone = folder / ".env"
    if not is_fleet and alone.is_file():
        values = _dig(memory.parsed(alone, _dotenv, note=note, until_stable=True))
        if "DISCORD_BOT_TOKEN" in values:
            called = str(values.get("DISCORD_BOT_NAME") or "").title() or None
            yield from _env_sighting(SINGLE_BOT, alone, values, note=note, display_name=called)


def _env_sighting(
    name: str, path: Path, values: Mapping[str, object], *, note: Note, display_name: str | None = None
) -> Iterator[Sighting]:
    generation = generation_of(values)
    port, origin = env_port(values, generation)
    facts = {
        "display_name": _name_for_people(values.get("DISCORD_BOT_NAME")) or display_name,
        "alias": values.get("DISCORD_BOT_NAME"),
        "generation": generation,
        "port": port,
        "model": values.get("LLM_CHAT_MODEL") or values.get("LLM_MODEL_NAME"),
    }
    yield from sighting_of(name, str(path), facts, note=note, address_origin=f"{origin} in {path}")


def generation_of(variables: Collection[str]) -> str | None:
    """Which generation an environment is of, by the names of its variables; None when it may be either."""
    names = set(variables)
    return "v2" if names & V2_MARKS else "v1" if names & V1_MARKS else None


def env_port(values: Mapping[str, object], generation: str | None) -> tuple[object, str]:
    """The port that an environment gives a bot, checked by nobody yet, and the variable that says so."""
    for variable in PORT_VARIABLES[generation or "v1"]:
        if values.get(variable):
            return values[variable], variable
    if generation is None:
        return None, "API_PORT"
    variable, port = DEFAULT_PORTS[generation]
    return port, f"{variable} (not set: {port})"


def read_labels(containers: Iterable[LabelledContainer], *, label: str, note: Note) -> Iterator[Sighting]:
    """Containers of bots; what else they say hangs below the label, e.g. ``whisperengine.bot.port``.

    The label names the port inside the compose network, the container the published one.
    """
    for container in containers:
        labels = {key.removeprefix(f"{label}."): value for key, value in container.labels.items()}
        inner = labels.get("port") or container.inner_port
        said = ("display_name", "description", "emoji", "model", "timeout")
        facts: dict[str, object] = {key: labels.get(key) for key in said}
        facts |= {
            "container_name": container.container_name,
            "service_name": container.service_name,
            "alias": container.alias,
            "port": container.port or inner,
            "host_port": container.port,
            "inner_port": inner,
        }
        has_port = container.port or inner
        yield from sighting_of(
            container.bot_name,
            f"container {container.container_name}",
            facts,
            note=note,
            is_declaration=container.is_labelled,
            is_lasting=container.is_up,
            address_origin=f"the port of the container {container.container_name}" if has_port else "",
        )


def read_config(path: Path, memory: SourceMemory, *, were_out: Collection[str] = (), note: Note) -> Iterator[Sighting]:
    """The ``BOTS_CONFIG`` file: a list of bots, or a mapping by name, at the top or under ``bots``.

    ``were_out``: bots (folded names) that it took out until now; a word on that which is none changes nothing.
    """
    load = orjson.loads if path.suffix == ".json" else yaml.safe_load
    bots = memory.parsed(path, lambda text: _config_bots(load(text)), note=note, until_stable=True)
    mentioned: set[str] = set()
    is_whole = True
    for position, entry in enumerate(bots if isinstance(bots, list) else (), start=1):
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
            note(f"{path}: bot {position} is not a mapping with a name")
            is_whole = False
            continue
        mentioned.add(fold(entry["name"]))
        yield from _config_entry(entry, path, were_out, note=note)
    if not is_whole:  # what is missing may be a bot that is to stay out
        for name in sorted(set(were_out) - mentioned):
            yield from sighting_of(name, str(path), {}, note=note, is_removal=True)


def _config_bots(content: object) -> list[object]:
    """The entries of a ``BOTS_CONFIG`` file, with their names. Raises: Unusable for anything else."""
    if content is None:
        raise Unusable("it is empty; write [] for no bots")
    bots = content.get("bots", content) if isinstance(content, dict) else content
    if isinstance(bots, dict):
        return [
            {**(entry or {}), "name": name} if isinstance(entry, dict | None) else entry for name, entry in bots.items()
        ]
    if not isinstance(bots, list):
        raise Unusable("it is not a list or a mapping of bots; write [] for no bots")
    return bots


def _config_entry(
    entry: Mapping[str, object], path: Path, were_out: Collection[str], *, note: Note
) -> Iterator[Sighting]:
    name = "_".join(str(entry["name"]).split())
    where = f"{path}: {entry['name']!r}"
    if unknown := sorted(str(key) for key in entry.keys() - CONFIG_FIELDS):
        note(f"{where}: unknown field {', '.join(unknown)}")
    is_enabled = entry.get("enabled", True)
    if not isinstance(is_enabled, bool):
        note(f"{where}: enabled must be true or false")
        is_enabled = fold(name) not in were_out
    facts = {key: entry.get(key) for key in ("url", "port", "display_name", "description", "emoji", "model", "timeout")}
    facts["container_name"] = entry.get("container")
    facts["host_port"] = entry.get("port")
    said = next((key for key in ("url", "port") if entry.get(key)), None)
    origin = f"{said} of {name} in {path}" if said else ""
    yield from sighting_of(name, str(path), facts, note=note, is_removal=not is_enabled, address_origin=origin)


def sighting_of(
    name: str,
    source: str,
    facts: Mapping[str, object],
    *,
    note: Note,
    is_declaration: bool = True,
    is_removal: bool = False,
    is_lasting: bool = True,
    address_origin: str = "",
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
        if fact is None and key in {"host_port", "alias"}:
            continue  # the same as "port", which says so; any name is one of a bot's names
        if fact is None:
            note(f"{source}: {bot_name}: {key} is not valid")
        else:
            checked[key] = fact
    yield Sighting(
        bot_name=bot_name,
        source=source,
        facts=checked,
        is_declaration=is_declaration,
        is_removal=is_removal,
        is_lasting=is_lasting,
        address_origin=address_origin,
    )


def _fact(key: str, value: object) -> str | int | None:
    if key in _PORTS:
        return _port(value)
    if key == "timeout":
        return _seconds(value)
    if not isinstance(value, str):
        return None
    if key == "url":
        return _url(value)
    if key in _HOSTS:
        return value if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", value) else None
    if key not in _TEXT_CHARS:
        return None
    printable = "".join(char if char.isprintable() or char == "\u200d" else " " for char in value)
    return " ".join(printable.split())[: _TEXT_CHARS[key]] or None


def _port(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,5}", value.strip()):
        value = int(value)
    is_port = isinstance(value, int) and not isinstance(value, bool) and 0 < value < 65_536
    return value if is_port and isinstance(value, int) else None


def _seconds(value: object) -> int | None:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,3}", value.strip()):
        value = int(value)
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return value if is_whole and isinstance(value, int) and 0 < value <= MAX_TIMEOUT_S else None


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


def _dotenv(text: str) -> dict[str, str | None]:
    """The variables of a file, and the values of those that are no secrets."""
    values = dotenv_values(stream=StringIO(text), interpolate=False)
    return {name: value if name in _ENV_VALUES else None for name, value in values.items()}


def _dig(value: object, *keys: str) -> Mapping[str, object]:
    """The mapping at ``keys``, empty where there is none."""
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value if isinstance(value, dict) else {}
