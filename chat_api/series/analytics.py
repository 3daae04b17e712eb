"""How the fleet is used: counted by the leader, read by pages.

People, messages and answer times are counted from the exchanges. How many answers were given and failed comes from the
series, as everywhere else: a retry is one more, see ``call_outcomes``. Where those are no longer kept, or begin later
than the exchanges do, the exchanges themselves say it.

Every run counts the last hours again, and those of which it heard that they changed: a late answer, a retry, an erased
person. A deleted message stays counted, for it was sent; a person who is erased is in no count any more.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import InvalidInput
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.series import repository as series
from chat_api.series import sources_repository as sources
from chat_api.series import usage_repository as usage
from chat_api.series.analytics_schemas import AnswerTimes, BotShare, Cohort, Grain, SourceShare, Usage, UsageReport
from chat_api.series.schemas import Span

log = get_logger(__name__)

AGAIN = timedelta(hours=2)
HOURS_A_ROUND = 24
ROUNDS = 400
# Answers of the last minutes may have been committed after the look before, under an earlier time.
OVERLAP = timedelta(minutes=15)
MAX_PERIODS = 1_000
COHORT_WEEKS = 12
DEFAULT_PERIODS = {Grain.HOUR: 48, Grain.DAY: 30, Grain.WEEK: 26}


class AnalyticsService:
    """Counts and shows."""

    def __init__(self, database: Database, *, clock: Clock = SYSTEM_CLOCK) -> None:
        self._database = database
        self._clock = clock

    async def report(
        self,
        principal: Principal,
        *,
        grain: Grain = Grain.DAY,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> UsageReport:
        """The use of the fleet by hour, day or week. Both ends are widened to whole periods.

        Raises: InvalidInput (no time, or more than :data:`MAX_PERIODS` periods), PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_ANALYTICS)
        end = until or self._clock.now()
        begin = since or end - DEFAULT_PERIODS[grain] * grain.length + timedelta(microseconds=1)
        if begin >= end:
            raise InvalidInput("later than since", field="until")
        if (end - begin) / grain.length > MAX_PERIODS:
            raise InvalidInput(_("at most {count} periods", count=MAX_PERIODS), field="since")
        first = grain.floor(begin)
        last = grain.floor(end - timedelta(microseconds=1)) + grain.length
        async with self._database.read() as connection:
            counts = await usage.periods(connection, grain=grain, since=first, until=last)
            span_s = Span.HOUR if grain is Grain.HOUR else Span.DAY
            calls = await series.answers(connection, span_s=span_s, since=first, until=last)
            counted = await usage.counted_up_to(connection)
            by_source = await sources.sums(connection, since=first, until=last)
        found = _with_calls(counts, calls, grain)
        together = {one.start: one for one in found if not one.bot_name}
        starts = [first + number * grain.length for number in range(round((last - first) / grain.length))]
        periods = tuple(together.get(start) or Usage(start=start, bot_name="") for start in starts)
        total = _sum(periods, first, "")
        return UsageReport(
            grain=grain,
            since=first,
            until=last,
            periods=periods,
            total=total,
            sources=_source_shares(by_source),
            bots=_shares([one for one in found if one.bot_name], first, total.messages),
            counted_up_to=counted,
        )

    async def retention(self, principal: Principal) -> tuple[Cohort, ...]:
        """Of those who wrote for the first time in one of the last weeks, how many came back in which week.

        Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_ANALYTICS)
        this_week = Grain.WEEK.floor(self._clock.now()).date()
        since = this_week - timedelta(weeks=COHORT_WEEKS - 1)
        async with self._database.read() as connection:
            cohorts = await usage.cohorts(connection, since=since)
        return tuple(
            Cohort(
                week=week,
                people=tuple(
                    people.get(week + timedelta(weeks=number), 0) for number in range((this_week - week).days // 7 + 1)
                ),
            )
            for week, people in sorted(cohorts.items(), reverse=True)
        )

    async def count(self) -> None:
        """Bring the counts up to now: the last hours, what no run has counted yet, and what changed since."""
        now = self._clock.now()
        async with self._database.write() as connection:
            before = await usage.counted_up_to(connection)
            begin = Grain.HOUR.floor(min(before or now, now) - AGAIN)
            await usage.add_dirty(connection, _hours(begin, now))
            if before is not None:
                await usage.add_late(connection, since=before - OVERLAP, before=begin)
        for _round in range(ROUNDS):
            if not await self._count_some():
                break
        async with self._database.write() as connection:
            await usage.move_up_to(connection, now)

    async def _count_some(self) -> bool:
        """Count up to a day of hours, and what they are part of, in one transaction."""
        async with self._database.write() as connection:
            hours = await usage.take_dirty(connection, limit=HOURS_A_ROUND)
            if not hours:
                return False
            for hour in hours:
                await usage.count_hour(connection, hour)
                await sources.count_hour(connection, hour)
            for day in sorted({Grain.DAY.floor(hour) for hour in hours}):
                await usage.count_day(connection, day)
            weeks = sorted({Grain.WEEK.floor(hour) for hour in hours})
            for week in weeks:
                await usage.count_week(connection, week)
            # Whose first week moved is in other cohorts in all weeks after it.
            touched = {week.date() for week in weeks} | set(await usage.later_weeks(connection, weeks[0].date()))
            for start in sorted(touched):
                await usage.count_retention(connection, start)
        log.debug("usage_counted", hours=len(hours))
        return True


def _hours(begin: datetime, end: datetime) -> list[datetime]:
    hours, hour = [], begin
    while hour <= end:
        hours.append(hour)
        hour += timedelta(hours=1)
    return hours


def _with_calls(found: list[Usage], calls: Sequence[tuple[str, datetime, int, int]], grain: Grain) -> list[Usage]:
    """The periods with what the series say of answers; those that only the series know are added."""
    counts: dict[tuple[datetime, str], tuple[int, int]] = {}
    for name, start, count, errors in calls:
        for key in ((grain.floor(start), name), (grain.floor(start), "")):
            answered, failed = counts.get(key, (0, 0))
            counts[key] = answered + count - errors, failed + errors
    known = {(one.start, one.bot_name): one for one in found}
    for key, (answered, failed) in counts.items():
        one = known.get(key) or Usage(start=key[0], bot_name=key[1])
        known[key] = replace(one, answered=answered, failed=failed)
    return list(known.values())


def _sum(parts: tuple[Usage, ...] | list[Usage], start: datetime, bot_name: str) -> Usage:
    times = AnswerTimes(counts=tuple(map(sum, zip(*(one.answer_times.counts for one in parts), strict=True))))
    return Usage(
        start=start,
        bot_name=bot_name,
        users=max(one.users for one in parts),
        messages=sum(one.messages for one in parts),
        answered=sum(one.answered for one in parts),
        failed=sum(one.failed for one in parts),
        visits=sum(one.visits for one in parts),
        visit_seconds=sum(one.visit_seconds for one in parts),
        answer_times=times,
    )


def _source_shares(counts: Mapping[str, int]) -> tuple[SourceShare, ...]:
    total = sum(counts.values())
    return tuple(SourceShare(source=name, messages=count, share=count / total) for name, count in counts.items())


def _shares(found: list[Usage], start: datetime, messages: int) -> tuple[BotShare, ...]:
    by_bot: dict[str, list[Usage]] = {}
    for one in found:
        by_bot.setdefault(one.bot_name, []).append(one)
    shares = [
        BotShare(
            bot_name=name, messages=total.messages, share=total.messages / messages if messages else 0.0, total=total
        )
        for name, parts in by_bot.items()
        for total in (_sum(parts, start, name),)
    ]
    return tuple(sorted(shares, key=lambda one: (-one.messages, one.bot_name)))
