"""One look at a bot: whether it answers, who it says it is, and whether it is to be found elsewhere."""

import asyncio
from dataclasses import dataclass, replace

from chat_api.bots.connector import BotConnector
from chat_api.bots.schemas import BotInfo, BotSpec, Probe
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.errors import AppError
from chat_api.core.logging import get_logger
from chat_api.fleet.identity import BotIdentities, Match, match
from chat_api.fleet.registry import BotRegistry

log = get_logger(__name__)

# A bot that is down is not looked for everywhere at every check; the pauses grow to the longest.
SEARCH_AGAIN_S = 5.0
SEARCH_AGAIN_MAX_S = 60.0
SEARCH_TIMEOUT_S = 3.0
MAX_SEARCHES = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """What was seen; ``info`` is None where the bot was not asked who it is, or did not say."""

    probe: Probe
    info: BotInfo | None = None


class BotProbes:
    """Looks at bots where they are, and looks for them where they may be."""

    def __init__(
        self,
        registry: BotRegistry,
        connector: BotConnector,
        identities: BotIdentities,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._registry = registry
        self._connector = connector
        self._identities = identities
        self._clock = clock
        self._searching = asyncio.Semaphore(MAX_SEARCHES)
        self._pauses_s: dict[str, float] = {}
        self._search_at_s: dict[str, float] = {}

    async def observe(self, spec: BotSpec, *, asks_who: bool = False) -> Observation:
        """Look once, at the bot's present address. ``asks_who``: ask it who it is also where that is known."""
        spec = self._registry.current(spec)
        seen = await self._at(spec, asks_who=asks_who)
        if seen.probe.is_healthy and self._fits(spec, seen.info) and not self._is_taken(spec, seen.info):
            self._pauses_s.pop(spec.name, None)
            return seen
        found = await self._elsewhere(spec)
        return found or seen

    def search_now(self, bot_name: str) -> None:
        """Something about a bot changed: look for it at once when it is not where it was."""
        self._pauses_s.pop(bot_name, None)
        self._search_at_s.pop(bot_name, None)

    async def _at(self, spec: BotSpec, *, asks_who: bool) -> Observation:
        probe = await self._connector.get_bot_status(spec)
        if not probe.is_healthy or not (asks_who or self._identities.is_to_be_asked(spec)):
            return Observation(probe=probe)
        try:
            info = await self._connector.get_bot_info(spec)
        except AppError as error:
            log.debug("bot_info_not_read", bot_name=spec.name, code=error.code)
            self._identities.note_silence(spec.url)
            return Observation(probe=probe)
        if not info.said_names:
            self._identities.note_silence(spec.url)
        return Observation(probe=probe, info=info)

    async def _elsewhere(self, spec: BotSpec) -> Observation | None:
        others = [url for url in spec.addresses if url != spec.url]
        now_s = self._clock.monotonic_s()
        if not others or self._searching.locked() or now_s < self._search_at_s.get(spec.name, 0.0):
            return None
        pause_s = self._pauses_s.get(spec.name, SEARCH_AGAIN_S)
        self._pauses_s[spec.name] = min(2 * pause_s, SEARCH_AGAIN_MAX_S)
        self._search_at_s[spec.name] = now_s + pause_s
        async with self._searching:
            found = await asyncio.gather(*(self._tried(replace(spec, url=url)) for url in others))
        good = [observation for observation in found if observation is not None and self._is_right(spec, observation)]
        return max(good, key=lambda observation: self._match(spec, observation.info), default=None)

    async def _tried(self, spec: BotSpec) -> Observation | None:
        try:
            async with asyncio.timeout(SEARCH_TIMEOUT_S):
                return await self._at(spec, asks_who=True)
        except TimeoutError:
            return None

    def _is_right(self, spec: BotSpec, observation: Observation) -> bool:
        """Whether what was found is the bot: it says so, or nobody speaks against it and no other bot is there."""
        if not observation.probe.is_healthy or observation.probe.url is None:
            return False
        fit = self._match(spec, observation.info)
        others = [name for name in self._registry.at(observation.probe.url) if name != spec.name]
        return fit > Match.UNKNOWN or (fit is Match.UNKNOWN and not others)

    def _fits(self, spec: BotSpec, info: BotInfo | None) -> bool:
        return (self._match(spec, info) if info else self._identities.match(spec)) is not Match.OTHER

    def _is_taken(self, spec: BotSpec, info: BotInfo | None) -> bool:
        """Whether another bot is at the same address, and this one does not say that it is the one that is meant."""
        fit = self._match(spec, info) if info else self._identities.match(spec)
        return len(self._registry.at(spec.url)) > 1 and fit is Match.UNKNOWN

    def _match(self, spec: BotSpec, info: BotInfo | None) -> Match:
        return match(spec, info.said_names, info.contract, self._registry.names) if info else Match.UNKNOWN
