"""When a bot is sent a synthetic check: rules over what was last seen of it, by the clock.

::

    talked to       a good answer to somebody is evidence: nothing is asked until it is older than the interval
    silent          v1 every ``shortest_s``, v2 every ``quiet_s``; the first one soon after the start
    suspect         at once: it came back, real calls fail, the language model of a sister is dead, or not reached
    failing         again after seconds, and after several failures every ``shortest_s``

What spreads the checks is computed from the bot's name, so that the same fleet is asked at the same pace everywhere.
"""

import hashlib
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from chat_api.core.clock import Clock
from chat_api.fleet.check_intervals import CheckIntervals
from chat_api.fleet.conduct_schemas import ConductReport
from chat_api.fleet.schemas import BotStatus, BotView, Fault, ServiceStatus, SyntheticCheckView
from chat_api.fleet.service import FleetService

JITTER = 0.1
# A bot that did not answer is asked again soon: its return should not wait for a whole interval. Not for ever so often,
# for some of those calls are paid.
RETRY_S = 30.0
RETRIES = 10
# What may have been an accident is confirmed, or found to have been nothing.
CONFIRM_S = 5.0
# The first checks after a start are spread over this time, and come after the first health checks.
FIRST_S = (15.0, 60.0)
# The second comes within an interval, so that the bots of a fleet are not all asked at one time of the day.
SECOND_SHARE = 0.25
# A bot that has just come back.
SOON_S = 2.0
# The other bots, when one shows that its language model does not answer.
OTHERS_WITHIN_S = 10.0
# A bot whose real calls fail now and then is asked at once, and then ever more rarely while it answers the checks.
SUSPECT_GAP_S = 30.0
# As the conduct of a bot has its suspicions. Rows of odd answers, each a step, are confirmed within seconds.
ROW, RECURRING, OVERDUE, FAILED = "row", "recurring", "overdue", "failed"
KINDS = (ROW, ROW, ROW, RECURRING, OVERDUE)
GAPS = frozenset({RECURRING, OVERDUE, FAILED})
# Asking any other could only tell what is known: nobody is there, or somebody is at work on it.
ASKED = frozenset({BotStatus.ONLINE, BotStatus.DEGRADED})
_COMMON = frozenset({Fault.LANGUAGE_MODEL, Fault.APOLOGY})


@dataclass(slots=True, kw_only=True)
class _Plan:
    due_s: float
    began_at: datetime
    asked_s: float = float("-inf")
    count: int = 0
    failures: int = 0
    answered_at: datetime | None = None
    failed_at: datetime | None = None
    suspicions: tuple[int, ...] = ()
    # What it is suspected for, and how long each of these has to wait after a question.
    suspicion: str = ""
    gaps_s: dict[str, float] = field(default_factory=dict)


class Schedule:
    """Of one fleet. What calls, is the caller's."""

    def __init__(self, fleet: FleetService, intervals: CheckIntervals, *, clock: Clock) -> None:
        self._fleet = fleet
        self._intervals = intervals
        self._clock = clock
        self._plans: dict[str, _Plan] = {}
        self._away: set[str] = set()
        self._is_model_suspected = False
        self._is_model_away = False

    def due(self) -> list[str]:
        """The bots that are to be asked now, the longest overdue first."""
        view, now_s = self._fleet.current(), self._clock.monotonic_s()
        for name in self._plans.keys() - {bot.name for bot in view.bots}:
            del self._plans[name]
        self._follow_model(any(one.name == "llm" and one.status is ServiceStatus.UNHEALTHY for one in view.services))
        found = [(plan.due_s, bot.name) for bot in view.bots if (plan := self._plan(bot)) and plan.due_s <= now_s]
        return [name for _, name in sorted(found)]

    def asked(self, bot_name: str) -> None:
        """A bot is being asked now."""
        if plan := self._plans.get(bot_name):
            plan.asked_s, plan.due_s = self._clock.monotonic_s(), float("inf")

    def ended(self, bot_name: str, seen: SyntheticCheckView | None) -> None:
        """How it went; ``None`` when it was not asked after all."""
        plan, bot = self._plans.get(bot_name), self._bot(bot_name)
        if plan is None or bot is None:
            return
        plan.count += 1
        suspicion, plan.suspicion = plan.suspicion, ""
        if suspicion in GAPS and seen is not None and seen.is_answered:
            longest_s = max(self._intervals.shortest_s, SUSPECT_GAP_S)
            plan.gaps_s[suspicion] = min(2 * plan.gaps_s.get(suspicion, SUSPECT_GAP_S), longest_s)
        plan.due_s = self._clock.monotonic_s() + self._wait_s(plan, bot, seen)
        self._suspect_others(seen)

    # Inside

    def _plan(self, bot: BotView) -> _Plan | None:
        """The plan of a bot that may be asked, after what was seen of it since."""
        if bot.last_checked_at is None:
            return None  # nobody has looked yet
        if not self._is_asked(bot):
            self._away.add(bot.name)
            return None
        plan = self._plans.get(bot.name)
        if plan is None:
            plan = self._plans[bot.name] = _Plan(due_s=self._first_s(bot), began_at=self._clock.now())
        began_at = _began_at(bot) or plan.began_at
        if bot.name in self._away or began_at > plan.began_at:
            self._away.discard(bot.name)
            plan.began_at, plan.failures = max(began_at, plan.began_at), 0
            self._hasten(bot.name, plan, within_s=SOON_S)
        self._weigh(bot, plan)
        return plan

    def _is_asked(self, bot: BotView) -> bool:
        if bot.policy is not None and not bot.policy.is_synthetic_check_on:
            self._fleet.drop_synthetic_check(bot.name)
            return False
        return bot.status in ASKED

    def _weigh(self, bot: BotView, plan: _Plan) -> None:
        """Take what happened to real calls for what it says."""
        if self._clock.monotonic_s() - plan.asked_s > self._intervals.shortest_s:
            plan.gaps_s.clear()
        self._compare(bot.conduct, plan)
        recent = bot.recent
        if recent is None:
            return
        if recent.failed_at is not None and recent.failed_at != plan.failed_at:
            plan.failed_at = recent.failed_at
            self._suspect(plan, FAILED)
        if recent.failures or plan.suspicion:
            return
        if recent.answered_at is not None and recent.answered_at != plan.answered_at:
            plan.answered_at = recent.answered_at
            if plan.failures == 0 and not bot.reasons and plan.due_s < float("inf"):
                age_s = (self._clock.now() - recent.answered_at).total_seconds()
                wait_s = self._intervals.of(bot.contract) * self._jitter(bot.name, plan.count)
                plan.due_s = max(plan.due_s, self._clock.monotonic_s() - age_s + wait_s)

    def _compare(self, conduct: ConductReport | None, plan: _Plan) -> None:
        """More speaks against the bot than before: a row of odd answers is soon confirmed, or was nothing."""
        before, plan.suspicions = plan.suspicions, conduct.suspicions if conduct is not None else ()
        worse = [now > then for now, then in itertools.zip_longest(plan.suspicions, before, fillvalue=0)]
        for kind in (kind for kind, is_worse in zip(KINDS, worse, strict=False) if is_worse):
            self._suspect(plan, kind)

    def _suspect(self, plan: _Plan, kind: str) -> None:
        """Ask as soon as the gap since the last question is over; of several suspicions the gravest counts."""
        if plan.due_s < float("inf"):  # else it is being asked
            gap_s = min(plan.gaps_s.get(kind, SUSPECT_GAP_S) if kind in GAPS else CONFIRM_S, self._intervals.shortest_s)
            plan.suspicion = plan.suspicion or kind
            plan.due_s = min(plan.due_s, max(self._clock.monotonic_s(), plan.asked_s + gap_s))

    def _hasten(self, bot_name: str, plan: _Plan, *, within_s: float) -> None:
        if plan.due_s < float("inf"):  # else it is being asked
            spread_s = _share(bot_name) * min(within_s, self._intervals.shortest_s)
            plan.due_s = min(plan.due_s, self._clock.monotonic_s() + spread_s)

    def _follow_model(self, is_away: bool) -> None:
        """The language model's own check fails: who talks through it is asked at once, and once."""
        if is_away and not (self._is_model_away or self._is_model_suspected):
            self._hasten_all(self._plans)
        self._is_model_away = is_away

    def _suspect_others(self, seen: SyntheticCheckView | None) -> None:
        """One bot's language model is likely to be everybody's: whether it is should not take a whole interval."""
        if seen is None or seen.is_answered or seen.fault not in _COMMON:
            bots = self._fleet.current().bots
            self._is_model_suspected = self._is_model_suspected and any(bot.has(*_COMMON) for bot in bots)
        elif not self._is_model_suspected:
            self._is_model_suspected = True
            self._hasten_all(name for name in self._plans if name != seen.bot_name)

    def _hasten_all(self, names: Iterable[str]) -> None:
        for name in names:
            self._hasten(name, self._plans[name], within_s=OTHERS_WITHIN_S)

    def _wait_s(self, plan: _Plan, bot: BotView, seen: SyntheticCheckView | None) -> float:
        shortest_s = self._intervals.shortest_s
        if seen is None or not seen.is_answered:
            plan.failures = seen.failures if seen is not None else 0  # none where it was too busy to be asked
            wait_s = RETRY_S if plan.failures <= RETRIES else shortest_s
            if plan.failures and seen is not None and not seen.is_failing:
                wait_s = CONFIRM_S
            return min(wait_s, shortest_s) * self._jitter(bot.name, plan.count)
        plan.failures = plan.failures + 1 if bot.has(Fault.LOOPING, Fault.NOT_STORING) else 0
        if seen.answers_until_trusted:
            return min(SOON_S, shortest_s)
        if plan.failures:
            return min(RETRY_S, shortest_s) if plan.failures <= RETRIES else shortest_s
        wait_s = self._intervals.of(bot.contract)
        if plan.count == 1 and wait_s > FIRST_S[1]:
            return wait_s * (SECOND_SHARE + (1 - SECOND_SHARE) * _share(bot.name))
        return wait_s * self._jitter(bot.name, plan.count)

    def _first_s(self, bot: BotView) -> float:
        """When a bot is asked for the first time: an answer that another process got counts."""
        now_s, wait_s, seen = self._clock.monotonic_s(), self._intervals.of(bot.contract), bot.synthetic_check
        if seen is not None and seen.is_answered:
            age_s = (self._clock.now() - seen.checked_at).total_seconds()
            return now_s - age_s + wait_s * self._jitter(bot.name, 0)
        first_s, last_s = FIRST_S
        return now_s + (
            first_s + (last_s - first_s) * _share(bot.name)
            if self._intervals.shortest_s > last_s
            else self._intervals.shortest_s
        )

    def _jitter(self, bot_name: str, count: int) -> float:
        return 1 + JITTER * (2 * _share(f"{bot_name} {count}") - 1)

    def _bot(self, bot_name: str) -> BotView | None:
        return next((bot for bot in self._fleet.current().bots if bot.name == bot_name), None)


def _began_at(bot: BotView) -> datetime | None:
    times = [bot.restart.requested_at] if bot.restart else []
    if bot.container is not None and bot.container.started_at is not None:
        times.append(bot.container.started_at)
    return max(times, default=None)


def _share(text: str) -> float:
    """A number from 0 to 1 that is always the same for a text."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
