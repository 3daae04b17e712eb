"""How a bot behaves over several answers: each looks well, and all together they do not.

::

    repeated   the same answer to different questions, in a row          4: it loops
    unstored   answers in a row that say that no memory was stored       3: it stores none
    silent     answers in a row without words                            2: worth a closer look
    recurring  of the last ten, some answers come back                   worth a closer look: stock texts do
    overdue    a call that takes so long that an answer is unlikely      worth a closer look

Short answers and short questions say nothing: "Yes." and the same greeting to everybody who says hello are in order.
Kept are digests, never words. Each process watches the calls that it makes itself, and tells the others.
"""

from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import uuid4

from chat_api.bots.endpoints import digest_of
from chat_api.bots.schemas import BotAnswer
from chat_api.core.bus import Topic
from chat_api.core.clock import Clock
from chat_api.fleet.conduct_schemas import LOOPING, NOT_STORING, ConductReport

SILENT = 2
RECENT_ANSWERS = 10
# Shorter than this are a yes, a no, a greeting, or a question that has but one answer.
MIN_ANSWER_CHARS = 24
MIN_QUESTION_CHARS = 16
OVERDUE_S = 15.0
# Nobody may have talked with the bot since, or the process that saw it may be gone.
STALE_AFTER = timedelta(minutes=30)
REPEAT_AFTER = STALE_AFTER / 3


@dataclass(slots=True, kw_only=True)
class _Seen:
    answer: str = ""
    questions: set[str] = field(default_factory=set)
    recent: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=RECENT_ANSWERS))
    unstored: int = 0
    silent: int = 0
    started_s: dict[int, float] = field(default_factory=dict)


class ConductWatch:
    """Of all bots that this process talks with. ``changes`` tells what became worse or better."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock
        self._reporter = uuid4().hex[:12]
        self._seen: dict[str, _Seen] = {}
        self._told: dict[str, ConductReport] = {}
        self._calls = 0
        self.changes: Topic[ConductReport] = Topic("conduct")

    @contextmanager
    def call(self, bot_name: str) -> Iterator[None]:
        """One call is under way."""
        seen = self._seen.setdefault(bot_name, _Seen())
        self._calls += 1
        number = self._calls
        seen.started_s[number] = self._clock.monotonic_s()
        try:
            yield
        finally:
            seen.started_s.pop(number, None)
            self._tell(bot_name)

    def answered(self, bot_name: str, question: str, answer: BotAnswer) -> None:
        """A bot answered. What shows itself to be an apology is counted as a failure elsewhere, and not here."""
        seen = self._seen.setdefault(bot_name, _Seen())
        if answer.is_silent:
            seen.silent = min(seen.silent + 1, SILENT)
        elif not answer.is_apology:
            seen.silent = 0
            if answer.memory_stored or answer.is_memory_refused:
                seen.unstored = min(seen.unstored + 1, NOT_STORING) if answer.is_memory_refused else 0
            _follow(seen, _folded(question), _folded(answer.text))
        self._tell(bot_name)

    def tick(self) -> None:
        """See which calls take too long by now; called every second."""
        for name, seen in self._seen.items():
            if seen.started_s:
                self._tell(name)

    def begin_anew(self, bot_name: str) -> None:
        """The bot was away, and may come back as another."""
        seen = self._seen.pop(bot_name, None)
        if seen is not None and seen.started_s:
            self._seen[bot_name] = _Seen(started_s=seen.started_s)
        self._told.pop(bot_name, None)

    def _tell(self, bot_name: str) -> None:
        """Publish what changed; what speaks against a bot is said again now and then, for who has not heard it."""
        report, last = self._report(bot_name), self._told.get(bot_name)
        if last is None:
            is_news = any(report.suspicions)
        else:
            is_old = report.reported_at - last.reported_at > REPEAT_AFTER
            is_news = report.suspicions != last.suspicions or (is_old and any(report.suspicions))
        if is_news:
            self._told[bot_name] = report
            self.changes.publish(report)

    def _report(self, bot_name: str) -> ConductReport:
        seen, now_s = self._seen.get(bot_name, _Seen()), self._clock.monotonic_s()
        return ConductReport(
            bot_name=bot_name,
            reporter=self._reporter,
            reported_at=self._clock.now(),
            repeated=len(seen.questions) if len(seen.questions) > 1 else 0,
            unstored=seen.unstored,
            silent=seen.silent if seen.silent >= SILENT else 0,
            is_recurring=_is_recurring(seen),
            is_overdue=any(now_s - started_s > OVERDUE_S for started_s in seen.started_s.values()),
        )


def combined(reports: Iterable[ConductReport]) -> ConductReport | None:
    """What several processes saw of a bot, as one: the worst of each; ``None`` when none saw anything."""
    found = list(reports)
    if not found:
        return None
    return replace(
        max(found, key=lambda report: report.reported_at),
        repeated=max(report.repeated for report in found),
        unstored=max(report.unstored for report in found),
        silent=max(report.silent for report in found),
        is_recurring=any(report.is_recurring for report in found),
        is_overdue=any(report.is_overdue for report in found),
    )


def _follow(seen: _Seen, question: str, answer: str) -> None:
    """Go on with the row of equal answers, or begin another."""
    digest, asked = digest_of(answer), digest_of(question)
    if digest != seen.answer:
        seen.answer = digest
        seen.questions.clear()
    if len(answer) < MIN_ANSWER_CHARS or len(question) < MIN_QUESTION_CHARS:
        return
    seen.recent.append((digest, asked))
    if len(seen.questions) < LOOPING:
        seen.questions.add(asked)


def _is_recurring(seen: _Seen) -> bool:
    """Whether answers come back that were given to other questions."""
    counts = Counter(answer for answer, _ in set(seen.recent))
    return any(count > 1 for count in counts.values())


def _folded(text: str) -> str:
    return " ".join(text.lower().split())
