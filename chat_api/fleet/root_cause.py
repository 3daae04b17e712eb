"""Whose fault it is: the dependency that the trouble of bots is put down to. Pure rules over what was last seen.

::

    parent      up ───────┐ down ..................... ┌ up ── 60 s ──┐
    bot A       online ─────┐ offline                                 its trouble is put down to the parent
    bot B   offline ......................                            its own: it was down long before

A parent that flaps keeps the time at which its trouble began, so that bots that fell with it stay explained by it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from chat_api.core.language import N_
from chat_api.engine.adopted import project_of
from chat_api.fleet.dependencies import AILING, DEPENDENCIES, ORDER
from chat_api.fleet.schemas import HEALTHY_STATUSES, BotStatus, BotView, Fault, PartRole, ServiceStatus, ServiceView
from chat_api.fleet.status import model_witnesses

# How a bot without its language model behaves.
MODEL_FAULTS = frozenset(Fault) - {Fault.SLOW, Fault.NOT_STORING, Fault.QUEUE_GROWING}
# A dependency is looked at every ten seconds: a bot may be seen down that much, and some, before its parent.
BEFORE = timedelta(seconds=60)
# How long a parent that came back still explains bots that are finding their way back.
RECOVERY = timedelta(seconds=60)


def root_causes(bots: Sequence[BotView], services: Sequence[ServiceView], *, now: datetime) -> Mapping[str, str]:
    """For each bot in trouble that a dependency explains, the key of that dependency.

    Of several that explain a bot, one that is down now comes before one that came back, then the one that explains
    most bots.
    """
    explained = {
        service.name: {bot.name for bot in bots if _explains(service, bot)}
        for service in services
        if is_to_blame(service, now=now)
    }
    down = {service.name for service in services if service.status is ServiceStatus.UNHEALTHY}
    ranked = sorted(
        (name for name, names in explained.items() if names),
        key=lambda name: (name not in down, -len(explained[name]), not _explains_first(name), _place(name)),
    )
    return {name: parent for parent in reversed(ranked) for name in explained[parent]}


def is_to_blame(service: ServiceView, *, now: datetime) -> bool:
    """Whether a dependency is down, or was until a moment ago."""
    if not _effects(service) or service.failing_since is None or service.last_failed_at is None:
        return False
    if service.status is ServiceStatus.UNHEALTHY:
        return True
    return service.status is ServiceStatus.HEALTHY and now - service.last_failed_at <= RECOVERY


class LanguageModel:
    """The one dependency that bots tell of: it is down when several of them say so, whoever watches it, or nobody.

    Once it is, it stays so until the last of them answers again: they are asked one after the other.
    """

    def __init__(self) -> None:
        self._failing_since: datetime | None = None

    def judged(
        self, services: tuple[ServiceView, ...], bots: Sequence[BotView], *, now: datetime
    ) -> tuple[ServiceView, ...]:
        """The dependencies, with what the bots say of the language model."""
        silent = [bot for bot in bots if bot.has(Fault.LANGUAGE_MODEL, Fault.APOLOGY)]
        if not silent:
            self._failing_since = None
        elif self._failing_since is None and (witnesses := model_witnesses(bots)):
            self._failing_since = min(ailing_since(bot) or now for bot in witnesses)
        if self._failing_since is None:
            return services
        return tuple(self._down(service, silent) if _is_reported_by_bots(service) else service for service in services)

    def _down(self, service: ServiceView, silent: Sequence[BotView]) -> ServiceView:
        count = "1 bot does not" if len(silent) == 1 else f"{len(silent)} bots do not"
        failed_at = [bot.synthetic_check.checked_at for bot in silent if bot.synthetic_check is not None]
        return replace(
            service,
            status=ServiceStatus.UNHEALTHY,
            fault=N_("does not answer"),
            error=f"{count} get an answer from it",
            failing_since=self._failing_since,
            last_failed_at=max(failed_at, default=service.last_checked_at),
        )


def ailing_since(bot: BotView) -> datetime | None:
    """When a bot that is not well was first seen so, as far as its heartbeats tell; ``None`` when just now."""
    since = None
    for heartbeat in reversed(bot.heartbeats):
        if heartbeat.status in HEALTHY_STATUSES:
            break
        since = heartbeat.checked_at
    return since


def _is_reported_by_bots(service: ServiceView) -> bool:
    dependency = DEPENDENCIES.get(service.name)
    return dependency is not None and dependency.reported_by_bots


def _effects(service: ServiceView) -> frozenset[BotStatus]:
    """The states of a bot that it can be the cause of; none for a worker, a job or what bots do not need."""
    if service.role is PartRole.STORE:
        return AILING
    dependency = DEPENDENCIES.get(service.name)
    return dependency.effects if dependency else frozenset()


def _is_needed(service: ServiceView, bot: BotView) -> bool:
    """Whether a bot is of the same compose project, where it is another part of the fleet."""
    if service.role is PartRole.DEPENDENCY:
        return True
    return bot.container is not None and bool(service.project) and project_of(bot.container.labels) == service.project


def _explains_first(name: str) -> bool:
    return name in DEPENDENCIES and DEPENDENCIES[name].explains_first


def _place(name: str) -> tuple[int, str]:
    return ORDER.get(name, len(ORDER)), name


def _explains(service: ServiceView, bot: BotView) -> bool:
    if bot.status not in _effects(service) or not _is_needed(service, bot):
        return False
    if _is_reported_by_bots(service) and bot.reasons and not bot.has(*MODEL_FAULTS):
        return False  # slow is not silent
    if bot.container is not None and bot.container.oom_killed and bot.status is BotStatus.OFFLINE:
        return False  # nobody else used up its memory
    since = ailing_since(bot)
    return since is None or service.failing_since is None or since >= service.failing_since - BEFORE
