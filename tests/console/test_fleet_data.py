"""Increments add up to the whole, and cost what changed."""

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerUsage, ContainerView
from chat_api.fleet.headline import system_status
from chat_api.fleet.schemas import (
    BotPolicy,
    BotStatistics,
    BotStatus,
    BotView,
    FleetView,
    Heartbeat,
    ServiceStatus,
    ServiceView,
    SyntheticCheckView,
    SystemStatus,
)
from console.live.fleet_snapshots import fleet_patch, fleet_snapshot
from tests.support.browser_code import FleetPages, fleet_pages

START = datetime(2026, 1, 1, tzinfo=UTC)
MANY = 500


def _beats(first: int, last: int, status: BotStatus = BotStatus.ONLINE) -> tuple[Heartbeat, ...]:
    return tuple(
        Heartbeat(checked_at=START + timedelta(seconds=number), status=status, latency_ms=1.0 * number)
        for number in range(first, last)
    )


def _bot(name: str, **changes: Any) -> BotView:
    bot = BotView(name=name, display_name=name.title(), description="", emoji="", port=9091, status=BotStatus.ONLINE)
    return replace(bot, **changes)


def _fleet(*bots: BotView, **changes: Any) -> FleetView:
    fleet = FleetView(version=1, status=SystemStatus.HEALTHY, headline="", started_at=START, bots=bots)
    return _with_headline(replace(fleet, **changes))


def _with_headline(fleet: FleetView) -> FleetView:
    return replace(fleet, headline=system_status(fleet.bots, fleet.services)[1])


STEPS = (
    _fleet(),
    _fleet(_bot("elena"), _bot("marcus")),
    _fleet(_bot("elena", heartbeats=_beats(0, 3)), _bot("marcus")),
    _fleet(_bot("elena", heartbeats=_beats(0, 90)), _bot("marcus", status=BotStatus.OFFLINE, error="refused")),
    _fleet(_bot("elena", heartbeats=_beats(5, 95)), _bot("marcus", heartbeats=_beats(0, 1))),
    _fleet(_bot("elena", heartbeats=_beats(200, 290)), _bot("marcus", heartbeats=_beats(0, 1))),
    _fleet(_bot("gabriel"), _bot("elena", heartbeats=_beats(200, 290)), status=SystemStatus.DEGRADED),
    _fleet(
        _bot("gabriel"),
        services=(ServiceView(name="redis", title="Redis", status=ServiceStatus.HEALTHY, latencies_ms=(1.0, None)),),
    ),
    _fleet(),
)


@pytest.fixture(scope="module")
def pages() -> Iterator[FleetPages]:
    """Pages in the browser's own code."""
    with fleet_pages() as opened:
        yield opened


def test_the_headline_is_there_for_each_reader() -> None:
    """In every language, for a change is sent to all pages at once."""
    fleet = _fleet(_bot("elena"), _bot("marcus", status=BotStatus.OFFLINE))
    headlines = {
        "en": "1 of 2 bots needs attention: Marcus is offline",
        "de": "1 von 2 Bots braucht Aufmerksamkeit: Marcus ist offline",
    }
    assert fleet_snapshot(fleet)["system"]["headline"] == headlines
    assert fleet_patch(_fleet(_bot("elena"), _bot("marcus")), fleet)["system"]["headline"] == headlines


def test_increments_add_up_to_the_whole(pages: FleetPages) -> None:
    """From any state to the next, a page that applies the increment shows what a page opened now shows."""
    pages.tell("open", all=fleet_snapshot(STEPS[0]))
    for before, after in pairwise(STEPS):
        shown = pages.tell("open", changes=fleet_patch(before, after))
        assert shown == pages.tell("opened now", all=fleet_snapshot(after))


MOMENTS = st.integers(0, 10_000).map(lambda tenths: START + timedelta(seconds=tenths / 10))
MAYBE_MS = st.none() | st.floats(0, 60_000)
SHARES = st.none() | st.floats(0, 1)
HEARTBEATS = st.builds(Heartbeat, checked_at=MOMENTS, status=st.sampled_from(BotStatus), latency_ms=MAYBE_MS)
CONTAINERS = st.builds(
    ContainerView,
    bot_name=st.just("x"),
    kind=st.sampled_from(ContainerKind),
    id=st.just("1"),
    name=st.text(max_size=5),
    state=st.sampled_from(ContainerState),
    is_managed=st.booleans(),
    last_seen_at=MOMENTS,
    started_at=st.none() | MOMENTS,
    restart_count=st.integers(0, 3),
)
FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "status": st.sampled_from(BotStatus),
    "last_checked_at": st.none() | MOMENTS,
    "last_seen_at": st.none() | MOMENTS,
    "latency_ms": MAYBE_MS,
    "error": st.none() | st.text(max_size=5),
    "container": st.none() | CONTAINERS,
    "figures": st.none() | st.builds(BotStatistics, uptime_24h=SHARES, p95_ms=MAYBE_MS, error_rate=SHARES),
    "usage": st.none()
    | st.builds(
        ContainerUsage,
        bot_name=st.just("x"),
        measured_at=MOMENTS,
        cpu_percent=st.floats(0, 400),
        memory_bytes=st.integers(0, 2**34),
    ),
    "synthetic_check": st.none()
    | st.builds(SyntheticCheckView, bot_name=st.just("x"), is_answered=st.booleans(), checked_at=MOMENTS),
    "policy": st.none()
    | st.builds(BotPolicy, bot_name=st.just("x"), changed_at=MOMENTS, maintenance_since=st.none() | MOMENTS),
    "cause": st.none() | st.sampled_from(["redis", "postgres"]),
    "calls_in_flight": st.integers(0, 3),
}
CHANGES = st.one_of(
    st.tuples(st.just("field"), st.sampled_from("abc"), st.sampled_from(sorted(FIELDS)), st.data()),
    st.tuples(st.just("beats"), st.sampled_from("abc"), st.lists(HEARTBEATS, max_size=100)),
    st.tuples(st.just("restored"), st.sampled_from("abc"), st.lists(HEARTBEATS, max_size=90)),
    st.tuples(st.just("gone"), st.sampled_from("abc")),
    st.tuples(st.just("here"), st.sampled_from("abc")),
)


def _changed(fleet: FleetView, change: Any) -> FleetView:
    kind, name, *more = change
    bots = {bot.name: bot for bot in fleet.bots}
    if kind == "here":
        bots.setdefault(name, _bot(name))
    elif kind == "gone":
        bots.pop(name, None)
    elif name in bots and kind == "field":
        bots[name] = replace(bots[name], **{more[0]: more[1].draw(FIELDS[more[0]])})
    elif name in bots and kind == "beats":
        bots[name] = replace(bots[name], heartbeats=(*bots[name].heartbeats, *more[0])[-90:])
    elif name in bots:
        bots[name] = replace(bots[name], heartbeats=tuple(more[0]))
    bots_now = tuple(bots[name] for name in sorted(bots))
    return _with_headline(replace(fleet, bots=bots_now, version=fleet.version + 1))


@settings(max_examples=150, deadline=None, derandomize=True, database=None)
@given(changes=st.lists(CHANGES, max_size=20), merged=st.integers(1, 4))
def test_any_changes_add_up(pages: FleetPages, changes: list[Any], merged: int) -> None:
    """Whatever happens to the fleet, and however many changes reach the page as one, it shows what is."""
    sent = latest = _fleet(_bot("a"), _bot("b"))
    pages.tell("open", all=fleet_snapshot(sent))
    for number, change in enumerate(changes):
        latest = _changed(latest, change)
        if number % merged == 0 or number == len(changes) - 1:
            shown = pages.tell("open", changes=fleet_patch(sent, latest))
            sent = latest
            assert shown == pages.tell("opened now", all=fleet_snapshot(sent))


def test_no_change_is_no_message() -> None:
    """A new version of the same facts is not worth a broadcast."""
    fleet = _fleet(_bot("elena", heartbeats=_beats(0, 90)))
    assert fleet_patch(fleet, replace(fleet, version=2)) == {}


def test_a_check_costs_one_heartbeat() -> None:
    """An increment holds the bot's new check and the fields that changed: not its bar, not its container, no other."""
    before = _bot("elena", heartbeats=_beats(0, 90), last_checked_at=START, figures=BotStatistics(uptime_24h=1.0))
    after = replace(before, heartbeats=_beats(1, 91), last_checked_at=START + timedelta(seconds=1))
    (bot,) = fleet_patch(_fleet(before, _bot("marcus")), _fleet(after, _bot("marcus")))["bots"]
    assert set(bot) == {"name", "checked_at", "new_beats"}
    assert len(bot["new_beats"]) == 1


def test_a_round_of_checks_of_500_bots_is_cheap() -> None:
    """To find what changed in one of 500 bots is much less work than to tell them all."""
    bots = tuple(_bot(f"bot{number}", heartbeats=_beats(0, 90)) for number in range(MANY))
    fleet = _fleet(*bots)
    one = _fleet(replace(bots[0], heartbeats=(*bots[0].heartbeats[1:], *_beats(90, 91))), *bots[1:])
    assert len(fleet_patch(fleet, one)["bots"]) == 1
    assert _duration_s(lambda: fleet_patch(fleet, one)) * 20 < _duration_s(lambda: fleet_snapshot(fleet))


def _duration_s(work: Any) -> float:
    """The least of some runs: what others do on the machine only adds."""
    times = []
    for _ in range(5):
        started_s = time.perf_counter()
        work()
        times.append(time.perf_counter() - started_s)
    return min(times)
