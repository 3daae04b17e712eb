"""What is kept per bot while the process lives: its breaker, its bulkhead, and what was learnt about it."""

import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from chat_api.bots.breaker import Breaker, BreakerState
from chat_api.bots.bulkhead import Bulkhead, SharedSlots
from chat_api.bots.schemas import BotSpec, Contract
from chat_api.core.clock import Clock
from chat_api.core.errors import BotBusy, BotUnavailable

# Stock texts of one bot that are kept at hand.
MAX_APOLOGIES = 50

OnRefused = Callable[[str, str], None]
"""Told of every call that was not made: bot name, ``breaker`` or ``bulkhead``. Must not raise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointView:
    """How busy a bot is at this moment: calls under way of ``slots``, and calls waiting for one."""

    breaker: BreakerState
    in_flight: int
    waiting: int
    slots: int


@dataclass(slots=True, kw_only=True)
class Endpoint:
    """One bot's. ``contract`` and ``is_streaming`` are ``None`` until they are known; an older v2 bot does not tell
    whether it is on Discord.
    """

    url: str
    breaker: Breaker
    bulkhead: Bulkhead
    contract: Contract | None = None
    is_streaming: bool | None = None
    tells_discord: bool = True

    def reset(self) -> None:
        """It was away, and may come back as another."""
        self.contract = self.is_streaming = None
        self.tells_discord = True


def digest_of(text: str) -> str:
    """What stands for a bot's words where the words themselves are nobody's business."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


class Endpoints:
    """The endpoints of all bots, and the slots that they share."""

    def __init__(self, *, total_slots: int, slots_per_bot: int, clock: Clock, on_refused: OnRefused) -> None:
        self._slots_per_bot = slots_per_bot
        self._shared = SharedSlots(total_slots, per_bot=slots_per_bot)
        self._clock = clock
        self._on_refused = on_refused
        self._endpoints: dict[str, Endpoint] = {}
        self._apologies: dict[str, set[str]] = {}

    def of(self, bot: BotSpec) -> Endpoint:
        """What is kept of this bot, made on first use."""
        endpoint = self._endpoints.get(bot.name)
        if endpoint is None:
            slots = self._slots_per_bot
            bulkhead = Bulkhead(self._shared, slots=slots, max_waiting=slots)
            endpoint = self._endpoints[bot.name] = Endpoint(
                url=bot.url, breaker=Breaker(clock=self._clock), bulkhead=bulkhead
            )
        elif endpoint.url != bot.url:
            endpoint.url = bot.url
            endpoint.reset()
        return endpoint

    def learn_apology(self, bot_name: str, digest: str | None) -> None:
        """A bot said this while it showed that its language model is dead; ``None``: it showed that it lives."""
        if digest is None:
            self._apologies.pop(bot_name, None)
        elif len(known := self._apologies.setdefault(bot_name, set())) < MAX_APOLOGIES:
            known.add(digest)

    def is_apology(self, bot_name: str, text: str) -> bool:
        """Whether a bot whose language model is dead has said just this when that was seen."""
        known = self._apologies.get(bot_name)
        return known is not None and digest_of(text) in known

    def view(self, bot_name: str) -> EndpointView:
        """How busy a bot is; one never called has everything free."""
        endpoint = self._endpoints.get(bot_name)
        if endpoint is None:
            return EndpointView(breaker=BreakerState.CLOSED, in_flight=0, waiting=0, slots=self._slots_per_bot)
        bulkhead = endpoint.bulkhead
        return EndpointView(
            breaker=endpoint.breaker.state, in_flight=bulkhead.in_flight, waiting=bulkhead.waiting, slots=bulkhead.slots
        )

    @asynccontextmanager
    async def call(self, bot: BotSpec, *, wait_s: float) -> AsyncIterator[Endpoint]:
        """Make room for one call and learn from how it ends.

        Raises: BotUnavailable while the breaker is open, BotBusy when there is no room; the bot has seen nothing then.
        """
        endpoint = self.of(bot)
        self._check(endpoint, bot.name)  # before queueing, and again for those who waited
        try:
            await endpoint.bulkhead.enter(wait_s=wait_s)
        except BotBusy:
            self._on_refused(bot.name, "bulkhead")
            raise
        try:
            self._check(endpoint, bot.name)
            with endpoint.breaker.guard():
                yield endpoint
        finally:
            endpoint.bulkhead.leave()

    def _check(self, endpoint: Endpoint, bot_name: str) -> None:
        try:
            endpoint.breaker.check()
        except BotUnavailable:
            self._on_refused(bot_name, "breaker")
            raise
