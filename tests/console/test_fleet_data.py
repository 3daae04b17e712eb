"""Increments add up to the whole."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

from chat_api.schemas.fleet import (
    BotStatus,
    BotView,
    FleetView,
    Heartbeat,
    ServiceStatus,
    ServiceView,
    SystemStatus,
)
from console.widgets.fleet_data import fleet_patch, fleet_snapshot

START = datetime(2026, 1, 1, tzinfo=UTC)


def _beats(first: int, last: int) -> tuple[Heartbeat, ...]:
    return tuple(
        Heartbeat(checked_at=START + timedelta(seconds=number), status=BotStatus.ONLINE, latency_ms=1.0 * number)
        for number in range(first, last)
    )


def _bot(name: str, **changes: Any) -> BotView:
    bot = BotView(name=name, display_name=name.title(), description="", emoji="", port=9091, status=BotStatus.ONLINE)
    return replace(bot, **changes)


def _fleet(*bots: BotView, **changes: Any) -> FleetView:
    fleet = FleetView(version=1, status=SystemStatus.HEALTHY, headline="fine", started_at=START, bots=bots)
    return replace(fleet, **changes)


def _applied(whole: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """What the board does with an increment, see ``assets/fleet_board.js``."""
    bots = {bot["name"]: bot for bot in whole["bots"]}
    for changed in patch.get("bots", []):
        bot = dict(changed)
        added = bot.pop("new_beats", None)
        if added is not None:
            bot["beats"] = [*bots[bot["name"]]["beats"], *added][-90:]
        bots[bot["name"]] = bot
    order = patch.get("order", list(bots))
    return {
        "system": patch.get("system", whole["system"]),
        "services": patch.get("services", whole["services"]),
        "bots": [bots[name] for name in order],
    }


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


def test_increments_add_up_to_the_whole() -> None:
    """From any state to the next, a page that applies the increment shows what a page opened now shows."""
    shown = fleet_snapshot(STEPS[0])
    for before, after in pairwise(STEPS):
        shown = _applied(shown, fleet_patch(before, after))
        assert shown == fleet_snapshot(after)


def test_no_change_is_no_message() -> None:
    """A new version of the same facts is not worth a broadcast."""
    fleet = _fleet(_bot("elena", heartbeats=_beats(0, 90)))
    assert fleet_patch(fleet, replace(fleet, version=2)) == {}


def test_a_check_costs_one_heartbeat() -> None:
    """An increment holds the bot's new check, not its whole bar."""
    before, after = _bot("elena", heartbeats=_beats(0, 90)), _bot("elena", heartbeats=_beats(1, 91))
    (bot,) = fleet_patch(_fleet(before, _bot("marcus")), _fleet(after, _bot("marcus")))["bots"]
    assert len(bot["new_beats"]) == 1
    assert "beats" not in bot
