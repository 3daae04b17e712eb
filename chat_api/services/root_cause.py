"""Whose fault it is: the dependency that the trouble of bots is put down to. Pure rules over what was last seen."""

from collections.abc import Mapping, Sequence

from chat_api.schemas.fleet import BotStatus, BotView, ServiceStatus, ServiceView

# The parents of every bot, the one that explains most first.
PARENTS = ("docker", "postgres", "redis", "qdrant", "llm")
AILING = frozenset({BotStatus.DEGRADED, BotStatus.OFFLINE, BotStatus.STARTING, BotStatus.UNKNOWN})


def root_causes(bots: Sequence[BotView], services: Sequence[ServiceView]) -> Mapping[str, str]:
    """For each bot in trouble that a dependency explains, the key of that dependency."""
    down = {service.name for service in services if service.status is ServiceStatus.UNHEALTHY}
    parent = next((name for name in PARENTS if name in down), None)
    if parent is None:
        return {}
    return {bot.name: parent for bot in bots if bot.status in AILING}
