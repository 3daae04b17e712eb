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
class LaneView:
    """How busy a bot is at this moment: calls under way of ``slots``, and calls waiting for one."""

    breaker: BreakerState
    in_flight: int
    waiting: int
    slots: int


@dataclass(slots=True, kw_only=True)
class Lane:
    """One bot's. ``contract`` and ``is_streaming`` are ``None`` until they are known."""

    url: str
    breaker: Breaker
    bulkhead: Bulkhead
    contract: Contract | None = None
    is_streaming: bool | None = None

    def forget(self) -> None:
        """It was away, and may come back as another."""
        self.contract = self.is_streaming = None


def digest_of(text: str) -> str:
    """What stands for a bot's words where the words themselves are nobody's business."""
    return hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]


class Lanes:
    """The lanes of all bots, and the slots that they share."""

    def __init__(self, *, total_slots: int, slots_per_bot: int, clock: Clock, on_refused: OnRefused) -> None:
        self._slots_per_bot = slots_per_bot
        self._shared = SharedSlots(total_slots, per_bot=slots_per_bot)
        self._clock = clock
        self._on_refused = on_refused
        self._lanes: dict[str, Lane] = {}
        self._apologies: dict[str, set[str]] = {}

    def of(self, bot: BotSpec) -> Lane:
        """This bot's lane, made on first use."""
        lane = self._lanes.get(bot.name)
        if lane is None:
            slots = self._slots_per_bot
            bulkhead = Bulkhead(self._shared, slots=slots, max_waiting=slots)
            lane = self._lanes[bot.name] = Lane(url=bot.url, breaker=Breaker(clock=self._clock), bulkhead=bulkhead)
        elif lane.url != bot.url:
            lane.url = bot.url
            lane.forget()
        return lane

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

    def view(self, bot_name: str) -> LaneView:
        """How busy a bot is; one never called has everything free."""
        lane = self._lanes.get(bot_name)
        if lane is None:
            return LaneView(breaker=BreakerState.CLOSED, in_flight=0, waiting=0, slots=self._slots_per_bot)
        bulkhead = lane.bulkhead
        return LaneView(
            breaker=lane.breaker.state, in_flight=bulkhead.in_flight, waiting=bulkhead.waiting, slots=bulkhead.slots
        )

    @asynccontextmanager
    async def call(self, bot: BotSpec, *, wait_s: float) -> AsyncIterator[Lane]:
        """Make room for one call and learn from how it ends.

        Raises: BotUnavailable while the breaker is open, BotBusy when there is no room; the bot has seen nothing then.
        """
        lane = self.of(bot)
        self._check(lane, bot.name)  # before queueing, and again for those who waited
        try:
            await lane.bulkhead.enter(wait_s=wait_s)
        except BotBusy:
            self._on_refused(bot.name, "bulkhead")
            raise
        try:
            self._check(lane, bot.name)
            with lane.breaker.guard():
                yield lane
        finally:
            lane.bulkhead.leave()

    def _check(self, lane: Lane, bot_name: str) -> None:
        try:
            lane.breaker.check()
        except BotUnavailable:
            self._on_refused(bot_name, "breaker")
            raise
