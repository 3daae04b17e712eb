"""How a bot, and the whole, is: pure rules over what was last seen."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from chat_api.schemas.bots import Probe
from chat_api.schemas.containers import ContainerView
from chat_api.schemas.fleet import (
    BotPolicy,
    BotStatus,
    BotView,
    CanaryView,
    RestartView,
    ServiceStatus,
    ServiceView,
    SystemStatus,
)
from models import BotAction

STARTING_GRACE_S = 60.0
# Without these nothing can be stored; the rest costs comfort only.
VITAL_SERVICES = frozenset({"postgres"})
PUBLIC_STATUS = {
    BotStatus.ONLINE: "online",
    BotStatus.DEGRADED: "online",
    BotStatus.STARTING: "busy",
    BotStatus.RESTARTING: "busy",
}


def bot_status(
    probe: Probe | None,
    *,
    container: ContainerView | None,
    restart: RestartView | None,
    breaker: str,
    now: datetime,
    stale_after: timedelta,
    policy: BotPolicy | None = None,
    canary: CanaryView | None = None,
    is_misaddressed: bool = False,
) -> BotStatus:
    """The one word for a bot. What is older than ``stale_after`` is never green, it is unknown.

    ``is_misaddressed``: what answers is not this bot, so that nothing it says of itself counts.
    """
    if restart is not None and restart.is_running:
        return BotStatus.STARTING if restart.action is BotAction.START else BotStatus.RESTARTING
    if policy is not None and policy.is_in_maintenance(now):
        return BotStatus.MAINTENANCE
    if policy is not None and policy.quarantined_at is not None:
        return BotStatus.QUARANTINED
    if container is not None and container.state in {"exited", "dead", "missing", "created", "paused"}:
        return BotStatus.OFFLINE
    if probe is None or now - probe.checked_at > stale_after:
        return BotStatus.UNKNOWN
    if not probe.is_healthy:
        return BotStatus.STARTING if _is_young(container, now) else BotStatus.OFFLINE
    if is_misaddressed:
        return BotStatus.MISADDRESSED
    if probe.is_ready is False:
        return BotStatus.STARTING if _is_young(container, now) else BotStatus.DEGRADED
    is_silent = canary is not None and not canary.is_answered and (policy is None or policy.is_canary_on)
    return BotStatus.DEGRADED if breaker == "open" or is_silent else BotStatus.ONLINE


def _is_young(container: ContainerView | None, now: datetime) -> bool:
    if container is None or container.started_at is None or container.state != "running":
        return False
    return (now - container.started_at).total_seconds() < STARTING_GRACE_S


def system_status(bots: Sequence[BotView], services: Sequence[ServiceView]) -> tuple[SystemStatus, str]:
    """How the whole is, and the one line that says why."""
    down = [service for service in services if service.status is ServiceStatus.UNHEALTHY]
    ailing = [bot for bot in bots if bot.status not in {BotStatus.ONLINE, BotStatus.MAINTENANCE}]
    if down:
        is_vital = any(service.name in VITAL_SERVICES for service in down)
        return (SystemStatus.CRITICAL if is_vital else SystemStatus.DEGRADED), _cause_headline(down, ailing)
    if not bots:
        return SystemStatus.HEALTHY, "No bots are configured yet"
    if not ailing:
        return SystemStatus.HEALTHY, _well_headline(bots)
    if all(bot.status is BotStatus.OFFLINE for bot in bots):
        return SystemStatus.CRITICAL, f"All {len(bots)} bots are offline" if len(bots) > 1 else "The bot is offline"
    names = ", ".join(f"{bot.display_name} is {bot.status}" for bot in ailing[:3])
    more = f" and {len(ailing) - 3} more" if len(ailing) > 3 else ""
    verb = "needs" if len(ailing) == 1 else "need"
    return SystemStatus.DEGRADED, f"{len(ailing)} of {len(bots)} bots {verb} attention: {names}{more}"


def _well_headline(bots: Sequence[BotView]) -> str:
    resting = sum(bot.status is BotStatus.MAINTENANCE for bot in bots)
    state = "in maintenance" if resting == len(bots) else "online"
    if resting in {0, len(bots)}:
        return f"All {len(bots)} bots are {state}" if len(bots) > 1 else f"The bot is {state}"
    online = len(bots) - resting
    return f"{_bots(online)} {'is' if online == 1 else 'are'} online, {resting} in maintenance"


def _cause_headline(down: Sequence[ServiceView], ailing: Sequence[BotView]) -> str:
    """The dependencies that are down, the one that explains most first, and how many bots suffer from them."""
    explained = Counter(bot.cause for bot in ailing if bot.cause)
    ranked = sorted(down, key=lambda service: (-explained[service.name], service.name not in VITAL_SERVICES))
    titles = [service.title for service in ranked]
    named = titles[0] if len(titles) == 1 else f"{', '.join(titles[:-1])} and {titles[-1]}"
    headline = f"{named} {'is' if len(titles) == 1 else 'are'} down"
    affected = sum(explained[service.name] for service in down)
    if affected:
        headline += f": {_bots(affected)} affected"
    others = len(ailing) - affected
    if others:
        headline += f"; {_bots(others)} {'needs' if others == 1 else 'need'} attention for another reason"
    return headline


def _bots(count: int) -> str:
    return f"{count} bot" if count == 1 else f"{count} bots"
