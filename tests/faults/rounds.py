"""One round: a bot that is well, then is not, then is again; or one that is well all the time."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from chat_api.bots.schemas import Contract
from chat_api.core.database import Database
from chat_api.fleet.schemas import BotView
from tests.faults.cases import CALM_S, OK, WITHIN_S, Case, Play
from tests.faults.scene import Scene, is_well, scene
from tests.support.sample_bots import RunningBot
from tests.support.still_fleet import Hands

RECOVERS_S = 900
BETWEEN_S = 3600


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What all rounds share."""

    bots: Mapping[Contract, RunningBot]
    database: Database
    folder: Path
    hands: Hands

    @asynccontextmanager
    async def scene(self, contract: Contract) -> AsyncIterator[Scene]:
        """A bot that is well, watched by parts that know nothing of an earlier round."""
        bot = self.bots[contract]
        await bot.set_faults(**OK)
        try:
            async with scene(bot, self.database, self.folder, self.hands) as shown:
                yield shown
        finally:
            await bot.set_faults(**OK)
            self.hands.move(BETWEEN_S)  # what was counted in this round says nothing in the next


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """``named_s``: how long it took until the fault was named; ``error``: what went wrong, empty if nothing did."""

    named_s: int | None = None
    error: str = ""


async def fault_round(stage: Stage, case: Case, contract: Contract) -> Round:
    """Nothing is said before; the fault is named in time; and nothing is said when it is over."""
    async with stage.scene(contract) as shown:
        if (wrong := await _wrong(shown, CALM_S)) is not None:
            return Round(error=f"false before the fault: {_said(wrong)}")
        if await _begun(shown, case):
            return Round(error="named too early")
        named_s = await shown.pass_time(WITHIN_S, case.is_named)
        if named_s is None:
            return Round(error=f"not named: {_said(shown.view)}")
        await shown.bot.set_faults(**OK)
        is_over = await shown.pass_time(RECOVERS_S, is_well) is not None
        return Round(named_s=named_s, error="" if is_over else f"still said when it was over: {_said(shown.view)}")


async def healthy_round(stage: Stage, play: Play, contract: Contract) -> Round:
    """Nothing is ever said."""
    async with stage.scene(contract) as shown:
        wrong = await _wrong(shown, CALM_S // 3)
        if wrong is None:
            await play(shown)
            wrong = await _wrong(shown, CALM_S)
        return Round(error=f"false: {_said(wrong)}" if wrong is not None else "")


async def _begun(shown: Scene, case: Case) -> bool:
    """Let the fault begin, and last until it is one; returns whether it was named before."""
    await shown.bot.set_faults(**case.changes)
    if case.each_minute is None:
        return False
    minutes = case.lasts_s // 60
    for minute in range(1, minutes + 1):
        await shown.bot.set_faults(**case.each_minute(minute))
        if await shown.pass_time(60, case.is_named) is not None:
            return True
    await shown.bot.set_faults(**case.each_minute(minutes + 1))
    return False


async def _wrong(stage: Scene, seconds: int) -> BotView | None:
    """The bot at the first moment at which something is said against it, if that comes."""
    found: list[BotView] = []

    def is_wrong(view: BotView) -> bool:
        if not is_well(view):
            found.append(view)
        return not is_well(view)

    await stage.pass_time(seconds, is_wrong)
    return found[0] if found else None


def _said(view: BotView) -> str:
    return f"{view.status} ({view.error or 'no reason'})"
