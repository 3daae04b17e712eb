"""One real bot that people talk with, watched by the product's own parts, over a clock that only the scene moves.

The bot, the connector, the database, the probes, the count of answers and the schedule of checks are real; what would
run on timers is called here second by second. A call that hangs takes half a second of real time, and its whole limit
on the hands of the clock.
"""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path

import yaml

from chat_api.bots.connector import BotConnector
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.settings import Settings
from chat_api.fleet.check_intervals import USUAL_INTERVALS
from chat_api.fleet.health_poller import CLAIMS_EVERY_S
from chat_api.fleet.probes import BotProbes
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.reports import InfoReport
from chat_api.fleet.schemas import BotStatus, BotView
from chat_api.fleet.service import FleetService
from chat_api.fleet.synthetic_checks import TIMEOUT_S, SyntheticChecksService
from chat_api.fleet.synthetic_checks_worker import SyntheticChecksWorker
from chat_api.series.recent_answers import RecentAnswersService
from chat_api.series.recorder import SeriesRecorder
from chat_api.series.rollups_worker import ANSWERS_S, FLUSH_S
from tests.support.sample_bots import RunningBot
from tests.support.still_fleet import CHECK_INTERVAL_S, Hands

# A check that hangs is left after so much real time.
REAL_LIMIT_S = 0.5
# People wait longer, so that the clock is ahead of them on a slow machine, too.
PATIENCE_S = 10.0
TALK_EVERY_S = 10
# An answer of a bot that answers is there before the clock goes on.
ANSWERED_WITHIN_S = 0.2
OTHER = "marcus"
QUESTIONS = (
    "What did you do on the weekend?",
    "Tell me something about your work, please.",
    "Do you remember the name of my sister?",
    "I am a little worried about tomorrow.",
    "Which book would you take to an island?",
    "Why is the sea salty, do you think?",
    "I had a long day and need some rest.",
)


class Scene:
    """See the module. ``questions`` are what people say, in turn."""

    def __init__(self, bot: RunningBot, database: Database, config: Path, hands: Hands) -> None:
        settings = Settings(
            bots_config=config,
            bots_env_dir=config.parent,
            characters_dir=config.parent / "none",
            bots_host_mode="localhost",
            bot_api_timeout=REAL_LIMIT_S,
            bot_api_timeout_v2=REAL_LIMIT_S,
        )
        self.bot = bot
        self.hands = hands
        clock = hands.clock
        self.recorder = SeriesRecorder(database, clock=clock)
        self.connector = BotConnector(settings, clock=clock, on_call=self.recorder.record_answer)
        self.registry = BotRegistry(settings)
        self.fleet = FleetService(self.registry, self.connector, check_interval_s=CHECK_INTERVAL_S, clock=clock)
        self.probes = BotProbes(self.registry, self.connector, self.fleet.identities, clock=clock)
        self.answers = RecentAnswersService(database, self.registry, self.fleet, clock=clock)
        checks = SyntheticChecksService(self.registry, self.fleet, self.connector, clock=clock)
        self.worker = SyntheticChecksWorker(checks, self.fleet, USUAL_INTERVALS, clock=clock)
        self.questions: Sequence[str] = QUESTIONS
        self._asked = itertools.count()
        self._info_at_s = 0.0
        self._talking: set[asyncio.Task[None]] = set()

    @property
    def view(self) -> BotView:
        """The bot as every page shows it."""
        return next(bot for bot in self.fleet.current().bots if bot.name == self.bot.name)

    async def open(self) -> None:
        """Have it looked at for the first time, and greeted."""
        await self.connector.initialize()
        await self.registry.refresh()
        self.fleet.sync_registry()
        await self.look()

    async def close(self) -> None:
        """Leave nothing behind."""
        await self.connector.cleanup()
        await asyncio.gather(*self._talking, return_exceptions=True)

    async def pass_time(self, seconds: int, until: Callable[[BotView], bool]) -> int | None:
        """Let at most so many seconds pass; gives how many it took until something was so, ``None`` if it never was."""
        begun_s = self.hands.monotonic_s
        while self.hands.monotonic_s - begun_s < seconds:
            await self.second()
            if until(self.view):
                return round(self.hands.monotonic_s - begun_s)
        return None

    async def second(self) -> None:
        """What every part does in one second."""
        self.hands.move(1)
        now_s = round(self.hands.monotonic_s)
        if now_s % CHECK_INTERVAL_S == 0:
            await self.look()
        if now_s % TALK_EVERY_S == 0:
            self.talk()
            await asyncio.wait(self._talking, timeout=ANSWERED_WITHIN_S)
        if now_s % FLUSH_S == 0:
            await self.recorder.flush()
        if now_s % ANSWERS_S == 0:
            self.fleet.record_answers(await self.answers.compute())
        for name in self.worker.due():
            if name == self.bot.name:
                await self.check()
        await self.fleet.refresh()

    async def look(self) -> None:
        """Check the bot's health, and ask it now and then what it says of itself."""
        spec = self.registry.get(self.bot.name)
        asks_who = self.hands.monotonic_s >= self._info_at_s
        seen = await self.probes.observe(spec, asks_who=asks_who)
        if asks_who:
            self._info_at_s = self.hands.monotonic_s + CLAIMS_EVERY_S - 1
        if seen.info is not None:
            self.fleet.record_info(InfoReport(reported_at=self.hands.at, info=seen.info))
        self.fleet.record_probe(replace(seen.probe, checked_at=self.hands.at))

    def talk(self) -> None:
        """Somebody says the next thing, and does not hold up the clock."""
        task = asyncio.create_task(self._talked(self.questions[next(self._asked) % len(self.questions)]))
        self._talking.add(task)
        task.add_done_callback(self._talking.discard)

    async def answered(self) -> None:
        """All that was said by now is answered, or was given up."""
        await asyncio.gather(*self._talking)

    async def check(self) -> None:
        """Send it a synthetic check now."""
        await self.worker._ask(self.bot.name)
        seen = self.view.synthetic_check
        if seen is not None and seen.error == "no answer in time" and seen.checked_at == self.hands.at:
            self.hands.move(TIMEOUT_S)
            await self.look()

    async def _talked(self, question: str) -> None:
        with suppress(AppError):
            await self.fleet.identities.send(
                self.bot.name, user_id="weu_0123456789abcdef", message=question, timeout_s=PATIENCE_S
            )


@asynccontextmanager
async def scene(bot: RunningBot, database: Database, folder: Path, hands: Hands) -> AsyncIterator[Scene]:
    """A scene with this bot, and the name of another that is not there."""
    config = folder / "faults.yaml"
    entries = [{"name": bot.name, "url": bot.url}, {"name": OTHER, "url": "http://127.0.0.1:9"}]
    config.write_text(yaml.safe_dump(entries))
    opened = Scene(bot, database, config, hands)
    await opened.open()
    try:
        yield opened
    finally:
        await opened.close()


def is_well(view: BotView) -> bool:
    """Whether nothing is said against a bot."""
    return view.status is BotStatus.ONLINE and not view.reasons and view.error is None
