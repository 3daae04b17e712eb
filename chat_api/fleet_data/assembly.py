"""Puts together what the stores say of each bot: a figure comes from one store, and a missing one stays missing."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from chat_api.fleet_data.anatomy import together
from chat_api.fleet_data.answers_repository import OwnAnswers
from chat_api.fleet_data.history_repository import History, HistoryCount
from chat_api.fleet_data.influx_queries import InfluxLife
from chat_api.fleet_data.schemas import (
    AnswerTime,
    BotLife,
    LifePoint,
    LifeWindow,
    Reactions,
    Store,
)

MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bot:
    """A bot of the fleet. ``is_v2``: it writes to the history, so that none of its messages there are none at all."""

    name: str
    display_name: str
    is_v2: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The window that was asked for, in whole steps; the last one is running."""

    window: LifeWindow
    since: datetime
    until: datetime

    @classmethod
    def at(cls, window: LifeWindow, now: datetime) -> "Span":
        """The steps up to a moment."""
        step_s = window.step_s
        running = datetime.fromtimestamp(int(now.timestamp()) // step_s * step_s, tz=UTC)
        until = running + timedelta(seconds=step_s)
        return cls(window=window, since=until - window.length, until=until)

    def steps(self) -> Iterator[datetime]:
        """The beginning of each."""
        at = self.since
        while at < self.until:
            yield at
            at += timedelta(seconds=self.window.step_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Own:
    """What passed through us: answers by bot and step, and how long those that went well took."""

    calls: Mapping[tuple[str, datetime], int] = field(default_factory=dict)
    answers: Sequence[OwnAnswers] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What was read of the stores, and when: nothing is counted that came later. Names are the fleet's already."""

    history: History | None = None
    history_at: datetime | None = None
    influx: InfluxLife | None = None
    influx_at: datetime | None = None
    own: Own | None = None

    def lives(self, bots: Sequence[Bot], span: Span) -> tuple[BotLife, ...]:
        """Each bot, those of the fleet first."""
        known = {bot.name: bot for bot in bots}
        counts: dict[str, dict[datetime, HistoryCount]] = {}
        for one in self.history.counts if self.history else ():
            counts.setdefault(one.bot_name, {})[one.at] = one
        names = [*known, *sorted((counts.keys() | self._influx_names()) - known.keys())]
        return tuple(
            _One(
                bot=known.get(name) or Bot(name=name, display_name=name),
                is_known=name in known,
                span=span,
                counts=counts.get(name, {}),
                known=self,
            ).life()
            for name in names
        )

    def _influx_names(self) -> frozenset[str]:
        if self.influx is None:
            return frozenset()
        names = {name for name, _ in (*self.influx.events, *self.influx.reactions)}
        return frozenset(names | {one.bot_name for one in self.influx.answers})


@dataclass(frozen=True, slots=True, kw_only=True)
class _One:
    """One bot: its steps in the history, and where the rest is."""

    bot: Bot
    is_known: bool
    span: Span
    counts: Mapping[datetime, HistoryCount]
    known: Known

    def life(self) -> BotLife:
        points = tuple(self._points())
        has_history = self.known.history is not None and (bool(self.counts) or self.bot.is_v2)
        people, said = (_sum(getattr(point, key) for point in points) for key in ("discord_people", "discord_bot"))
        minutes = (min(self.known.history_at or self.span.until, self.span.until) - self.span.since) / MINUTE
        return BotLife(
            bot_name=self.bot.name,
            display_name=self.bot.display_name,
            is_known=self.is_known,
            discord_people=people,
            discord_bot=said,
            discord_per_min=((people or 0) + (said or 0)) / minutes if people is not None and minutes > 0 else None,
            api=sum(one.api for one in self.counts.values()) if has_history else None,
            events=_sum(point.events for point in points),
            console=_sum(point.console for point in points),
            times=tuple(self._times()),
            reactions=self._reactions(),
            last_at=max((one.last_at for one in self.counts.values()), default=None),
            points=points,
        )

    def _points(self) -> Iterator[LifePoint]:
        known, name = self.known, self.bot.name
        has_history = known.history is not None and (bool(self.counts) or self.bot.is_v2)
        events = {at: n for (bot, at), n in known.influx.events.items() if bot == name} if known.influx else {}
        p95_s = {at: value for (bot, at), value in known.influx.p95_s.items() if bot == name} if known.influx else {}
        calls = known.own.calls if known.own is not None and self.is_known else None
        for at in self.span.steps():
            count = self.counts.get(at)
            is_counted = has_history and (count is not None or known.history_at is None or at < known.history_at)
            has_events = bool(events) and (at in events or known.influx_at is None or at < known.influx_at)
            yield LifePoint(
                at=at,
                discord_people=(count.people if count else 0) if is_counted else None,
                discord_bot=(count.bot if count else 0) if is_counted else None,
                events=events.get(at, 0) if has_events else None,
                console=calls.get((name, at), 0) if calls is not None else None,
                p95_s=p95_s.get(at),
            )

    def _times(self) -> Iterator[AnswerTime]:
        influx, own = self.known.influx, self.known.own
        for store, parts in (
            (Store.INFLUXDB, influx.answers if influx else ()),
            (Store.CONSOLE, own.answers if own else ()),
        ):
            times = together(part.times for part in parts if part.bot_name == self.bot.name)
            if (answers := sum(times.counts)) > 0:
                p50_s, p95_s = times.percentile_s(0.5), times.percentile_s(0.95)
                yield AnswerTime(store=store, answers=answers, p50_s=p50_s, p95_s=p95_s)

    def _reactions(self) -> Reactions | None:
        influx = self.known.influx
        found = {kind: n for (bot, kind), n in influx.reactions.items() if bot == self.bot.name} if influx else {}
        if not found:
            return None
        positive, negative, removed = (found.get(kind, 0) for kind in ("positive", "negative", "removed"))
        return Reactions(positive=positive, negative=negative, removed=removed)


def _sum(counts: Iterable[int | None]) -> int | None:
    """The sum of what is known; of nothing known it is not known."""
    found = [count for count in counts if count is not None]
    return sum(found) if found else None
