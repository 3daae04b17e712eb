"""How a bot behaves over several answers: rows of odd ones are counted, by digests, in each process for itself."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from chat_api.bots.schemas import BotAnswer
from chat_api.fleet.conduct import OVERDUE_S, STALE_AFTER, ConductWatch
from chat_api.fleet.conduct_schemas import LOOPING, NOT_STORING, ConductReport
from chat_api.fleet.reports import decode, encode, key_of
from chat_api.fleet.schemas import BotStatus, Fault
from tests.support.still_fleet import Hands, StillFleet, still_fleet

LONG = "I am so glad that you are here with me today."


class Talk:
    """One bot, and what is seen of it."""

    def __init__(self) -> None:
        self.hands = Hands()
        self.watch = ConductWatch(clock=self.hands.clock)
        self.reports: list[ConductReport] = []
        self.watch.changes.listen(self.reports.append)
        self.count = 0

    @property
    def last(self) -> ConductReport:
        """What was told last; of a bot of which nothing was, that nothing speaks against it."""
        nothing = ConductReport(bot_name="elena", reporter="", reported_at=self.hands.at)
        return self.reports[-1] if self.reports else nothing

    def say(self, text: str, *, question: str | None = None, **answer: Any) -> None:
        """The bot answers a question, by default one that nobody asked before."""
        self.count += 1
        given = BotAnswer(text=text, bot_name="elena", processing_time_s=1.0, **({"memory_stored": True} | answer))
        self.watch.answered("elena", question or f"This is question number {self.count}, and no other.", given)


def test_the_same_to_everything() -> None:
    """Four times in a row, in whatever case and spacing; another answer in between ends it."""
    talk = Talk()
    for _ in range(LOOPING - 1):
        talk.say(LONG)
    assert (talk.last.repeated, talk.last.is_looping) == (LOOPING - 1, False)
    talk.say("Something else altogether, to be sure.")
    assert talk.last.repeated == 0
    for text in (LONG, LONG.upper(), f"  {LONG}\n", LONG.replace(" ", "  ")):
        talk.say(text)
    assert talk.last.is_looping


@pytest.mark.parametrize(
    ("answer", "question"), [("Yes.", None), (LONG, "Hello"), (LONG, "What is the capital of France, please?")]
)
def test_what_may_be_said_again(answer: str, question: str | None) -> None:
    """A yes to anything, the same greeting to everybody, the same answer to the same question."""
    talk = Talk()
    for _ in range(20):
        talk.say(answer, question=question)
    assert talk.reports == []


def test_texts_that_come_back() -> None:
    """Stock texts in turn: no row, and worth a closer look; a bot with words of its own is not."""
    talk = Talk()
    for number in range(10):
        talk.say(f"This is an answer of my own, number {number}.")
    assert talk.reports == []
    for number in range(10):
        talk.say(f"One of my two apologies for today: {number % 2}.")
    assert (talk.last.is_recurring, talk.last.is_looping) == (True, False)


def test_memories_that_are_not_stored() -> None:
    """Three in a row; one that was stored ends it, and who says nothing of it, or apologises, does not count."""
    talk = Talk()
    for _ in range(NOT_STORING - 1):
        talk.say("Well, well.", memory_stored=False, is_memory_refused=True)
    talk.say("Well, well.", memory_stored=False)
    talk.say("Sorry.", memory_stored=False, is_memory_refused=True, is_apology=True)
    assert (talk.last.unstored, talk.last.is_not_storing) == (NOT_STORING - 1, False)
    talk.say("Well, well.")
    assert talk.last.unstored == 0
    for _ in range(NOT_STORING):
        talk.say("Well, well.", memory_stored=False, is_memory_refused=True)
    assert talk.last.is_not_storing


def test_an_answer_that_is_overdue() -> None:
    """Nobody knows yet that it will not come; when it came, nothing is left of it."""
    talk = Talk()
    with talk.watch.call("elena"):
        talk.hands.move(OVERDUE_S + 1)
        talk.watch.tick()
        assert talk.last.is_overdue
    assert not talk.last.is_overdue


def test_no_words_are_kept() -> None:
    """Neither the bot's nor the people's, and nothing but counts leaves the process."""
    talk = Talk()
    for _ in range(LOOPING):
        talk.say("My secret is the blue door at the harbor.", question="Where do you hide the golden key, my friend?")
        talk.say("My secret is the blue door at the harbor.")
    assert "secret" not in repr(talk.watch._seen)
    assert "golden" not in repr(talk.watch._seen)
    told = encode(talk.last)
    assert decode(key_of(talk.last), told) == talk.last
    assert "secret" not in told


@pytest.fixture
async def still(tmp_path: Path) -> StillFleet:
    """Elena, online."""
    fleet = await still_fleet(tmp_path, "elena")
    fleet.probe("elena")
    return fleet


def report(still: StillFleet, *, reporter: str = "one", repeated: int = LOOPING) -> ConductReport:
    """What a process tells of elena now."""
    return ConductReport(bot_name="elena", reporter=reporter, reported_at=still.hands.at, repeated=repeated)


async def test_several_processes_watch_one_bot(still: StillFleet) -> None:
    """What one saw stands until it takes it back, whatever the others did not see; not for ever, and not after a
    failed health check."""
    still.fleet.record_conduct(report(still))
    still.fleet.record_conduct(report(still, reporter="other", repeated=0))
    (bot,) = still.fleet.current().bots
    assert (bot.status, bot.error) == (BotStatus.DEGRADED, "gives the same answer to different questions")
    assert bot.has(Fault.LOOPING)
    still.fleet.record_conduct(report(still, repeated=0))
    assert still.fleet.current().bots[0].status is BotStatus.ONLINE
    still.fleet.record_conduct(report(still))
    still.hands.move((STALE_AFTER + timedelta(seconds=1)).total_seconds())
    still.probe("elena")
    assert still.fleet.current().bots[0].status is BotStatus.ONLINE
    still.fleet.record_conduct(report(still))
    still.probe("elena", latency_ms=None)
    still.probe("elena")
    assert still.fleet.current().bots[0].status is BotStatus.ONLINE
