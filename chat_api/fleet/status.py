"""How a bot, a dependency and the whole are: pure rules over what was last seen.

Every place that says how something is asks here: the board and its banner, the status APIs, the badges of the menu, the
browser tab, metrics, incidents, alerts, root causes, healing and rolling restarts.

::

    a bot    health check, readiness, container, restart, policy       → its status
             synthetic check, newest answers, conduct, breaker, claims → the reasons why it is degraded
             alerts and incidents about it                             → shown as degraded, whatever it is itself
    a whole  the worst of its dependencies, its bots, the alerts that fire and the incidents that are open

What alerts and incidents say is shown, and never goes into the rules that open and close them: none could end.
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from chat_api.bots.schemas import Probe
from chat_api.core.language import N_
from chat_api.engine.schemas import ContainerView
from chat_api.fleet.claimed_queues import ClaimedQueue
from chat_api.fleet.conduct_schemas import ConductReport
from chat_api.fleet.schemas import (
    BotPolicy,
    BotStatus,
    BotView,
    Fault,
    Reason,
    RecentAnswers,
    RestartView,
    SyntheticCheckView,
)
from models import BotAction

STARTING_GRACE_S = 60.0
# A bot is judged by its newest calls: about so many, none older than this, and not by fewer than a handful.
RECENT = timedelta(minutes=5)
ENOUGH_CALLS = 20
MIN_CALLS = 5
MIN_FAILURES = 3
# It fails from here on, and until it is below the second.
FAILING_SHARE, RECOVERED_SHARE = 0.2, 0.1
# It is slow when it takes so many times as long as in the day before, and the difference can be felt.
SLOW_TIMES, RECOVERED_TIMES = 3.0, 2.0
SLOW_BY_MS = 500.0
MIN_USUAL = 10
# So many bots have to say that their language model does not answer until it is the model's fault, not theirs.
MODEL_WITNESSES = 2
CALLS_PAUSED = "calls are paused after many failures"
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
    check: SyntheticCheckView | None = None,
    recent: RecentAnswers | None = None,
    conduct: ConductReport | None = None,
    queue: ClaimedQueue | None = None,
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
    reasons = bot_reasons(
        probe, breaker=breaker, policy=policy, check=check, recent=recent, conduct=conduct, queue=queue
    )
    return BotStatus.DEGRADED if reasons else BotStatus.ONLINE


def bot_reasons(
    probe: Probe | None,
    *,
    breaker: str,
    policy: BotPolicy | None = None,
    check: SyntheticCheckView | None = None,
    recent: RecentAnswers | None = None,
    conduct: ConductReport | None = None,
    queue: ClaimedQueue | None = None,
) -> tuple[Reason, ...]:
    """What is wrong with a bot that answers its health check, the worst first; empty for one that is well."""
    found = []
    if probe is not None and probe.is_ready is False:
        found.append(_not_ready(probe))
    is_paused = breaker == "open"
    is_check_refused = is_paused and check is not None and check.error == CALLS_PAUSED  # as everything is
    is_check_on = policy is None or policy.is_synthetic_check_on
    if check is not None and check.is_failing and is_check_on and not is_check_refused:
        found.append(Reason(fault=check.fault, words=_check_words(check)))
    found += _conduct_reasons(conduct, is_model_silent=any(one.fault is Fault.LANGUAGE_MODEL for one in found))
    if recent is not None and recent.is_failing:
        found.append(Reason(fault=Fault.FAILING, words=failing_words(recent)))
    if is_paused:
        found.append(Reason(fault=Fault.PAUSED, words=CALLS_PAUSED))
    if recent is not None and recent.is_slow:
        found.append(Reason(fault=Fault.SLOW, words=_slow_words(recent)))
    if queue is not None:
        found.append(Reason(fault=Fault.QUEUE_GROWING, words=queue.words))
    return tuple(found)


def _conduct_reasons(conduct: ConductReport | None, *, is_model_silent: bool) -> Iterator[Reason]:
    """What several answers show together; a bot that apologises for its language model loops for that reason."""
    if conduct is not None and conduct.is_looping and not is_model_silent:
        yield Reason(fault=Fault.LOOPING, words=N_("gives the same answer to different questions"))
    if conduct is not None and conduct.is_not_storing:
        yield Reason(fault=Fault.NOT_STORING, words=N_("says that it stores no memories"))


def _not_ready(probe: Probe) -> Reason:
    if probe.discord is not None and not probe.discord.is_connected:
        return Reason(fault=Fault.DISCORD, words=N_("not connected to Discord"))
    return Reason(fault=Fault.NOT_READY, words=probe.error or N_("not ready"))


def failing_words(recent: RecentAnswers) -> str:
    """How many of a bot's newest answers failed."""
    return f"{recent.failure_share:.0%} of its last {recent.calls} answers failed"


def _check_words(check: SyntheticCheckView) -> str:
    if check.is_answered:
        return "answers test messages again, one more has to confirm it"
    if check.fault is Fault.LANGUAGE_MODEL:
        return "its language model does not answer"
    return f"does not answer messages: {check.error}"


def _slow_words(recent: RecentAnswers) -> str:
    return f"answers take {(recent.mean_ms or 0) / 1000:,.1f} s, usually {(recent.usual_ms or 0) / 1000:,.1f} s"


def recent_answers(
    *,
    calls: int,
    failures: int,
    mean_ms: float | None,
    usual_ms: float | None,
    usual_count: int,
    before: RecentAnswers | None,
    answered_at: datetime | None = None,
    failed_at: datetime | None = None,
) -> RecentAnswers:
    """A judgement of a bot's newest calls. Too few of them say nothing, neither good nor bad."""
    share = failures / calls if calls else 0.0
    was_failing, was_slow = before is not None and before.is_failing, before is not None and before.is_slow
    if was_failing:
        is_failing = share >= RECOVERED_SHARE
    else:
        is_failing = calls >= MIN_CALLS and failures >= MIN_FAILURES and share >= FAILING_SHARE
    is_slow = False
    if mean_ms is not None and usual_ms and usual_count >= MIN_USUAL:
        is_enough = calls - failures >= (1 if was_slow else MIN_CALLS)
        times = mean_ms / usual_ms
        is_slow = is_enough and times >= (RECOVERED_TIMES if was_slow else SLOW_TIMES)
        is_slow = is_slow and mean_ms - usual_ms >= SLOW_BY_MS
    return RecentAnswers(
        calls=calls,
        failures=failures,
        mean_ms=mean_ms,
        usual_ms=usual_ms,
        is_failing=is_failing,
        is_slow=is_slow,
        answered_at=answered_at,
        failed_at=failed_at,
    )


def model_witnesses(bots: Sequence[BotView]) -> list[BotView]:
    """The bots that show together that the language model does not answer; empty when it is not that.

    A v2 bot can be made to say so. A v1 bot only apologises, which may be its own trouble: it is the model's when all
    bots that were asked apologise, or when others say what it is.
    """
    asked = [bot for bot in bots if is_evident(bot)]
    apologetic = [bot for bot in bots if bot.has(Fault.LANGUAGE_MODEL, Fault.APOLOGY)]
    sure = sum(bot.has(Fault.LANGUAGE_MODEL) for bot in apologetic)
    is_common = len(apologetic) >= MODEL_WITNESSES and len(apologetic) == len(asked)
    return apologetic if sure >= MODEL_WITNESSES or is_common else []


def is_evident(bot: BotView) -> bool:
    """Whether it is known how a bot answers: by a synthetic check, or because people were answered."""
    return bot.synthetic_check is not None or (bot.recent is not None and bot.recent.calls > bot.recent.failures)


def _is_young(container: ContainerView | None, now: datetime) -> bool:
    if container is None or container.started_at is None or container.state != "running":
        return False
    return (now - container.started_at).total_seconds() < STARTING_GRACE_S
