"""When bots are asked: real answers are evidence, silence is asked after rarely, and a suspicion at once."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from chat_api.bots.schemas import Contract
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerView
from chat_api.fleet.check_intervals import USUAL_INTERVALS, CheckIntervals
from chat_api.fleet.conduct_schemas import LOOPING, ConductReport
from chat_api.fleet.reports import AnswersReport, ServiceReport
from chat_api.fleet.schemas import (
    BotPolicy,
    Fault,
    RecentAnswers,
    ServiceStatus,
    SyntheticCheckView,
)
from chat_api.fleet.synthetic_checks_cost import daily_cost
from chat_api.fleet.synthetic_checks_schedule import Schedule
from tests.support.still_fleet import StillFleet, still_fleet

DAY_S = 86_400
MINUTE_S = 60
NAMES = tuple(f"bot{number:02}" for number in range(12))


class Asked:
    """A fleet that is asked whenever it is due, and whose people talk with it as told."""

    def __init__(self, still: StillFleet, *, contract: Contract, intervals: CheckIntervals = USUAL_INTERVALS) -> None:
        self.still = still
        self.contract = contract
        self.schedule = Schedule(still.fleet, intervals, clock=still.hands.clock)
        self.calls: list[tuple[float, str]] = []
        self.wrong: dict[str, Fault] = {}
        self.look()

    @property
    def now_s(self) -> float:
        """The time on the hands of the clock."""
        return self.still.hands.monotonic_s

    def look(self) -> None:
        """All bots answer their health check."""
        for bot in self.still.fleet.current().bots:
            self.still.probe(bot.name, contract=self.contract)

    def talk(self, *, ok: int = 0, failed: int = 0, names: tuple[str, ...] = NAMES) -> None:
        """What people were answered by now, as it is counted in all processes."""
        at = self.still.hands.at
        answers = RecentAnswers(
            calls=ok + failed, failures=failed, answered_at=at if ok else None, failed_at=at if failed else None
        )
        self.still.fleet.record_answers(AnswersReport(reported_at=at, bots=dict.fromkeys(names, answers)))

    def tick(self, seconds: float = 1.0) -> list[str]:
        """Let time pass and ask who is due; gives who was asked."""
        self.still.hands.move(seconds)
        self.look()
        due = self.schedule.due()
        for name in due:
            self.calls.append((self.now_s, name))
            self.schedule.asked(name)
            fault = self.wrong.get(name)
            seen = SyntheticCheckView(
                bot_name=name,
                is_answered=fault is None,
                checked_at=self.still.hands.at,
                fault=fault or Fault.SILENT,
            )
            self.schedule.ended(name, self.still.fleet.record_synthetic_check(seen))
        return due


@pytest.fixture
async def quiet(tmp_path: Path) -> Asked:
    """Twelve v2 bots that nobody talks to, in the evening after they were asked for the first time."""
    asked = Asked(await still_fleet(tmp_path, *NAMES), contract="v2")
    for _ in range(120):
        asked.tick()
    assert sorted(name for _, name in asked.calls) == list(NAMES), "each soon after the start, and once"
    asked.calls.clear()
    return asked


async def test_a_quiet_fleet_costs_cents(quiet: Asked) -> None:
    """A few calls a day instead of thousands, and spread over it: no hour has none of twelve bots tell how they are."""
    hours = [0] * 24
    for minute in range(DAY_S // MINUTE_S):
        hours[minute // 60] += len(quiet.tick(MINUTE_S))
    assert 12 * 3 <= len(quiet.calls) <= 12 * 5
    assert sum(count == 0 for count in hours) <= 6
    cost = daily_cost(quiet.still.fleet.current().bots, USUAL_INTERVALS)
    assert (cost.bots, cost.calls) == (12, 48)
    assert cost.note().startswith("At most about 48 calls a day for the 12 bots checked now: $0.05–0.24 a day")


async def test_the_first_generation_is_asked_on_the_interval(tmp_path: Path) -> None:
    """Every five minutes, as the setting says."""
    asked = Asked(await still_fleet(tmp_path, "elena"), contract="v1")
    for _ in range(60 * 6):
        asked.tick(10)
    assert 11 <= len(asked.calls) <= 13


async def test_who_is_talked_to_is_not_asked(tmp_path: Path) -> None:
    """A good answer to anybody is evidence; when people are silent again, the bot is asked an interval later."""
    asked = Asked(await still_fleet(tmp_path, *NAMES), contract="v1")
    for _ in range(60):
        asked.talk(ok=3)
        asked.tick(MINUTE_S)
    assert asked.calls == []
    for _ in range(7):
        asked.talk()
        asked.tick(MINUTE_S)
    assert {name for _, name in asked.calls} == set(NAMES)


async def test_who_fails_people_is_asked_at_once(quiet: Asked) -> None:
    """And then ever more rarely, while it fails some of them and answers the checks; well again, all is as before."""
    for _ in range(30 * 6):
        quiet.talk(ok=9, failed=1, names=("bot03",))
        quiet.tick(10)
    asked_s = [round(at_s - quiet.calls[0][0]) for at_s, name in quiet.calls if name == "bot03"]
    assert asked_s[:4] == [0, 60, 180, 420]
    assert len(asked_s) <= 8
    assert {name for _, name in quiet.calls} == {"bot03"}


async def test_a_dead_language_model_of_one_is_asked_of_all(quiet: Asked) -> None:
    """Within ten seconds, though nobody talks to them; and once, not for every one that says so."""
    quiet.wrong = dict.fromkeys(NAMES, Fault.LANGUAGE_MODEL)
    quiet.talk(failed=1, names=("bot03",))
    assert quiet.tick() == ["bot03"]
    for _ in range(11):
        quiet.tick()
    assert sorted(name for _, name in quiet.calls) == list(NAMES)


async def test_a_language_model_that_fails_its_own_check(quiet: Asked) -> None:
    """Who talks through it is asked, and once while it stays away."""
    report = ServiceReport(
        name="llm", title="Language model", status=ServiceStatus.UNHEALTHY, checked_at=quiet.still.hands.at
    )
    for _ in range(60):
        quiet.still.fleet.record_service(replace(report, checked_at=quiet.still.hands.at))
        quiet.tick()
    assert sorted(name for _, name in quiet.calls) == list(NAMES)


async def test_who_was_started_anew_is_asked(quiet: Asked) -> None:
    """By the container's own start, though no health check ever failed."""
    hands = quiet.still.hands
    container = ContainerView(
        id="1",
        name="bot05",
        bot_name="bot05",
        kind=ContainerKind.CONTAINER,
        is_managed=True,
        last_seen_at=hands.at,
        state=ContainerState.RUNNING,
        image="whisperengine",
        started_at=hands.at - timedelta(hours=3),
    )
    quiet.still.fleet.record_containers((container,))
    for _ in range(5):
        assert quiet.tick() == [], "it ran before we looked"
    quiet.still.fleet.record_containers((replace(container, started_at=hands.at + timedelta(seconds=1)),))
    for _ in range(4):
        quiet.tick()
    assert [name for _, name in quiet.calls] == ["bot05"]


async def test_who_stays_silent_is_not_asked_for_ever_so_often(quiet: Asked) -> None:
    """Every half a minute for five minutes, for its return; then on the interval, for some of these calls are paid."""
    quiet.wrong = {"bot07": Fault.SILENT}
    quiet.talk(failed=1, names=("bot07",))
    for _ in range(6 * 60 * 2):
        quiet.tick(10)
    count = sum(name == "bot07" for _, name in quiet.calls)
    assert 28 <= count <= 36, count


async def test_who_loops_is_not_asked_for_ever_so_often(quiet: Asked) -> None:
    """Its answers are paid, too."""
    for number in range(6 * 60 * 2):
        if number % 60 == 0:
            quiet.still.fleet.record_conduct(
                ConductReport(bot_name="bot07", reporter="1", reported_at=quiet.still.hands.at, repeated=LOOPING)
            )
        quiet.tick(10)
    count = sum(name == "bot07" for _, name in quiet.calls)
    assert 28 <= count <= 36, count


async def test_an_answer_that_another_process_got_counts(tmp_path: Path) -> None:
    """A new leader does not ask everybody because it has begun."""
    still = await still_fleet(tmp_path, "elena")
    seen = SyntheticCheckView(bot_name="elena", is_answered=True, checked_at=still.hands.at - timedelta(hours=2))
    still.probe("elena", contract="v2")
    still.fleet.record_synthetic_check(seen)
    asked = Asked(still, contract="v2")
    for _ in range(60):
        assert asked.tick(MINUTE_S) == []


async def test_what_it_costs_where_it_is_set(tmp_path: Path) -> None:
    """Of the fleet as it is: both generations, without those that are not asked; nothing when nobody is."""
    still = await still_fleet(tmp_path, "elena", "ryan", "gabriel", "jake")
    for name, contract in (("elena", "v2"), ("ryan", "v2"), ("gabriel", "v1"), ("jake", "v1")):
        still.probe(name, contract=contract)  # type: ignore[arg-type]
    bots = still.fleet.current().bots
    off = BotPolicy(bot_name="jake", changed_at=still.hands.at, is_synthetic_check_on=False)
    bots = tuple(replace(bot, policy=off) if bot.name == "jake" else bot for bot in bots)
    cost = daily_cost(bots, USUAL_INTERVALS)
    assert (cost.bots, cost.calls) == (3, 288 + 4 + 4)
    assert cost.most_usd == pytest.approx(1.48)
    assert daily_cost(bots, CheckIntervals(shortest_s=0, quiet_s=1)).calls == 0
