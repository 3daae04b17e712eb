"""What Python says of a bot is what the browser says of it on the Fleet page."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chat_api.core.ids import new_id
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerUsage, ContainerView
from chat_api.fleet.schemas import (
    BotPolicy,
    BotStatistics,
    BotStatus,
    BotView,
    Fault,
    FleetView,
    Reason,
    RestartView,
    ServiceStatus,
    ServiceView,
    SyntheticCheckView,
    SystemStatus,
)
from console.labels import ACTIONS
from console.live.fleet_snapshots import fleet_snapshot
from console.pages.bot import state
from console.widgets import quantities
from models import BotAction, RestartState
from tests.support.browser_code import BrowserWords, browser_words

NOW = datetime(2026, 1, 1, tzinfo=UTC)
AGO = NOW - timedelta(seconds=30)
BOT = BotView(
    name="elena",
    display_name="Elena",
    description="",
    emoji="",
    port=9091,
    status=BotStatus.ONLINE,
    last_checked_at=AGO,
    last_seen_at=AGO,
    declared_by="file",
)
CONTAINER = ContainerView(
    bot_name="elena",
    kind=ContainerKind.CONTAINER,
    id="1",
    name="elena",
    state=ContainerState.RUNNING,
    is_managed=True,
    last_seen_at=NOW,
    restart_count=2,
)
STOPPED = replace(CONTAINER, state=ContainerState.EXITED, exit_code=1)
RESTART = RestartView(
    restart_id=new_id(),
    bot_name="elena",
    requested_by="alice",
    requested_at=AGO,
    state=RestartState.STOPPING,
    estimate_s=20,
)
POLICY = BotPolicy(bot_name="elena", changed_at=NOW)
CHECK = SyntheticCheckView(bot_name="elena", is_answered=False, checked_at=AGO, error="no answer")
SILENT = (Reason(fault=Fault.SILENT, words="silent"),)
DEGRADED: dict[str, Any] = {"status": BotStatus.DEGRADED}
OFFLINE: dict[str, Any] = {"status": BotStatus.OFFLINE}
FINISHED: dict[str, Any] = {"finished_at": AGO, "duration_s": 12.0}
BOTS = (
    BOT,
    replace(BOT, calls_in_flight=2, calls_waiting=1, call_slots=4),
    replace(BOT, container=CONTAINER),
    replace(BOT, container=replace(CONTAINER, is_managed=False)),
    replace(BOT, container=STOPPED, **OFFLINE, error="refused"),
    replace(BOT, **OFFLINE, declared_by=None),
    replace(BOT, container=CONTAINER, restart=RESTART, status=BotStatus.RESTARTING),
    replace(BOT, restart=replace(RESTART, state=RestartState.ONLINE, **FINISHED)),
    replace(BOT, restart=replace(RESTART, state=RestartState.STOPPED, action=BotAction.STOP, **FINISHED)),
    replace(BOT, restart=replace(RESTART, state=RestartState.FAILED, error="no image", **FINISHED), **OFFLINE),
    replace(BOT, **DEGRADED, cause="redis"),
    replace(BOT, **DEGRADED, cause="llm"),
    replace(BOT, **DEGRADED, reasons=SILENT, synthetic_check=CHECK),
    replace(
        BOT, **DEGRADED, reasons=SILENT, synthetic_check=replace(CHECK, error="its language model does not answer")
    ),
    replace(BOT, status=BotStatus.UNKNOWN, last_seen_at=None),
    replace(
        BOT, status=BotStatus.MAINTENANCE, policy=replace(POLICY, maintenance_since=NOW, maintenance_reason="disk")
    ),
    replace(BOT, status=BotStatus.QUARANTINED, policy=replace(POLICY, quarantined_at=NOW)),
)
REDIS = ServiceView(name="redis", title="Redis", status=ServiceStatus.UNHEALTHY, fault="takes no writes")


@pytest.fixture(scope="module")
def browser() -> Iterator[BrowserWords]:
    """The browser's own code."""
    with browser_words() as words:
        yield words


def told(bot: BotView) -> dict[str, Any]:
    """A bot as the browser gets it."""
    fleet = FleetView(version=1, status=SystemStatus.HEALTHY, headline="", started_at=NOW, bots=(bot,))
    (found,) = fleet_snapshot(fleet)["bots"]
    return dict(found)


def plain(markup: str) -> str:
    """Markup as it is read now."""
    return re.sub(r"<we-time[^>]*></we-time>", "30 s ago", markup)


@pytest.mark.parametrize("bot", BOTS, ids=lambda bot: str(bot.status))
def test_the_same_is_said_and_offered(browser: BrowserWords, bot: BotView) -> None:
    """The note, the actions and why not are the same on the page of a bot and on the Fleet page."""
    now_s = NOW.timestamp()
    about = {"now": now_s, "isStale": False, "titles": {"redis": "Redis"}, "faults": {"redis": REDIS.fault}}
    assert plain(state.note(bot, {"redis": REDIS}, NOW)) == browser.say("note", told(bot), about)
    assert state.offered(ACTIONS, bot) == browser.say("offered", list(ACTIONS), told(bot))
    for has_engine in (True, False):
        for action in ACTIONS:
            said = state.why_not(action, bot, has_engine=has_engine)
            assert said == browser.say("whyNot", action, told(bot), has_engine), action


CELLS = ("uptime_24h", "uptime_7d", "uptime_30d", "p50", "p95", "p99", "rate", "errors", "cpu", "memory", "restarts")


@pytest.mark.parametrize("age_s", [0, 600])
def test_the_same_figures_are_shown(browser: BrowserWords, age_s: int) -> None:
    """Texts and tones of the tiles are those of the Fleet page's columns."""
    figures = BotStatistics(
        uptime_24h=0.98, uptime_7d=0.992, uptime_30d=1.0, p50_ms=120, p95_ms=912, p99_ms=None,
        messages_per_min=3.21, error_rate=0.02,
    )  # fmt: skip
    measured_at = NOW - timedelta(seconds=age_s)
    usage = ContainerUsage(bot_name="elena", measured_at=measured_at, cpu_percent=12.4, memory_bytes=5 * 2**20)
    for bot in (BOT, replace(BOT, figures=figures, usage=usage, container=CONTAINER)):
        shown = [cell for cells in state.tiles(bot, NOW).values() for cell in cells]
        for key, cell in zip(CELLS, shown, strict=True):
            said = browser.say("cell", key, told(bot), NOW.timestamp())
            assert (cell.text, cell.tone) == (str(said["text"]), said["tone"]), key


@pytest.mark.parametrize(
    ("python", "javascript", "values"),
    [
        (quantities.span, "span", (-1, 0, 59.9, 60, 3599, 86_400, 10**9)),
        (quantities.latency, "latency", (None, 0.04, 0.25, 9.99, 10, 12.5, 999.5, 1000, 1255)),
        (quantities.size, "size", (None, 0, 10**6, 2.5 * 2**20, 10 * 2**20, 999 * 2**20, 2**31)),
        (quantities.uptime, "uptime", (None, 0, 0.5, 0.989, 0.99, 0.999999, 1)),
        (quantities.failure_rate, "rate", (None, 0, 0.0001, 0.001, 0.0125, 1)),
    ],
)
def test_the_same_words_for_numbers(
    browser: BrowserWords, python: Any, javascript: str, values: tuple[Any, ...]
) -> None:
    """A number looks the same wherever it is written."""
    for value in values:
        assert python(value) == browser.say(javascript, value), value
