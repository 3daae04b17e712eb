"""How bots answer now, from what all processes counted: degraded soon, and well again by good answers."""

from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import event

from chat_api.core.database import Database
from chat_api.fleet.schemas import BotStatus, BotView, Fault, RestartView
from chat_api.series.recent_answers import RecentAnswersService
from chat_api.series.recorder import SeriesRecorder
from models import RestartState
from tests.support.still_fleet import StillFleet, still_fleet


class Counted:
    """Elena and marcus, online, and a process that counts their answers."""

    def __init__(self, database: Database, still: StillFleet) -> None:
        self.still = still
        self.recorder = SeriesRecorder(database, clock=still.hands.clock)
        self.answers = RecentAnswersService(database, still.registry, still.fleet, clock=still.hands.clock)

    async def after(self, *outcomes: str, seconds: float = 0.1, bot_name: str = "elena") -> BotView:
        """The bot after calls that ended like this, a second for each."""
        for outcome in outcomes:
            self.recorder.record_answer(bot_name, outcome, seconds)
            self.still.hands.move(1)
        await self.recorder.flush()
        return await self.judged(bot_name)

    async def judged(self, bot_name: str = "elena") -> BotView:
        """The bot as it is judged now."""
        for name in ("elena", "marcus"):
            self.still.probe(name)
        self.still.fleet.record_answers(await self.answers.compute())
        return next(bot for bot in self.still.fleet.current().bots if bot.name == bot_name)


@pytest.fixture
async def counted(database: Database, tmp_path: Path) -> Counted:
    """Nobody has asked them anything yet."""
    return Counted(database, await still_fleet(tmp_path, "elena", "marcus"))


async def test_a_bot_that_fails_is_degraded_until_it_answers(counted: Counted) -> None:
    """By its newest calls; an apology is a failure, what its user stopped is nothing, and marcus is another bot."""
    assert (await counted.after("bot_failed")).status is BotStatus.ONLINE
    failing = await counted.after(*["ok", "apology", "cancelled", "apology", "ok"] * 4)
    assert failing.status is BotStatus.DEGRADED
    assert failing.has(Fault.FAILING)
    assert failing.error == "53% of its last 17 answers failed"
    assert counted.still.fleet.current().headline == "1 of 2 bots needs attention: Elena is degraded"
    assert (await counted.judged("marcus")).status is BotStatus.ONLINE
    well = await counted.after(*["ok"] * 30)
    assert (well.status, well.error) == (BotStatus.ONLINE, None)


async def test_old_failures_say_nothing(counted: Counted) -> None:
    """Nobody writes any more: after some minutes it is not known to fail, and it is not for ever."""
    assert (await counted.after(*["bot_timeout"] * 10)).status is BotStatus.DEGRADED
    counted.still.hands.move(330)
    assert (await counted.judged()).status is BotStatus.ONLINE


async def test_what_was_before_a_restart_counts_no_more(counted: Counted) -> None:
    """A restart is the end of what the process before it did."""
    assert (await counted.after(*["bot_timeout"] * 10)).status is BotStatus.DEGRADED
    counted.still.hands.move(10)
    begun = RestartView(
        restart_id=UUID(int=1),
        bot_name="elena",
        requested_by="test",
        requested_at=counted.still.hands.at,
        state=RestartState.ONLINE,
        estimate_s=5,
    )
    counted.still.fleet.record_restart(begun)
    assert counted.still.fleet.current().bots[0].status is BotStatus.ONLINE
    assert (await counted.after("ok")).status is BotStatus.ONLINE
    assert (await counted.after(*["bot_timeout"] * 9)).error == "90% of its last 10 answers failed"


async def test_a_bot_is_compared_with_itself(counted: Counted) -> None:
    """Twelve times as slow as in the hour before, and well again when it is quick."""
    assert (await counted.after(*["ok"] * 20, seconds=0.1)).status is BotStatus.ONLINE
    counted.still.hands.move(3600)
    slow = await counted.after(*["ok"] * 6, seconds=1.2)
    assert (slow.status, slow.error) == (BotStatus.DEGRADED, "answers take 1.2 s, usually 0.1 s")
    assert (await counted.after(*["ok"] * 30, seconds=0.1)).status is BotStatus.ONLINE
    assert (await counted.after(*["ok"] * 20, seconds=3.0, bot_name="marcus")).status is BotStatus.ONLINE


async def test_five_hundred_bots_are_judged_in_two_statements(database: Database, tmp_path: Path) -> None:
    """And each by its own answers."""
    names = [f"bot{number:03}" for number in range(500)]
    still = await still_fleet(tmp_path, *names)
    recorder = SeriesRecorder(database, clock=still.hands.clock)
    for number, name in enumerate(names):
        for call in range(10):
            recorder.record_answer(name, "bot_failed" if call < number % 10 else "ok", 0.1)
    await recorder.flush()
    statements: list[str] = []
    event.listen(database.engine.sync_engine, "before_cursor_execute", lambda *parts: statements.append(str(parts[2])))
    report = await RecentAnswersService(database, still.registry, still.fleet, clock=still.hands.clock).compute()
    assert len(statements) == 2, statements
    assert [report.bots[name].failures for name in names] == [number % 10 for number in range(500)]
