"""How often bots are sent synthetic checks. Decision 0062 says why so rarely."""

from dataclasses import dataclass

from chat_api.bots.schemas import Contract
from chat_api.core.settings import Settings

USUALLY_SHORTEST_S = 300.0
QUIET_S = 21_600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckIntervals:
    """How long nothing has to be heard of a bot until it is asked; with ``shortest_s`` of 0 none is."""

    shortest_s: float
    quiet_s: float

    @classmethod
    def of_settings(cls, settings: Settings) -> "CheckIntervals":
        """As operators set them; who has all bots asked often has them all asked often."""
        shortest_s = settings.bot_canary_interval
        usual_s = QUIET_S if shortest_s >= USUALLY_SHORTEST_S else shortest_s
        return cls(shortest_s=shortest_s, quiet_s=settings.bot_quiet_check_interval or usual_s)

    def of(self, contract: Contract | None) -> float:
        """Of a bot that nobody talks to: one of the second generation is asked rarely."""
        return max(self.shortest_s, self.quiet_s) if contract == "v2" else self.shortest_s


USUAL_INTERVALS = CheckIntervals(shortest_s=USUALLY_SHORTEST_S, quiet_s=QUIET_S)
