"""The fleet: every bot that exists, by name, put together from four sources.

From the lowest precedence to the highest; a later source wins field by field:

1. ``characters/``, both generations: names, descriptions, emojis. They describe, but do not make a bot exist.
2. ``.env.<bot>`` files: the bot, its port, its model.
3. container labels (``whisperengine.bot=<name>``): the bot, its container, its port.
4. ``BOTS_CONFIG``: the operator's word. ``enabled: false`` takes a bot out.

Where the operator gives no URL, a bot is ``http://localhost:<port>``, or ``http://<container name>:<port>`` when this
process runs in a container itself (``BOTS_HOST_MODE`` overrides the guess).
"""

import asyncio
import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from urllib.parse import urlsplit

from chat_api.core.errors import NotFound
from chat_api.core.settings import Settings
from chat_api.schemas.bots import BotSpec
from chat_api.services.bot_sources import (
    LabelledContainer,
    Note,
    Sighting,
    read_characters,
    read_config,
    read_env_files,
    read_labels,
)

__all__ = ["BotRegistry", "LabelledContainer", "is_inside_container"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fleet:
    bots: Mapping[str, BotSpec] = field(default_factory=dict)
    problems: tuple[str, ...] = ()


class BotRegistry:
    """Empty until the first ``refresh``; readers always see one whole fleet."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        mode = settings.bots_host_mode
        self._uses_container_names = is_inside_container() if mode == "auto" else mode == "container"
        self._labelled: tuple[LabelledContainer, ...] = ()
        self._fleet = _Fleet()
        self._refreshing = asyncio.Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be understood at the last refresh, one sentence each, for the operator."""
        return self._fleet.problems

    def get(self, name: str) -> BotSpec:
        """The bot of this name, in any case.

        Raises: NotFound.
        """
        bot = self._fleet.bots.get(name.lower())
        if bot is None:
            raise NotFound("Unknown bot.")
        return bot

    def all(self) -> tuple[BotSpec, ...]:
        """Every bot, by name."""
        return tuple(self._fleet.bots.values())

    async def refresh(self, *, labelled: Sequence[LabelledContainer] | None = None) -> bool:
        """Read every source again, off the loop, and swap the fleet; without ``labelled`` the last ones count.

        Returns: whether any bot appeared, changed or went.
        """
        async with self._refreshing:
            if labelled is not None:
                self._labelled = tuple(labelled)
            before = self._fleet
            self._fleet = await asyncio.to_thread(self._read)
            return before.bots != self._fleet.bots

    def _read(self) -> _Fleet:
        problems: list[str] = []
        note = problems.append
        named = _by_name(self._sightings(note))
        bots = {name: bot for name in sorted(named) if (bot := self._spec(name, named[name], note=note))}
        _note_shared_addresses(bots.values(), note=note)
        return _Fleet(bots=bots, problems=tuple(dict.fromkeys(problems)))

    def _sightings(self, note: Note) -> Iterable[Sighting]:
        settings = self._settings
        return chain(
            read_characters(settings.characters_dir, note=note),
            _without_repeats(read_env_files(settings.bots_env_dir, note=note), note=note),
            _without_repeats(
                read_labels(
                    self._labelled,
                    label=settings.docker_label,
                    prefers_label_port=self._uses_container_names,
                    note=note,
                ),
                note=note,
            ),
            _without_repeats(read_config(settings.bots_config, note=note), note=note) if settings.bots_config else (),
        )

    def _spec(self, name: str, sightings: Sequence[Sighting], *, note: Note) -> BotSpec | None:
        if not any(sighting.is_declaration for sighting in sightings) or sightings[-1].is_removal:
            return None
        facts: dict[str, str | int] = {}
        for sighting in sightings:
            facts |= sighting.facts
        address = self._address(name, facts)
        if address is None:
            note(f"{sightings[-1].source}: {name} has neither a port nor a URL")
            return None
        url, port = address
        return BotSpec(
            name=name,
            display_name=_said(facts, "display_name") or name.replace("_", " ").replace("-", " ").title(),
            url=url,
            description=_said(facts, "description") or "",
            emoji=_said(facts, "emoji") or "",
            port=port,
            container_name=_said(facts, "container_name"),
            model=_said(facts, "model"),
            sources=tuple(sighting.source for sighting in sightings),
        )

    def _address(self, name: str, facts: Mapping[str, str | int]) -> tuple[str, int | None] | None:
        url, port = facts.get("url"), facts.get("port")
        if isinstance(url, str):
            return url, urlsplit(url).port
        if not isinstance(port, int):
            return None
        container = facts.get("container_name", f"whisperengine-{name}-bot")
        return f"http://{container if self._uses_container_names else 'localhost'}:{port}", port


def is_inside_container(root: Path = Path("/"), environ: Mapping[str, str] = os.environ) -> bool:
    """Whether this process runs in a container. Source: the marks that Docker, Podman and systemd-nspawn leave."""
    return bool(environ.get("container")) or any((root / mark).exists() for mark in (".dockerenv", "run/.containerenv"))


def _without_repeats(sightings: Iterable[Sighting], *, note: Note) -> Iterable[Sighting]:
    """The first sighting of every bot in one source."""
    seen: dict[str, str] = {}
    for sighting in sightings:
        if sighting.bot_name in seen:
            note(f"{sighting.source}: {sighting.bot_name} is already described by {seen[sighting.bot_name]}; ignored")
        else:
            seen[sighting.bot_name] = sighting.source
            yield sighting


def _by_name(sightings: Iterable[Sighting]) -> Mapping[str, Sequence[Sighting]]:
    named: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        named[sighting.bot_name].append(sighting)
    return named


def _note_shared_addresses(bots: Iterable[BotSpec], *, note: Note) -> None:
    sharing: dict[str, list[str]] = defaultdict(list)
    for bot in bots:
        sharing[bot.url].append(bot.name)
    for url, names in sharing.items():
        if len(names) > 1:
            note(f"{', '.join(names)} share {url}: all of them talk to the same bot")


def _said(facts: Mapping[str, str | int], key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) else None
