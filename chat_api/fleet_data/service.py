"""The life of the fleet, from its own stores and from ours: for pages and doors, which never wait long.

A store is asked when somebody looks, at most every half minute, and for no more than a week back. One that does not
answer costs a note where its figures would stand; what it said last is shown with its age.
"""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError
from chat_api.core.fleet_database import FleetDatabase
from chat_api.core.principals import Permission, Principal
from chat_api.core.store_faults import StoreFault, StoreUnreadable
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.service import FleetService
from chat_api.fleet_data import answers_repository, history_repository
from chat_api.fleet_data.anatomy import anatomy
from chat_api.fleet_data.assembly import Bot, Known, Own, Span
from chat_api.fleet_data.history_repository import History, HistoryCount
from chat_api.fleet_data.influx import InfluxReader
from chat_api.fleet_data.influx_queries import InfluxLife, life_of, life_query
from chat_api.fleet_data.remembered import Reading, Remembered
from chat_api.fleet_data.schemas import FleetLife, LifeWindow, Store, StoreState, StoreView
from chat_api.series import repository as series
from chat_api.series.schemas import Span as SeriesSpan

# So far apart two clocks may be before the zone of one must be wrong.
CLOCKS_DIFFER = timedelta(minutes=10)


class FleetDataService:
    """Reads, remembers and puts together."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        fleet: FleetService,
        *,
        history: FleetDatabase | None = None,
        influx: InfluxReader | None = None,
        zone: str | None = None,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """``history`` and ``influx`` are the fleet's; ``zone`` that of its times, where its database says another."""
        self._database = database
        self._registry = registry
        self._fleet = fleet
        self._history = history
        self._influx = influx
        self._zone = zone
        self._clock = clock
        self._histories = {window: Remembered[History]("history", clock=clock) for window in LifeWindow}
        self._influxes = {window: Remembered[InfluxLife]("influxdb", clock=clock) for window in LifeWindow}
        self._owns = {window: Remembered[Own]("console", clock=clock) for window in LifeWindow}

    @property
    def is_configured(self) -> bool:
        """Whether any store of the fleet can tell of its life."""
        return self._history is not None or self._influx is not None

    async def life(self, principal: Principal, window: LifeWindow) -> FleetLife:
        """What is known of the window up to now. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_ANALYTICS)
        now = self._clock.now()
        span = Span.at(window, now)
        own, history, influx = await asyncio.gather(
            self._owns[window].get(partial(self._read_own, span)),
            self._histories[window].get(partial(self._read_history, span)) if self._history else _absent(),
            self._influxes[window].get(partial(self._read_influx, span)) if self._influx else _absent(),
        )
        known = Known(
            history=history.value if history else None,
            history_at=history.read_at if history else None,
            influx=influx.value if influx else None,
            influx_at=influx.read_at if influx else None,
            own=own.value,
        )
        return FleetLife(
            window=window,
            since=span.since,
            until=span.until,
            step_s=window.step_s,
            stores=(_history_view(history, now), _view(Store.INFLUXDB, influx), _view(Store.CONSOLE, own)),
            bots=known.lives(self._bots(), span),
            anatomy=anatomy(influx=known.influx, own=known.own.answers if known.own else None),
        )

    async def close(self) -> None:
        """End what is being read."""
        closing = [memory.close() for memory in self._histories.values()]
        closing += [memory.close() for memory in self._influxes.values()]
        closing += [memory.close() for memory in self._owns.values()]
        await asyncio.gather(*closing)

    def _bots(self) -> list[Bot]:
        return [
            Bot(name=bot.name, display_name=bot.display_name, is_v2=bot.contract == "v2")
            for bot in self._fleet.current().bots
        ]

    async def _read_history(self, span: Span) -> History:
        assert self._history is not None
        async with self._history.read() as connection:
            found = await history_repository.count(
                connection, since=span.since, until=span.until, step_s=span.window.step_s, zone=self._zone
            )
        merged: dict[tuple[str, datetime], HistoryCount] = {}
        for one in found.counts:
            key = self._registry.name_of(one.bot_name), one.at
            merged[key] = replace(one, bot_name=key[0]) if key not in merged else merged[key].plus(one)
        return replace(found, counts=tuple(merged.values()))

    async def _read_influx(self, span: Span) -> InfluxLife:
        assert self._influx is not None
        flux = life_query(self._influx.bucket, since=span.since, until=span.until, step_s=span.window.step_s)
        return life_of(await self._influx.query(flux), name_of=self._registry.name_of)

    async def _read_own(self, span: Span) -> Own:
        span_s = SeriesSpan.HOUR if span.window is LifeWindow.WEEK else SeriesSpan.MINUTE
        try:
            async with self._database.read() as connection:
                rows = await series.answers(connection, span_s=span_s, since=span.since, until=span.until)
                answers = await answers_repository.answers(connection, since=span.since, until=span.until)
        except AppError as error:
            raise StoreUnreadable(StoreFault.AWAY, error.detail or error.message) from error
        calls: dict[tuple[str, datetime], int] = {}
        for name, at, count, _failed in rows:
            step = datetime.fromtimestamp(int(at.timestamp()) // span.window.step_s * span.window.step_s, tz=UTC)
            calls[name, step] = calls.get((name, step), 0) + count
        return Own(calls=calls, answers=answers)


async def _absent() -> None:
    """What is read of a store that nobody configured."""


def _view(store: Store, reading: Reading[Any] | None) -> StoreView:
    if reading is None:
        return StoreView(store=store, state=StoreState.NOT_CONFIGURED)
    if reading.fault is not None:
        return StoreView(
            store=store,
            state=StoreState.UNREADABLE,
            fault=reading.fault,
            detail=reading.detail,
            read_at=reading.read_at,
        )
    state = StoreState.OK if reading.read_at is not None else StoreState.READING
    return StoreView(store=store, state=state, read_at=reading.read_at)


def _history_view(reading: Reading[History] | None, now: datetime) -> StoreView:
    view = _view(Store.HISTORY, reading)
    if reading is None or reading.value is None:
        return view
    newest_at = reading.value.newest_at
    is_ahead = newest_at is not None and newest_at - now > CLOCKS_DIFFER
    return replace(view, zone=reading.value.zone, is_ahead=is_ahead)
