"""One day put together: what is known of it, and of the days that it is compared with."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from chat_api.core.database import Connection
from chat_api.core.local_time import day_bounds
from chat_api.reports import repository as reports
from chat_api.reports.schemas import BotDay, DayReport, DaySummary, Exchanged, Observed
from chat_api.series import repository as series
from chat_api.series.rollups_worker import KEEP
from chat_api.series.schemas import Span
from chat_api.series.service import share_of

WEEK = timedelta(days=7)
_NOTHING = Exchanged(bot_name="", people=0, messages=0, answered=0, failed=0, p50_s=None, p95_s=None)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What is known of the bots in some time."""

    exchanged: Mapping[str, Exchanged]
    observed: Mapping[str, Observed]
    calls: Mapping[str, tuple[int, int]]

    def bots(self) -> tuple[BotDay, ...]:
        """Every bot of which anything is known, those that were used most first."""
        names = {*self.exchanged, *self.calls, *self._of_bots()} - {""}
        return tuple(sorted(map(self._bot, names), key=_used))

    def summary(self, counts: Mapping[str, int]) -> DaySummary:
        """The day in numbers; what nobody observed and nobody wrote in is no day at all."""
        everything, bots = self.exchanged.get("", _NOTHING), self.bots()
        if not self.observed and not everything.messages and not any(counts.values()):
            return DaySummary()
        seen = self._of_bots()
        together: dict[str, float] = {}
        for one in seen.values():
            for status, seconds in one.seconds.items():
                together[status] = together.get(status, 0.0) + seconds
        return DaySummary(
            bots=len(seen) if seen else None,
            active_bots=sum((share_of(dict(one.seconds))[1] > 0) for one in seen.values()) if seen else None,
            uptime=share_of(together)[0],
            people=everything.people,
            messages=everything.messages,
            answered=sum(bot.answered for bot in bots),
            failed=sum(bot.failed for bot in bots),
            p50_s=everything.p50_s,
            p95_s=everything.p95_s,
            **counts,
        )

    def _of_bots(self) -> dict[str, Observed]:
        return {subject[4:]: one for subject, one in self.observed.items() if subject.startswith("bot:")}

    def _bot(self, name: str) -> BotDay:
        seen, said = self._of_bots().get(name, Observed()), self.exchanged.get(name, _NOTHING)
        uptime, _, down_s = share_of(dict(seen.seconds))
        # A retry is a call of its own: where calls were counted, they say it, as on every other page.
        answered, failed = self.calls.get(name, (said.answered, said.failed))
        return BotDay(
            bot_name=name,
            uptime=uptime,
            down_s=down_s,
            outages=seen.outages,
            people=said.people,
            messages=said.messages,
            answered=answered,
            failed=failed,
            p50_s=said.p50_s,
            p95_s=said.p95_s,
        )


async def report_of(connection: Connection, day: date, time_zone: str, *, now: datetime) -> DayReport:
    """The report of a day by the clocks of a zone; of one that is not over, until ``now``."""
    zone = ZoneInfo(time_zone)
    since, end = day_bounds(day, zone)
    until = max(since, min(end, now))
    known = await _known(connection, since, until, now)
    return DayReport(
        day=day,
        time_zone=time_zone,
        since=since,
        until=until,
        is_over=end <= now,
        summary=known.summary(await reports.counts(connection, since, until)),
        day_before=await _summary(connection, day_bounds(day - timedelta(days=1), zone), now),
        week_before=await _summary(connection, day_bounds(day - WEEK, zone), now),
        bots=known.bots(),
        modes=await reports.modes(connection, since, until),
        queues=await reports.queues(connection, since, until),
        incidents=await reports.incidents(connection, since, until),
        restarts=await reports.restarts(connection, since, until),
        alerts=await reports.alerts(connection, since, until),
        changes=await reports.changes(connection, since, until),
    )


async def _summary(connection: Connection, bounds: tuple[datetime, datetime], now: datetime) -> DaySummary:
    known = await _known(connection, *bounds, now)
    return known.summary(await reports.counts(connection, *bounds))


async def _known(connection: Connection, since: datetime, until: datetime, now: datetime) -> _Known:
    # A day of which some hours are forgotten already would look quieter than it was.
    is_counted = since > now - KEEP[Span.HOUR]
    hours = await series.answers(connection, span_s=Span.HOUR, since=since, until=until) if is_counted else []
    return _Known(
        exchanged=await reports.exchanges(connection, since, until),
        observed=await reports.observed(connection, since, until),
        calls=_calls(hours),
    )


def _calls(hours: Sequence[tuple[str, datetime, int, int]]) -> dict[str, tuple[int, int]]:
    calls: dict[str, tuple[int, int]] = {}
    for name, _, count, errors in hours:
        answered, failed = calls.get(name, (0, 0))
        calls[name] = answered + count - errors, failed + errors
    return calls


def _used(bot: BotDay) -> tuple[int, str]:
    return -bot.messages, bot.bot_name
