"""What synthetic checks cost, for whoever sets how often they are sent."""

from collections.abc import Callable
from dataclasses import dataclass

from chat_api.core.language import ngettext
from chat_api.fleet.check_intervals import CheckIntervals
from chat_api.fleet.schemas import BotStatus, BotView
from chat_api.fleet.service import FleetService

DAY_S = 86_400.0
# Source: bot contract, a simple query by the figures of v2's author.
LEAST_USD, MOST_USD = 0.001, 0.005
# Nobody asks these, and that they are so is somebody's decision.
_NOT_ASKED = frozenset({BotStatus.MAINTENANCE, BotStatus.QUARANTINED})


@dataclass(frozen=True, slots=True, kw_only=True)
class DailyCost:
    """Of one day on which nobody talks to the bots and nothing fails: ``calls``, and US dollars from ``least`` to
    ``most``.
    """

    bots: int
    calls: float

    @property
    def least_usd(self) -> float:
        """If every call costs little."""
        return self.calls * LEAST_USD

    @property
    def most_usd(self) -> float:
        """If every call costs much."""
        return self.calls * MOST_USD

    def note(self) -> str:
        """In one sentence."""
        return ngettext(
            "At most about {calls} calls a day for the {count} bot checked now: ${least}–{most} a day at $0.001–0.005"
            " a call. Fewer when people talk to it.",
            "At most about {calls} calls a day for the {count} bots checked now: ${least}–{most} a day at $0.001–0.005"
            " a call. Fewer when people talk to them.",
            self.bots,
            calls=f"{self.calls:,.0f}",
            least=_dollars(self.least_usd),
            most=_dollars(self.most_usd),
        )


def daily_cost(bots: tuple[BotView, ...], intervals: CheckIntervals) -> DailyCost:
    """What the fleet as it is costs a day."""
    asked = [bot for bot in bots if _is_asked(bot)] if intervals.shortest_s else []
    return DailyCost(bots=len(asked), calls=sum(DAY_S / intervals.of(bot.contract) for bot in asked))


def cost_notes(fleet: FleetService, intervals: CheckIntervals) -> dict[str, Callable[[], str]]:
    """What stands beside the settings that it depends on."""

    def note() -> str:
        return daily_cost(fleet.current().bots, intervals).note()

    return dict.fromkeys(("bot_canary_interval", "bot_quiet_check_interval"), note)


def _is_asked(bot: BotView) -> bool:
    is_on = bot.policy is None or bot.policy.is_synthetic_check_on
    return is_on and bot.status not in _NOT_ASKED


def _dollars(amount: float) -> str:
    return f"{amount:,.0f}" if amount >= 100 else f"{amount:,.2f}"
