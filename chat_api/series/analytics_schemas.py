"""How the fleet is used, over time. All periods are UTC, weeks begin on Monday."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from enum import StrEnum

from chat_api.core.read_models import ReadModel

# Upper edges of the classes of answer times, seconds: each a fifth wider than the one before, from 50 ms to an hour.
ANSWER_TIME_EDGES_S: tuple[float, ...] = tuple(round(0.05 * 1.2**step, 6) for step in range(62))
CLASSES = len(ANSWER_TIME_EDGES_S) + 1


class Grain(StrEnum):
    """How long a period is."""

    HOUR = "hour"
    DAY = "day"
    WEEK = "week"

    @property
    def length(self) -> timedelta:
        """From the beginning of a period to that of the next one."""
        return {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}[self]

    def floor(self, at: datetime) -> datetime:
        """The beginning of the period that a time is in."""
        hour = at.replace(minute=0, second=0, microsecond=0)
        if self is Grain.HOUR:
            return hour
        day = hour.replace(hour=0)
        return day if self is Grain.DAY else day - timedelta(days=day.weekday())


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerTimes:
    """How long answers took: a count for each class of :data:`ANSWER_TIME_EDGES_S`, and one for all above."""

    counts: tuple[int, ...] = field(default=(0,) * CLASSES)

    def percentile_s(self, share: float) -> float | None:
        """The upper edge of the class in which this share of all answers is reached: at most a fifth too high."""
        total = sum(self.counts)
        if not total:
            return None
        reached = 0
        for edge, count in zip((*ANSWER_TIME_EDGES_S, ANSWER_TIME_EDGES_S[-1]), self.counts, strict=True):
            reached += count
            if reached >= share * total:
                return edge
        return ANSWER_TIME_EDGES_S[-1]

    def __add__(self, other: "AnswerTimes") -> "AnswerTimes":
        return AnswerTimes(counts=tuple(a + b for a, b in zip(self.counts, other.counts, strict=True)))

    @classmethod
    def of(cls, seconds: Sequence[float]) -> "AnswerTimes":
        """The classes of some times."""
        counts = [0] * CLASSES
        for time_s in seconds:
            counts[bisect_left(ANSWER_TIME_EDGES_S, time_s)] += 1
        return cls(counts=tuple(counts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """One period of one bot, or of all of them (``bot_name`` is empty).

    ``users`` wrote at least once. A visit is a person's messages with no more than half an hour between two of them,
    within one day; it is known for days and weeks of all bots.
    """

    start: datetime
    bot_name: str
    users: int = 0
    messages: int = 0
    answered: int = 0
    failed: int = 0
    visits: int = 0
    visit_seconds: float = 0.0
    answer_times: AnswerTimes = field(default_factory=AnswerTimes)

    @property
    def failure_share(self) -> float | None:
        """Failed among those that ended, 0 to 1."""
        ended = self.answered + self.failed
        return self.failed / ended if ended else None

    @property
    def p50_s(self) -> float | None:
        """The median answer time."""
        return self.answer_times.percentile_s(0.5)

    @property
    def p95_s(self) -> float | None:
        """The answer time that one in twenty exceeds."""
        return self.answer_times.percentile_s(0.95)

    @property
    def visit_minutes(self) -> float | None:
        """How long a visit took on average."""
        return self.visit_seconds / self.visits / 60 if self.visits else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BotShare:
    """How much of all that was written went to one bot, 0 to 1."""

    bot_name: str
    messages: int
    share: float
    total: Usage


# What came by the chat itself: its page, its WebSocket, its API with a session.
CHAT_SOURCE = "chat"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceShare(ReadModel):
    """How much of all that was written came by one door: ``chat``, ``api`` or ``gateway``; the share is 0 to 1."""

    source: str
    messages: int
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UsageReport:
    """The periods from ``since`` to ``until``, oldest first, with empty ones; their sum; and each bot's part.

    ``total.users`` is the most of any period: people of several periods are not counted twice in it.
    """

    grain: Grain
    since: datetime
    until: datetime
    periods: tuple[Usage, ...]
    total: Usage
    bots: tuple[BotShare, ...]
    sources: tuple[SourceShare, ...]
    counted_up_to: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohort(ReadModel):
    """The people who wrote for the first time in one week, and how many of them wrote in each week from then on."""

    week: date
    people: tuple[int, ...]
