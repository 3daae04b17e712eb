"""One attempt at what is left of an erasure: told to all bots first, and only then looked at.

Bots of one fleet share a graph, so that what one was told to forget another may still hold at that moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from chat_api.bots.knowledge_answers import NotOffered
from chat_api.bots.knowledge_schemas import Cleared
from chat_api.bots.schemas import BotSpec
from chat_api.core.clock import Clock
from chat_api.core.errors import BotFailed, NotFound, Upstream
from chat_api.memories.bots import PersonAtBots, Told, together
from chat_api.memories.outcomes import judged, tried, worst
from chat_api.memories.schemas import ReceiptPart, Work
from models import ErasureOutcome, MemoryPart

BOTS_AT_ONCE = 8
# Both together stay below the time for which an attempt is claimed.
CLEAR_LIMIT_S = 45.0
LOOK_LIMIT_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """What a bot showed of one id, and what it said to the order to clear it."""

    before: Told
    cleared: Cleared


@dataclass(frozen=True, slots=True, kw_only=True)
class _ToldToForget:
    bot: BotSpec | None
    steps: tuple[_Step, ...]
    failure: ErasureOutcome | None = None


class Attempts:
    """Makes attempts; what is stored of them is the caller's."""

    def __init__(self, at_bots: PersonAtBots, clock: Clock) -> None:
        self._at_bots = at_bots
        self._clock = clock

    async def make(self, work: Work) -> list[ReceiptPart]:
        """Try what is left; returns the parts that were tried, and not those for which there was no time."""
        ids = work.bot_user_ids
        told = await together(
            {name: partial(self._tell, name, ids, _kinds(parts)) for name, parts in work.parts.items()},
            at_once=BOTS_AT_ONCE,
            limit_s=CLEAR_LIMIT_S,
        )
        shown = await together(
            {name: partial(self._look, one.bot, ids) for name, one in told.items() if one.bot and one.failure is None},
            at_once=BOTS_AT_ONCE,
            limit_s=LOOK_LIMIT_S,
        )
        return [
            self._after(part, told[name], shown.get(name, ErasureOutcome.NOT_REACHED))
            for name in told
            for part in work.parts[name]
        ]

    async def _tell(self, name: str, ids: Sequence[str], parts: Sequence[MemoryPart]) -> _ToldToForget:
        steps: list[_Step] = []
        bot = None
        try:
            bot = await self._at_bots.find(name)
            for user_id in ids:
                before = await self._at_bots.ask(bot, user_id)
                steps.append(_Step(before=before, cleared=await self._at_bots.clear(bot, user_id, parts)))
        except (Upstream, NotFound) as error:
            return _ToldToForget(bot=bot, steps=tuple(steps), failure=_failure(error))
        return _ToldToForget(bot=bot, steps=tuple(steps))

    async def _look(self, bot: BotSpec | None, ids: Sequence[str]) -> list[Told] | ErasureOutcome:
        assert bot is not None
        try:
            return [await self._at_bots.ask(bot, user_id) for user_id in ids]
        except Upstream as error:
            return _failure(error)

    def _after(self, part: ReceiptPart, told: _ToldToForget, shown: list[Told] | ErasureOutcome) -> ReceiptPart:
        showed = [bool(step.before.shows(part.part)) for step in told.steps]
        was_there = part.was_there or any(showed)
        if told.failure is not None:
            outcome = told.failure
        elif isinstance(shown, ErasureOutcome):
            outcome = shown
        else:
            outcome = worst(
                judged(
                    was_there=was_there,
                    showed=before,
                    is_claimed=bool(getattr(step.cleared, part.part.value)),
                    shows=after.shows(part.part),
                )
                for before, step, after in zip(showed, told.steps, shown, strict=True)
            )
        return tried(part, outcome, was_there=was_there, now=self._clock.now())


def _kinds(parts: Sequence[ReceiptPart]) -> list[MemoryPart]:
    return [part.part for part in parts]


def _failure(error: Upstream | NotFound) -> ErasureOutcome:
    if isinstance(error, NotOffered):
        return ErasureOutcome.UNSUPPORTED
    return ErasureOutcome.REFUSED if isinstance(error, BotFailed) else ErasureOutcome.NOT_REACHED
