"""The fleet: every bot that exists, by name, put together from what the sources say and from what is remembered.

From the lowest precedence to the highest; a later source wins field by field:

1. ``characters/``, both generations: names, descriptions, emojis. They describe, but do not make a bot exist.
2. v1's table ``characters`` (``FLEET_DATABASE_URL``), which describes as they do.
3. ``.env.<bot>`` files: the bot, its port, its model.
4. v1's table ``bot_deployments``: the bot, its container, its port. One that is stopped or failed keeps its bot only
   until an operator removes it; one that is merely generated makes none.
5. announcements of v2 bots (``FLEET_REDIS_URL``): the bot, its service, the port inside its network.
6. containers: the bot where labelled (``whisperengine.bot=<name>``), its container, its port.
7. ``BOTS_CONFIG``: the operator's word. ``enabled: false`` takes a bot out.

A bot that was seen once and that no source describes any more stays as it was last known, until an operator removes it.
So do all bots while ``BOTS_CONFIG`` cannot be read and has not been read by this process yet.
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain
from urllib.parse import urlsplit

from chat_api.bots.schemas import BotSpec
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import NotFound
from chat_api.core.settings import Settings
from chat_api.core.text import fold
from chat_api.fleet.addresses import addresses_of, host_and_port, is_inside_container
from chat_api.fleet.known_bot_schemas import KnownBot
from chat_api.fleet.source_memory import Note, SourceMemory
from chat_api.fleet.sources import (
    LabelledContainer,
    Sighting,
    read_characters,
    read_config,
    read_env_files,
    read_labels,
    sighting_of,
)
from chat_api.fleet.store_sources import StoreSources

__all__ = ["BotRegistry", "LabelledContainer", "Names", "is_inside_container"]

REMEMBERED = "last known"
# A note names so many bots, and counts the others.
MAX_LISTED = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Names:
    """Who is called what, all folded: ``fleet`` are the keys of its bots, ``others`` the keys of those who bear a name.

    Bots that ``BOTS_CONFIG`` takes out are among the latter, characters that no bot plays are not. ``removed`` are the
    keys of bots that an operator removed: their names for people are free for others.
    """

    fleet: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, frozenset[str]] = field(default_factory=dict)
    removed: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fleet:
    """``version`` grows with every change."""

    version: int = 0
    bots: Mapping[str, BotSpec] = field(default_factory=dict)
    facts: Mapping[str, Mapping[str, str | int]] = field(default_factory=dict)
    said: Mapping[str, tuple[Sighting, ...]] = field(default_factory=dict)
    names: Names = field(default_factory=Names)
    by_address: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    disabled: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


class BotRegistry:
    """Empty until the first ``refresh``; readers always see one whole fleet."""

    def __init__(self, settings: Settings, *, stores: StoreSources | None = None, clock: Clock = SYSTEM_CLOCK) -> None:
        """``stores`` are the fleet's own, as they were read last."""
        self._settings = settings
        self._stores = stores or StoreSources()
        self._is_inside = is_inside_container()
        self._labelled: tuple[LabelledContainer, ...] = ()
        self._known: Mapping[str, KnownBot] = {}
        self._chosen: dict[str, str] = {}
        self._engine_problem = ""
        self._memory = SourceMemory(clock=clock)
        self._fleet = _Fleet()
        self._refreshing = asyncio.Lock()

    @property
    def problems(self) -> tuple[str, ...]:
        """What could not be understood at the last refresh, one sentence each, for the operator."""
        return self._fleet.problems

    @property
    def version(self) -> int:
        """Grows whenever a bot appears, changes, goes or is found at another address."""
        return self._fleet.version

    @property
    def names(self) -> Names:
        """Who is called what."""
        return self._fleet.names

    @property
    def disabled(self) -> frozenset[str]:
        """The bots that ``BOTS_CONFIG`` takes out."""
        return self._fleet.disabled

    @property
    def is_config_unread(self) -> bool:
        """Whether ``BOTS_CONFIG`` cannot be read, and has not been since this process began."""
        config = self._settings.bots_config
        return config is not None and self._memory.is_unread(config)

    def get(self, name: str) -> BotSpec:
        """The bot of this name, in any case and with any separators.

        Raises: NotFound.
        """
        folded = fold(name[:200]) if name == name.strip() else ""
        bot = self._fleet.bots.get(name) or self._fleet.bots.get(self._fleet.names.fleet.get(folded, ""))
        if bot is None:
            raise NotFound("Unknown bot.")
        return bot

    def current(self, spec: BotSpec) -> BotSpec:
        """A bot as it is described now; as it was when it is gone."""
        return self._fleet.bots.get(spec.name, spec)

    def name_of(self, name: str) -> str:
        """How the fleet spells a bot's name; of a stranger the name as it is."""
        return self._fleet.names.fleet.get(fold(name), name)

    def first_seen(self, name: str) -> datetime | None:
        """Since when a bot is known; None for one that is not remembered yet."""
        known = self._known.get(name)
        return known.first_seen_at if known else None

    def all(self) -> tuple[BotSpec, ...]:
        """Every bot, by name."""
        return tuple(self._fleet.bots.values())

    def facts_of(self, name: str) -> Mapping[str, str | int]:
        """What the sources say of a bot, put together, to be remembered."""
        return self._fleet.facts.get(name, {})

    def said_of(self, name: str) -> tuple[Sighting, ...]:
        """What each source says of a bot, lowest precedence first."""
        return self._fleet.said.get(name, ())

    def at(self, url: str) -> tuple[str, ...]:
        """The bots that are at an address."""
        return self._fleet.by_address.get(host_and_port(url), ())

    def confirm_address(self, name: str, url: str) -> bool:
        """Keep a bot at the one of its addresses where it answers. Returns whether that is another than before."""
        bot = self._fleet.bots.get(name)
        if bot is None or url not in bot.addresses:
            return False
        self._chosen[name] = url
        if url == bot.url:
            return False
        bots = {**self._fleet.bots, name: _at(bot, url)}
        self._fleet = replace(
            self._fleet, version=self._fleet.version + 1, bots=bots, by_address=_by_address(bots.values())
        )
        return True

    def remember(self, known: Mapping[str, KnownBot]) -> None:
        """What is stored of bots that were seen; it counts from the next refresh on."""
        self._known = dict(known)

    async def refresh(
        self, *, labelled: Sequence[LabelledContainer] | None = None, engine_problem: str | None = None
    ) -> bool:
        """Read every source again, off the loop, and swap the fleet; without ``labelled`` the last ones count.

        ``engine_problem``: why the list of containers is an old one, empty when it is not.
        Returns: whether any bot appeared, changed or went.
        """
        async with self._refreshing:
            if labelled is not None:
                self._labelled = tuple(labelled)
            if engine_problem is not None:
                self._engine_problem = engine_problem
            before = self._fleet.bots
            read = await asyncio.to_thread(self._read)
            is_changed = before != read.bots
            self._fleet = replace(read, version=self._fleet.version + (is_changed or self._fleet.names != read.names))
            return is_changed

    def _read(self) -> _Fleet:
        problems: list[str] = []
        note = problems.append
        self._memory.begin()
        known = {fold(name): bot for name, bot in self._known.items()}
        named = _by_name(self._sightings(known, note), known)
        bots: dict[str, BotSpec] = {}
        facts: dict[str, Mapping[str, str | int]] = {}
        said: dict[str, tuple[Sighting, ...]] = {}
        for name in sorted(named):
            found = self._spec(name, named[name], known.get(fold(name)), note=note)
            if found is not None:
                bots[name], facts[name] = found
                said[name] = tuple(one for one in named[name] if one.source in found[0].sources)
        disabled = frozenset(name for name, sightings in named.items() if sightings[-1].is_removal)
        self._chosen = {name: url for name, url in self._chosen.items() if name in bots}
        _note_shared_addresses(bots.values(), note=note)
        if self._engine_problem:
            note(self._engine_problem)
        return _Fleet(
            bots=bots,
            facts=facts,
            said=said,
            names=_names(bots, named, known),
            by_address=_by_address(bots.values()),
            disabled=disabled,
            problems=tuple(dict.fromkeys(problems)),
        )

    def _sightings(self, known: Mapping[str, KnownBot], note: Note) -> Iterable[Sighting]:
        settings, memory = self._settings, self._memory
        config: list[Sighting] = []
        if settings.bots_config:
            were_out = {fold(name) for name in self._fleet.disabled}
            were_out |= {name for name, bot in known.items() if bot.is_disabled}
            config = list(
                _without_repeats(read_config(settings.bots_config, memory, were_out=were_out, note=note), note=note)
            )
            if known and memory.is_unread(settings.bots_config):
                note(f"{settings.bots_config}: until it can be read, every bot stays as it was last known")
        remembered = list(self._remembered(known, note))
        return chain(
            () if self.is_config_unread else remembered,
            read_characters(settings.characters_dir, memory, note=note),
            self._stores.characters(note=note),
            _without_repeats(read_env_files(settings.bots_env_dir, memory, note=note), note=note),
            _without_repeats(self._stores.deployments(note=note), note=note),
            _without_repeats(self._stores.announcements(note=note), note=note),
            _without_repeats(read_labels(self._labelled, label=settings.docker_label, note=note), note=note),
            config,
            remembered if self.is_config_unread else (),
        )

    def _remembered(self, known: Mapping[str, KnownBot], note: Note) -> Iterable[Sighting]:
        """Bots that were seen; while the operator's own file cannot be read, what is stored of them is its word."""
        for bot in known.values():
            is_out = bot.is_disabled and self.is_config_unread
            yield from sighting_of(
                bot.bot_name,
                REMEMBERED,
                bot.facts,
                note=note,
                is_declaration=not is_out and bot.removed_at is None,
                is_removal=is_out,
                is_lasting=False,
            )

    def _spec(
        self, name: str, sightings: Sequence[Sighting], known: KnownBot | None, *, note: Note
    ) -> tuple[BotSpec, Mapping[str, str | int]] | None:
        if sightings[-1].is_removal:
            return None
        first, *said = sightings
        if first.source == REMEMBERED and any(sighting.is_declaration for sighting in said):
            sightings = said  # what is said now counts, and nothing else
        is_removed = known is not None and known.removed_at is not None
        declared = [one for one in sightings if one.is_declaration and (one.is_lasting or not is_removed)]
        if not declared:
            return None
        facts: dict[str, str | int] = {}
        for sighting in sightings:
            facts |= sighting.facts
        addresses = addresses_of(name, facts, mode=self._settings.bots_host_mode, is_inside=self._is_inside)
        if not addresses:
            note(f"{sightings[-1].source}: {name} has neither a port nor a URL")
            return None
        display_name = _said(facts, "display_name") or name.replace("_", " ").replace("-", " ").title()
        names = {display_name, *(str(one.facts[key]) for one in sightings for key in _NAMES if key in one.facts)}
        spec = BotSpec(
            name=name,
            display_name=display_name,
            url=addresses[0],
            description=_said(facts, "description") or "",
            emoji=_said(facts, "emoji") or "",
            container_name=_said(facts, "container_name"),
            model=_said(facts, "model"),
            sources=tuple(sighting.source for sighting in sightings),
            addresses=addresses,
            address_origin=next((one.address_origin for one in reversed(sightings) if one.address_origin), ""),
            aliases=frozenset(fold(alias) for alias in names),
            declared_by=tuple(one.source for one in declared if one.is_lasting),
            timeout_s=float(facts["timeout"]) if "timeout" in facts else None,
        )
        chosen = self._chosen.get(name)
        return _at(spec, chosen if chosen in addresses else addresses[0]), facts


_NAMES = ("display_name", "alias")


def _at(bot: BotSpec, url: str) -> BotSpec:
    return replace(bot, url=url, port=urlsplit(url).port)


def _without_repeats(sightings: Iterable[Sighting], *, note: Note) -> Iterable[Sighting]:
    """The first sighting of every bot in one source."""
    seen: dict[str, str] = {}
    for sighting in sightings:
        name = fold(sighting.bot_name)
        if name in seen:
            note(f"{sighting.source}: {sighting.bot_name} is already described by {seen[name]}; ignored")
        else:
            seen[name] = sighting.source
            yield sighting


def _by_name(sightings: Iterable[Sighting], known: Mapping[str, KnownBot]) -> Mapping[str, Sequence[Sighting]]:
    """Sightings by bot. A bot is spelt as it always was, else as the first source that makes it exist spells it."""
    folded: dict[str, list[Sighting]] = defaultdict(list)
    for sighting in sightings:
        folded[fold(sighting.bot_name)].append(sighting)
    named: dict[str, Sequence[Sighting]] = {}
    for name, found in folded.items():
        spelt = next((one.bot_name for one in found if one.is_declaration), found[0].bot_name)
        named[known[name].bot_name if name in known else spelt] = found
    return named


def _names(
    bots: Mapping[str, BotSpec], named: Mapping[str, Sequence[Sighting]], known: Mapping[str, KnownBot]
) -> Names:
    others: dict[str, set[str]] = defaultdict(set)
    removed: set[str] = set()
    for name, sightings in named.items():
        if not any(one.is_declaration or one.source == REMEMBERED for one in sightings):
            continue  # a character that no bot plays
        if name not in bots and known.get(fold(name)) and known[fold(name)].removed_at is not None:
            removed.add(fold(name))
            continue
        said = {name, *(str(one.facts[key]) for one in sightings for key in _NAMES if key in one.facts)}
        for alias in said:
            others[fold(alias)].add(name)
    return Names(
        fleet={fold(name): name for name in bots},
        others={alias: frozenset(names) for alias, names in others.items()},
        removed=frozenset(removed),
    )


def _by_address(bots: Iterable[BotSpec]) -> Mapping[str, tuple[str, ...]]:
    by_address: dict[str, list[str]] = defaultdict(list)
    for bot in bots:
        by_address[host_and_port(bot.url)].append(bot.name)
    return {address: tuple(names) for address, names in by_address.items()}


def _note_shared_addresses(bots: Iterable[BotSpec], *, note: Note) -> None:
    sharing: dict[str, list[BotSpec]] = defaultdict(list)
    for bot in bots:
        if bot.declared_by:  # nobody can correct what nothing says any more
            sharing[host_and_port(bot.url)].append(bot)
    for found in sharing.values():
        if len(found) > 1:
            names = _listed([bot.name for bot in found])
            origins = _listed([bot.address_origin for bot in found if bot.address_origin])
            note(f"{names} have the same address, {found[0].url}. Only one can be right. Check {origins}.")


def _listed(words: Sequence[str]) -> str:
    """A few of them, each once."""
    each = list(dict.fromkeys(words))
    more = f" and {len(each) - MAX_LISTED} more" if len(each) > MAX_LISTED else ""
    return ", ".join(each[:MAX_LISTED]) + more


def _said(facts: Mapping[str, str | int], key: str) -> str | None:
    value = facts.get(key)
    return value if isinstance(value, str) else None
