"""What counts as trouble: for each dependency and each bot a judgement of this moment. Pure rules over a view."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chat_api.engine.schemas import ContainerState
from chat_api.fleet.schemas import (
    HEALTHY_STATUSES,
    BotStatus,
    BotView,
    FleetView,
    PartRole,
    ServiceStatus,
    ServiceView,
)
from chat_api.fleet.sentences import at_one_address, bot_trouble, service_trouble
from chat_api.fleet.shared_addresses import SharedAddress, address_causes, shared_addresses
from chat_api.fleet.status import MODEL_WITNESSES
from chat_api.incidents import sentences

# How long trouble has to last, unless a second check confirms it sooner.
CONFIRM_BOT_S = 8.0
CONFIRM_SERVICE_S = 15.0
# A bot that is starting for so long does not come up; one that nobody looks at for so long is not looked at.
CONFIRM_STARTING_S = 90.0
CONFIRM_UNKNOWN_S = 15.0
CONFIRMING_CHECKS = 2
# After a pause all bots are looked at again at once; that takes no longer, slow ones included.
LOOKED_AT_WITHIN = timedelta(seconds=60)
_DIED = frozenset({ContainerState.EXITED, ContainerState.DEAD})


class Evaluation(StrEnum):
    """``unsure`` neither opens an incident nor resolves one."""

    FAILING = "troubled"
    UNSURE = "unsure"
    HEALTHY = "well"


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """How a possible cause of an incident is now.

    ``failing`` are the bots in trouble by it, ``parent`` the cause that this one is put down to. ``is_certain``:
    nothing has to be waited for. ``confirm_s`` is how long the trouble has to last.
    """

    cause: str
    evaluation: Evaluation
    title: str = ""
    detail: str = ""
    confirm_s: float = 0.0
    is_certain: bool = False
    parent: str | None = None
    failing: tuple[BotView, ...] = ()


def bot_cause(bot_name: str) -> str:
    """The cause of an incident that is a bot's own."""
    return f"bot:{bot_name}"


def service_cause(name: str) -> str:
    """The cause of an incident that is a dependency's."""
    return f"service:{name}"


def judge(view: FleetView, *, now: datetime) -> Mapping[str, Judgement]:
    """A judgement for each dependency, each address of several bots and each bot, by cause."""
    affected: dict[str, list[BotView]] = {}
    for bot in view.bots:
        if bot.cause is not None:
            affected.setdefault(bot.cause, []).append(bot)
    judgements = [_judge_service(service, affected.get(service.name, ())) for service in view.services]
    shared = shared_addresses(view.bots)
    judgements += [_judge_address(one) for one in shared.values()]
    at_address = address_causes(shared)
    judgements += [
        Judgement(cause=bot_cause(bot.name), evaluation=Evaluation.UNSURE)
        if _is_waited_for(bot, view.started_at, now)
        else _judge_bot(bot, shared_address=at_address.get(bot.name))
        for bot in view.bots
    ]
    return {judgement.cause: judgement for judgement in judgements}


def _is_waited_for(bot: BotView, started_at: datetime, now: datetime) -> bool:
    """Whether a bot was not looked at since a pause, and soon will be."""
    is_old = bot.last_checked_at is not None and bot.last_checked_at < started_at
    return is_old and now - started_at < LOOKED_AT_WITHIN


def _judge_service(service: ServiceView, failing: Sequence[BotView]) -> Judgement:
    cause = service_cause(service.name)
    if service.status is ServiceStatus.UNHEALTHY:
        is_confirmed = _is_seen_twice(service)
        # What bots say of their language model was confirmed by the second of them.
        is_confirmed = is_confirmed or (service.name == "llm" and len(failing) >= MODEL_WITNESSES)
        return Judgement(
            cause=cause,
            evaluation=Evaluation.FAILING,
            title=service_trouble(service.title, service.fault),
            detail=service.error or "",
            confirm_s=0.0 if is_confirmed else CONFIRM_SERVICE_S,
            failing=tuple(failing),
        )
    is_healthy = service.status is not ServiceStatus.UNKNOWN and not failing
    return Judgement(
        cause=cause, evaluation=Evaluation.HEALTHY if is_healthy else Evaluation.UNSURE, failing=tuple(failing)
    )


def _is_seen_twice(service: ServiceView) -> bool:
    if service.role is not PartRole.DEPENDENCY:  # most have no latency even when they are well
        since, last = service.failing_since, service.last_failed_at
        return since is not None and last is not None and last > since
    checks = service.latencies_ms[-CONFIRMING_CHECKS:]
    return len(checks) == CONFIRMING_CHECKS and not any(latency is not None for latency in checks)


def _judge_address(shared: SharedAddress) -> Judgement:
    failing = [bot for bot in shared.misaddressed if bot.policy is None or not bot.policy.is_stopped(bot.container)]
    if not failing:
        is_resolved = all(is_healthy(bot) for bot in shared.bots)
        return Judgement(cause=shared.cause, evaluation=Evaluation.HEALTHY if is_resolved else Evaluation.UNSURE)
    return Judgement(
        cause=shared.cause,
        evaluation=Evaluation.FAILING,
        title=at_one_address(len(shared.bots), shared.address)[:200],
        detail=" ".join(dict.fromkeys(bot.error for bot in failing if bot.error))[:1000],
        confirm_s=min(_confirm_s(bot) or 0.0 for bot in failing),
        failing=tuple(failing),
    )


def _judge_bot(bot: BotView, *, shared_address: str | None = None) -> Judgement:
    cause = bot_cause(bot.name)
    if bot.cause is not None:
        return Judgement(cause=cause, evaluation=Evaluation.UNSURE, parent=service_cause(bot.cause))
    if shared_address is not None:
        return Judgement(cause=cause, evaluation=Evaluation.UNSURE, parent=shared_address)
    if is_healthy(bot):
        return Judgement(cause=cause, evaluation=Evaluation.HEALTHY)
    if bot.policy is not None and bot.policy.is_stopped(bot.container):
        return Judgement(cause=cause, evaluation=Evaluation.UNSURE)  # somebody wanted it so
    confirm_s = _confirm_s(bot)
    if confirm_s is None:
        return Judgement(cause=cause, evaluation=Evaluation.UNSURE)
    return Judgement(
        cause=cause,
        evaluation=Evaluation.FAILING,
        title=bot_trouble(bot.display_name, bot.status)[:200],
        detail=_detail(bot),
        confirm_s=confirm_s,
        is_certain=_has_died(bot),
        failing=(bot,),
    )


def is_healthy(bot: BotView) -> bool:
    """Whether a bot does what it should. In maintenance that is what its health check says, not the word for it."""
    if bot.status is BotStatus.MAINTENANCE:
        return bot.latency_ms is not None and (bot.container is None or bot.container.state not in _DIED)
    return bot.status is BotStatus.ONLINE


def _confirm_s(bot: BotView) -> float | None:
    """How long this trouble of a bot has to last; None when it is none, or nobody's business."""
    match bot.status:
        case BotStatus.OFFLINE | BotStatus.DEGRADED | BotStatus.MISADDRESSED:
            heartbeats = bot.heartbeats[-CONFIRMING_CHECKS:]
            is_confirmed = len(heartbeats) == CONFIRMING_CHECKS and not any(
                b.status in HEALTHY_STATUSES for b in heartbeats
            )
            return 0.0 if is_confirmed else CONFIRM_BOT_S
        case BotStatus.QUARANTINED:
            return 0.0
        case BotStatus.STARTING:
            return CONFIRM_STARTING_S
        case BotStatus.UNKNOWN if bot.last_seen_at is not None:
            return CONFIRM_UNKNOWN_S
        case _:
            return None


def _has_died(bot: BotView) -> bool:
    """Whether the engine itself says that the bot's process is gone, and not by a clean end."""
    container = bot.container
    if bot.status is not BotStatus.OFFLINE or container is None or container.state not in _DIED:
        return False
    return container.oom_killed or container.exit_code not in {0, None}


def _detail(bot: BotView) -> str:
    parts = []
    container = bot.container
    if bot.status is BotStatus.QUARANTINED and bot.policy is not None:
        parts.append(bot.policy.quarantine_reason)
    if container is not None and container.state in _DIED:
        parts.append(sentences.exited(container.exit_code) if container.exit_code is not None else "")
        parts.append(sentences.out_of_memory() if container.oom_killed else "")
    elif container is not None and container.state is ContainerState.MISSING:
        parts.append(sentences.removed())
    parts.append(bot.error or "")
    return sentences.joined(parts)
