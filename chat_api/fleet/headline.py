"""How the whole fleet is, and the banner's line that says why; see :mod:`chat_api.fleet.status`."""

from collections import Counter
from collections.abc import Mapping, Sequence

from chat_api.core.language import N_, _, ngettext
from chat_api.core.stored_sentences import in_own_language
from chat_api.fleet.dependencies import DEPENDENCIES
from chat_api.fleet.schemas import (
    HEALTHY_STATUSES,
    BotStatus,
    BotView,
    ServiceStatus,
    ServiceView,
    SystemStatus,
    Trouble,
)
from models import Severity

NAMED = 3
# What is wrong with one bot, with some of them, and with all.
_ONE_IS: Mapping[BotStatus, str] = {
    BotStatus.OFFLINE: N_("{name} is offline"),
    BotStatus.MISADDRESSED: N_("{name} is misaddressed"),
    BotStatus.QUARANTINED: N_("{name} is quarantined"),
    BotStatus.DEGRADED: N_("{name} is degraded"),
    BotStatus.RESTARTING: N_("{name} is restarting"),
    BotStatus.STARTING: N_("{name} is starting"),
    BotStatus.UNKNOWN: N_("{name} is unknown"),
}
_SOME_ARE: Mapping[BotStatus, str] = {
    BotStatus.OFFLINE: N_("{some} of {count} bots are offline: {names}"),
    BotStatus.MISADDRESSED: N_("{some} of {count} bots are misaddressed: {names}"),
    BotStatus.QUARANTINED: N_("{some} of {count} bots are quarantined: {names}"),
    BotStatus.DEGRADED: N_("{some} of {count} bots are degraded: {names}"),
    BotStatus.RESTARTING: N_("{some} of {count} bots are restarting: {names}"),
    BotStatus.STARTING: N_("{some} of {count} bots are starting: {names}"),
    BotStatus.UNKNOWN: N_("{some} of {count} bots were not checked lately: {names}"),
}
_ALL_ARE: Mapping[BotStatus, str] = {
    BotStatus.OFFLINE: N_("All {count} bots are offline: {names}"),
    BotStatus.MISADDRESSED: N_("All {count} bots are misaddressed: {names}"),
    BotStatus.QUARANTINED: N_("All {count} bots are quarantined: {names}"),
    BotStatus.DEGRADED: N_("All {count} bots are degraded: {names}"),
    BotStatus.RESTARTING: N_("All {count} bots are restarting: {names}"),
    BotStatus.STARTING: N_("All {count} bots are starting: {names}"),
    BotStatus.UNKNOWN: N_("All {count} bots were not checked lately: {names}"),
}


def system_status(
    bots: Sequence[BotView],
    services: Sequence[ServiceView],
    *,
    alerts: Sequence[Trouble] = (),
    incidents: Sequence[Trouble] = (),
) -> tuple[SystemStatus, str]:
    """How the whole is, and the line that says why: the worst of what is seen, what fires and what is open."""
    seen, headline = _seen_status(bots, services)
    serious = [alert for alert in alerts if alert.severity is not Severity.INFO]
    if any(alert.severity is Severity.CRITICAL for alert in serious):
        status = SystemStatus.CRITICAL
    elif seen is SystemStatus.HEALTHY and (serious or incidents):
        status = SystemStatus.DEGRADED
    else:
        status = seen
    if seen is SystemStatus.HEALTHY and status is not seen:
        headline = _trouble_headline(serious, incidents)
    return status, headline


def _seen_status(bots: Sequence[BotView], services: Sequence[ServiceView]) -> tuple[SystemStatus, str]:
    down = [service for service in services if service.status is ServiceStatus.UNHEALTHY]
    ailing = [bot for bot in bots if bot.shown not in HEALTHY_STATUSES]
    if down:
        is_vital = any(_is_vital(service) for service in down)
        return (SystemStatus.CRITICAL if is_vital else SystemStatus.DEGRADED), _cause_headline(down, ailing)
    if not bots:
        return SystemStatus.HEALTHY, _("No bots are configured yet")
    if not ailing:
        return SystemStatus.HEALTHY, _healthy_headline(bots)
    if all(bot.status is BotStatus.OFFLINE for bot in bots):
        return SystemStatus.CRITICAL, ngettext("The bot is offline", "All {count} bots are offline", len(bots))
    return SystemStatus.DEGRADED, _ailing_headline(ailing, len(bots))


def _ailing_headline(ailing: Sequence[BotView], count: int) -> str:
    shown = {bot.shown for bot in ailing}
    if len(ailing) > 1 and len(shown) == 1:
        names = _listed([bot.display_name for bot in ailing])
        if len(ailing) == count:
            return _(_ALL_ARE[shown.pop()], count=count, names=names)
        return _(_SOME_ARE[shown.pop()], some=len(ailing), count=count, names=names)
    names = _listed([_(_ONE_IS[bot.shown], name=bot.display_name) for bot in ailing])
    return ngettext(
        "{count} of {all} bots needs attention: {names}",
        "{count} of {all} bots need attention: {names}",
        len(ailing),
        all=count,
        names=names,
    )


def _listed(names: Sequence[str]) -> str:
    """The first of them, and how many more there are."""
    said = ", ".join(names[:NAMED])
    return _("{names} and {more} more", names=said, more=len(names) - NAMED) if len(names) > NAMED else said


def _is_vital(service: ServiceView) -> bool:
    dependency = DEPENDENCIES.get(service.name)
    return dependency is not None and dependency.is_vital


def _trouble_headline(alerts: Sequence[Trouble], incidents: Sequence[Trouble]) -> str:
    """For a fleet that is healthy itself while an alert is firing or an incident is open."""
    if alerts:
        worst = max(alerts, key=lambda alert: list(Severity).index(alert.severity))
        return ngettext(
            "{count} alert is firing: {title}",
            "{count} alerts are firing: {title}",
            len(alerts),
            title=in_own_language(worst.title),
        )
    return ngettext(
        "{count} incident is open: {title}",
        "{count} incidents are open: {title}",
        len(incidents),
        title=in_own_language(incidents[0].title),
    )


def _healthy_headline(bots: Sequence[BotView]) -> str:
    resting = sum(bot.status is BotStatus.MAINTENANCE for bot in bots)
    if resting == len(bots):
        return ngettext("The bot is in maintenance", "All {count} bots are in maintenance", resting)
    if not resting:
        return ngettext("The bot is online", "All {count} bots are online", len(bots))
    return ngettext(
        "{count} bot is online, {resting} in maintenance",
        "{count} bots are online, {resting} in maintenance",
        len(bots) - resting,
        resting=resting,
    )


def _cause_headline(down: Sequence[ServiceView], ailing: Sequence[BotView]) -> str:
    """The dependencies that are down, the one that explains most first, and how many bots suffer from them."""
    explained = Counter(bot.cause for bot in ailing if bot.cause)
    ranked = sorted(down, key=lambda service: (-explained[service.name], not _is_vital(service)))
    titles = [_(service.title) for service in ranked]
    if len(titles) == 1:
        headline = f"{titles[0]} {_(ranked[0].fault)}"
    else:
        named = _("{names} and {last}", names=", ".join(titles[:-1]), last=titles[-1])
        are_down = all(service.fault == "is down" for service in ranked)
        headline = _("{names} are down", names=named) if are_down else _("{names} don't work", names=named)
    affected = sum(explained[service.name] for service in down)
    if affected:
        headline += ": " + ngettext("{count} bot affected", "{count} bots affected", affected)
    others = len(ailing) - affected
    if others:
        headline += "; " + ngettext(
            "{count} bot needs attention for another reason", "{count} bots need attention for another reason", others
        )
    return headline
