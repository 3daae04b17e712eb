"""Who answers at an address: whether the bot there is the one that is meant, by what it calls itself.

Two bots are never well at one address, and a bot that says it is another answers nobody: it is *misaddressed*. No bot
is accused for a name that cannot be placed, for the Discord account of a v1 bot may be called anything: what it says
has to be a name of *another* bot that is known, and none of its own. A name that merely resembles another bot's accuses
only where that bot's own address is answered under a third one's name: the two were swapped.

At an address that several bots share, the one that is confirmed there is well; where none is, all are misaddressed. A
bot that nothing describes any more gives way to one that is described: its port may have been given to another.

What a bot says of itself is remembered by its address, until it is not reached or its container changes.
"""

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import IntEnum

from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotAnswer, BotInfo, BotSpec, Contract
from chat_api.bots.stream import OnDelta
from chat_api.core.bus import Topic
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import BotMisaddressed, NotFound, Upstream
from chat_api.core.logging import get_logger
from chat_api.core.text import fold
from chat_api.fleet.addresses import host_and_port
from chat_api.fleet.conduct import ConductWatch
from chat_api.fleet.registry import BotRegistry, Names

log = get_logger(__name__)

# So long a message waits for the first answer to "who are you?" from an address that was not asked yet.
ASK_TIMEOUT_S = 2.0
# A bot that does not say who it is is not asked before every message.
ASK_AGAIN_AFTER_S = 30.0
MAX_ADDRESSES = 5_000
_BETWEEN_WORDS = re.compile(r"[\W_]+")
# What a v1 bot calls its character before anybody gave it one.
_NOBODY = frozenset({"", "assistant", "bot", "default_assistant", "default", "unknown", "none", "whisperengine"})


class Match(IntEnum):
    """How well what a bot says of itself fits the bot that is meant; the surest last."""

    OTHER = -1
    UNKNOWN = 0
    SIMILAR = 1
    NAME = 2
    KEY = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    names: tuple[str, ...]
    contract: Contract


class BotIdentities:
    """Verdicts on every bot's address. ``changes`` tells whose verdict may have changed."""

    def __init__(self, registry: BotRegistry, connector: BotConnector, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._registry = registry
        self._connector = connector
        self._clock = clock
        self._said: dict[str, _Said] = {}
        self._faults: dict[str, str | None] = {}
        self._matches: dict[tuple[str, str], Match] = {}
        self._version = -1
        self._silent_until_s: dict[str, float] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self.changes: Topic[tuple[str, ...]] = Topic("bot_identities")
        # All that is said to bots passes here, and so does what they answer.
        self.conduct = ConductWatch(clock=clock)

    def fault(self, bot_name: str) -> str | None:
        """Why a bot is misaddressed and what to correct, for operators; None when it is not."""
        self._follow_registry()
        if bot_name not in self._faults:
            self._faults[bot_name] = self._judged(bot_name)
        return self._faults[bot_name]

    def match(self, spec: BotSpec) -> Match:
        """How well what answers at a bot's address fits it, as far as is known."""
        self._follow_registry()
        key = (spec.name, spec.url)
        if key not in self._matches:
            said = self._said.get(host_and_port(spec.url))
            names = self._registry.names
            self._matches[key] = match(spec, said.names, said.contract, names) if said else Match.UNKNOWN
        return self._matches[key]

    def is_to_be_asked(self, spec: BotSpec) -> bool:
        """Whether it is worth asking who is there: nobody has said so, nor kept silent a moment ago."""
        address = host_and_port(spec.url)
        return address not in self._said and self._clock.monotonic_s() >= self._silent_until_s.get(address, 0.0)

    def note_silence(self, url: str) -> None:
        """What is at an address does not say who it is."""
        if host_and_port(url) not in self._said:
            self._silent_until_s[host_and_port(url)] = self._clock.monotonic_s() + ASK_AGAIN_AFTER_S

    def note(self, info: BotInfo) -> None:
        """Take over what a bot says of itself."""
        if info.url is not None and info.said_names:
            self._put(info.url, _Said(names=info.said_names, contract=info.contract))

    def expire(self, bot_name: str) -> None:
        """What was said at a bot's address counts no more: it is not reached, or something else may be there by now."""
        try:
            url = self._registry.get(bot_name).url
        except NotFound:
            return
        self._silent_until_s.pop(host_and_port(url), None)
        if self._said.pop(host_and_port(url), None) is not None:
            self._changed(url)

    async def require(self, bot_name: str) -> BotSpec:
        """The bot at its present address, once it is sure enough that it is there.

        An address that was not asked yet is asked now. Raises: BotMisaddressed, NotFound.
        """
        spec = self._registry.get(bot_name)
        if self.is_to_be_asked(spec):
            await self._ask(spec)
        fault = self.fault(spec.name)
        if fault is not None:
            raise BotMisaddressed(detail=fault, extra={"connect_failed": True})
        return spec

    async def send(
        self,
        bot_name: str,
        *,
        user_id: str,
        message: str,
        user_name: str | None = None,
        timeout_s: float | None = None,
        on_delta: OnDelta | None = None,
        is_counted: bool = True,
        is_fast: bool = False,
    ) -> BotAnswer:
        """``BotConnector.send_message_to_bot``, to the right bot only: an answer by another is refused.

        Raises: BotMisaddressed, NotFound, and what the connector raises.
        """
        spec = await self.require(bot_name)

        def accept(answer: BotAnswer) -> None:
            self._accept(spec, answer)

        with self.conduct.call(spec.name):
            answer = await self._connector.send_message_to_bot(
                spec,
                user_id=user_id,
                message=message,
                user_name=user_name,
                timeout_s=timeout_s,
                on_delta=on_delta,
                is_counted=is_counted,
                is_fast=is_fast,
                accept=accept,
            )
        self.conduct.answered(spec.name, message, answer)
        return answer

    # Inside

    def _follow_registry(self) -> None:
        if self._version != self._registry.version:
            self._version = self._registry.version
            self._faults.clear()
            self._matches.clear()

    def _accept(self, spec: BotSpec, answer: BotAnswer) -> None:
        if answer.said_name is None or answer.contract is None:
            return
        if match(spec, (answer.said_name,), answer.contract, self._registry.names) is not Match.OTHER:
            return
        self._put(spec.url, _Said(names=(answer.said_name,), contract=answer.contract))
        raise BotMisaddressed(detail=self.fault(spec.name) or f"{spec.url} answers as {answer.said_name}")

    def _put(self, url: str, said: _Said) -> None:
        address = host_and_port(url)
        if self._said.get(address) == said:
            return
        if len(self._said) >= MAX_ADDRESSES:
            self._said.clear()
        self._said[address] = said
        self._silent_until_s.pop(address, None)
        self._changed(url)

    def _changed(self, url: str) -> None:
        names = self._registry.at(url)
        for name in names:
            self._matches.pop((name, self._registry.get(name).url), None)
        self._faults.clear()  # who is here may be why another is, or is not, where it should be
        self.changes.publish(names)

    async def _ask(self, spec: BotSpec) -> None:
        """Ask an address who is there; many who want to know ask once."""
        address = host_and_port(spec.url)
        task = self._asking.get(address)
        if task is None:
            task = self._asking[address] = asyncio.create_task(self._asked(spec), name=f"identity-{spec.name}")
            task.add_done_callback(lambda _: self._asking.pop(address, None))
        await asyncio.shield(task)

    async def _asked(self, spec: BotSpec) -> None:
        try:
            async with asyncio.timeout(ASK_TIMEOUT_S):
                self.note(await self._connector.get_bot_info(spec))
        except (Upstream, TimeoutError) as error:
            log.debug("identity_unknown", bot_name=spec.name, error=type(error).__name__)
        self.note_silence(spec.url)

    def _judged(self, bot_name: str) -> str | None:
        try:
            spec = self._registry.get(bot_name)
        except NotFound:
            return None
        said = self._said.get(host_and_port(spec.url))
        mine = self.match(spec)
        named = (
            f"The bot at {spec.url} calls itself {_said(said)}."
            if said and _said(said)
            else f"The bot at {spec.url} does not say which one it is."
        )
        if mine is Match.OTHER or self._is_swapped(spec):
            return f"{named} {_correction(spec)}"
        others = [self._registry.get(name) for name in self._registry.at(spec.url) if name != spec.name]
        rivals = [other for other in others if self._is_rival(other, spec, mine)]
        if not rivals:
            return None
        return f"Same address as {_listed(rival.name for rival in rivals)}. {named} {_correction(spec)}"

    def _is_rival(self, other: BotSpec, spec: BotSpec, mine: Match) -> bool:
        """Whether a bot at the same address keeps this one from being well there."""
        its = self.match(other)
        if spec.declared_by and not other.declared_by:
            return its > mine
        return its >= mine or mine <= Match.UNKNOWN

    def _is_swapped(self, spec: BotSpec) -> bool:
        """Whether what is here resembles another bot, what is at that one's address a third, and so on to this one."""
        seen: set[str] = set()
        resembled = self._resembled(spec)
        while resembled is not None and resembled != spec.name and resembled not in seen:
            seen.add(resembled)
            resembled = self._resembled(self._registry.get(resembled))
        return resembled == spec.name

    def _resembled(self, spec: BotSpec) -> str | None:
        """The one other bot whose name begins what a v1 bot at this bot's address calls itself, if none of its own."""
        said = self._said.get(host_and_port(spec.url))
        if said is None or said.contract != "v1" or self.match(spec) > Match.UNKNOWN:
            return None
        fleet, others = self._registry.names.fleet, self._registry.names.others
        known = {owner for name in said.names for start in _starts(name) for owner in others.get(start, ())}
        found = {name for name in known if name != spec.name and fold(name) in fleet}
        return found.pop() if len(found) == 1 else None


def match(spec: BotSpec, said: Sequence[str], contract: Contract, names: Names) -> Match:
    """How well names that something at a bot's address gives itself fit the bot. Pure.

    v2 says its key; v1 the names of its Discord account and of its character, which are for people: one that begins
    with the other is similar enough.
    """
    folded = [name for name in (fold(one.partition("#")[0]) for one in said) if name not in _NOBODY]
    own = fold(spec.name)
    if own in folded:
        return Match.KEY
    if contract == "v2" and any(name in names.fleet for name in folded):
        return Match.OTHER  # its key is that of another bot of the fleet, whatever else the two have in common
    if not spec.aliases.isdisjoint(folded):
        return Match.NAME
    if contract == "v1" and any(_is_similar(name, mine) for name in folded for mine in {own, *spec.aliases}):
        return Match.SIMILAR
    if contract == "v2" and not names.removed.isdisjoint(folded):
        return Match.OTHER
    is_other = any(names.others.get(name, frozenset()) - {spec.name} for name in folded)
    return Match.OTHER if is_other else Match.UNKNOWN


def _starts(name: str) -> Iterable[str]:
    """A name for people, folded, and what is left of it without its last words: "Ryan Chen | AI" begins with "ryan"."""
    words = [word for word in _BETWEEN_WORDS.split(name.lower()) if word]
    return ("_".join(words[:count]) for count in range(1, len(words) + 1))


def _is_similar(one: str, other: str) -> bool:
    return one.startswith(f"{other}_") or other.startswith(f"{one}_")


def _said(said: _Said) -> str:
    return " / ".join(dict.fromkeys(f'"{name[:50]}"' for name in said.names if fold(name) not in _NOBODY))


def _correction(spec: BotSpec) -> str:
    return f"Correct {spec.address_origin}." if spec.address_origin else "Correct its address."


def _listed(names: Iterable[str]) -> str:
    found = list(names)
    more = f" and {len(found) - 5} more" if len(found) > 5 else ""
    return ", ".join(found[:5]) + more
