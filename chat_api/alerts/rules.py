"""What a rule sees, and a subject's states: inactive → pending → firing → resolved. Pure; the caller passes the time.

::

    bad ──────────► pending ──for_s──► firing ──ok for keep_firing_for_s──► resolved
    in maintenance: nothing new starts, but what is firing still resolves
    no data:        ok → treated as OK · keep → unchanged · alert → treated as bad
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from chat_api.alerts import sentences
from chat_api.alerts.schemas import Evaluation, MetricsSnapshot, Reading, RuleView, SubjectState
from chat_api.alerts.sentences import summary
from chat_api.fleet.schemas import BotStatus, BotView, FleetView, ServiceStatus, ServiceView
from chat_api.fleet.shared_addresses import address_causes, shared_addresses
from chat_api.fleet.status import MIN_CALLS
from models import NoData, RuleKind, SubjectStatus

CONSOLE = "console"
# A bot needs a moment after its dependency is back; until then the dependency is still the cause.
CAUSE_LINGERS = timedelta(seconds=120)
# An alert waits this long for others to join. What fired earlier was reported on its own, and stays so.
GROUP_WAIT = timedelta(seconds=5)
# A starting bot is neither up nor down: a crash loop is one outage.
_ON_ITS_WAY = frozenset({BotStatus.STARTING, BotStatus.RESTARTING, BotStatus.QUARANTINED})

Finding = tuple[Evaluation, str]


def readings(rule: RuleView, view: FleetView, snapshot: MetricsSnapshot, now: datetime) -> list[Reading]:
    """The current readings of all subjects of a rule."""
    found: list[Reading] = []
    if rule.kind in _BOT_CONDITIONS:
        causes = _address_causes(view)
        found += [
            _of_bot(
                bot,
                _BOT_CONDITIONS[rule.kind](rule, bot, snapshot),
                cause=bot.cause or causes.get(bot.name),
                snapshot=snapshot,
                now=now,
            )
            for bot in view.bots
            if rule.bots is None or bot.name in rule.bots
        ]
    if rule.kind in _SERVICE_CONDITIONS:
        found += [
            Reading(subject=f"service:{service.name}", title=service.title, evaluation=evaluation, summary=summary)
            for service in view.services
            for evaluation, summary in (_SERVICE_CONDITIONS[rule.kind](service),)
        ]
    if rule.kind is RuleKind.DISK:
        found.append(_of_console(*_disk(rule, snapshot)))
    if rule.kind is RuleKind.LOOP_LAG:
        found.append(_of_console(*_loop_lag(rule, snapshot)))
    return found


def step(rule: RuleView, before: SubjectState | None, reading: Reading | None, now: datetime) -> SubjectState | None:
    """The state after one evaluation; None is inactive, or resolved if it was firing. A missing subject is OK."""
    if reading is None:
        return None
    reading = _without_no_data(rule, reading)
    is_firing = before is not None and before.fired_at is not None
    match reading.evaluation:
        case Evaluation.OK:
            return _recovering(rule, before, now)
        case Evaluation.HOLD:
            # Without a positive reading the recovery time does not run.
            return replace(before, healthy_since=None) if before is not None else None
        case Evaluation.NO_DATA if rule.no_data is NoData.KEEP:
            return replace(before, status=SubjectStatus.NO_DATA, healthy_since=None) if before and is_firing else None
    if reading.is_muted and not is_firing:
        return None
    return _bad(rule, before, reading, now)


def steps(
    rule: RuleView, before: Mapping[str, SubjectState], latest: list[Reading], now: datetime
) -> Iterator[SubjectState]:
    """The states of all subjects of a rule after one evaluation, without those that are OK."""
    seen = {reading.subject: reading for reading in latest}
    for subject in sorted(seen.keys() | before.keys()):
        after = step(rule, before.get(subject), seen.get(subject), now)
        if after is not None:
            yield after


def _without_no_data(rule: RuleView, reading: Reading) -> Reading:
    if reading.evaluation is Evaluation.NO_DATA and rule.no_data is NoData.OK:
        return replace(reading, evaluation=Evaluation.OK)
    return reading


def _recovering(rule: RuleView, before: SubjectState | None, now: datetime) -> SubjectState | None:
    if before is None or before.fired_at is None:
        return None
    since = before.healthy_since or now
    if now - since >= timedelta(seconds=rule.keep_firing_for_s):
        return None
    return replace(before, status=SubjectStatus.FIRING, healthy_since=since)


def _bad(rule: RuleView, before: SubjectState | None, reading: Reading, now: datetime) -> SubjectState:
    since = before.since if before is not None else now
    cause, gone_at = _cause(before, reading, now)
    fired_at = before.fired_at if before is not None else None
    is_lingering = gone_at is not None
    if fired_at is None and not is_lingering and now - since >= timedelta(seconds=rule.for_s):
        fired_at = now
    status = SubjectStatus.FIRING if fired_at else SubjectStatus.PENDING
    return SubjectState(
        rule_id=rule.rule_id,
        subject=reading.subject,
        status=SubjectStatus.NO_DATA if reading.evaluation is Evaluation.NO_DATA else status,
        since=since,
        summary=reading.summary[:300],
        fired_at=fired_at,
        cause=cause,
        cause_gone_at=gone_at,
    )


def _cause(before: SubjectState | None, reading: Reading, now: datetime) -> tuple[str | None, datetime | None]:
    """The root cause of a subject's trouble, and since when it is over although it still counts."""
    if before is not None and before.cause is None and before.fired_at and now - before.fired_at >= GROUP_WAIT:
        return None, None
    if reading.cause is not None or before is None or before.cause is None:
        return reading.cause, None
    gone_at = before.cause_gone_at or now
    return (None, None) if now - gone_at >= CAUSE_LINGERS else (before.cause, gone_at)


def _address_causes(view: FleetView) -> Mapping[str, str]:
    """The root cause of each bot that shares its address; usually there are none, and no address is parsed."""
    if not any(bot.status is BotStatus.MISADDRESSED for bot in view.bots):
        return {}
    return address_causes(shared_addresses(view.bots))


def _of_bot(bot: BotView, finding: Finding, *, cause: str | None, snapshot: MetricsSnapshot, now: datetime) -> Reading:
    policy = bot.policy
    is_wanted = policy is not None and (policy.is_in_maintenance(now) or policy.is_stopped(bot.container))
    return Reading(
        subject=f"bot:{bot.name}",
        title=bot.display_name,
        evaluation=finding[0],
        summary=finding[1],
        cause=cause,
        is_muted=is_wanted or bot.name in snapshot.muted,
    )


def _of_console(evaluation: Evaluation, summary: str) -> Reading:
    return Reading(subject=CONSOLE, title=sentences.CONSOLE_TITLE, evaluation=evaluation, summary=summary)


def _down(_: RuleView, bot: BotView, __: MetricsSnapshot) -> Finding:
    if bot.status is BotStatus.OFFLINE:
        return Evaluation.BAD, summary(sentences.OFFLINE)
    if bot.status is BotStatus.MISADDRESSED:
        return Evaluation.BAD, summary(sentences.MISADDRESSED, reason=bot.error or "").strip()
    return _steady(bot)


def _degraded(_: RuleView, bot: BotView, __: MetricsSnapshot) -> Finding:
    if bot.status is BotStatus.DEGRADED:
        if not bot.reasons:
            return Evaluation.BAD, summary(sentences.DEGRADED)
        reason = "; ".join(one.words for one in bot.reasons)
        return Evaluation.BAD, summary(sentences.DEGRADED_BECAUSE, reason=reason)
    return _steady(bot)


def _steady(bot: BotView) -> Finding:
    """The finding for a bot that does not match the rule."""
    if bot.status in _ON_ITS_WAY:
        return Evaluation.HOLD, f"is {bot.status}"
    if bot.status is BotStatus.MAINTENANCE:  # alerts below it still resolve
        return (Evaluation.OK if bot.latency_ms is not None else Evaluation.HOLD), "is in maintenance"
    if bot.status is BotStatus.UNKNOWN:
        return Evaluation.NO_DATA, summary(sentences.NOT_SEEN)
    return Evaluation.OK, ""


def _slow(rule: RuleView, bot: BotView, _: MetricsSnapshot) -> Finding:
    p95_ms = bot.figures.recent_p95_ms if bot.figures else None
    if p95_ms is None:
        return Evaluation.NO_DATA, summary(sentences.NO_ANSWERS)
    is_bad = p95_ms > (rule.threshold or 0)
    p95, limit = f"{p95_ms / 1000:,.1f}", f"{(rule.threshold or 0) / 1000:,.1f}"
    return _finding(is_bad, summary(sentences.SLOW, p95=p95, limit=limit))


def _failing(rule: RuleView, bot: BotView, _: MetricsSnapshot) -> Finding:
    """Uses the same recent calls as the bot's status; an hourly share would fire long after recovery."""
    recent = bot.recent
    if recent is None or recent.calls < MIN_CALLS:
        return Evaluation.NO_DATA, summary(sentences.FEW_ANSWERS)
    limit = rule.threshold or 0
    share = f"{recent.failure_share:.0%}"
    found = summary(sentences.FAILING, share=share, count=recent.calls, limit=f"{limit:.0%}")
    return _finding(recent.failure_share > limit, found)


def _restarts(rule: RuleView, bot: BotView, snapshot: MetricsSnapshot) -> Finding:
    count = snapshot.restarts.get(bot.name, 0)
    return _finding(count > (rule.threshold or 0), summary(sentences.RESTARTED, count=count))


def _quarantined(_: RuleView, bot: BotView, __: MetricsSnapshot) -> Finding:
    return _finding(bot.policy is not None and bot.policy.quarantined_at is not None, summary(sentences.QUARANTINED))


def _no_data(_: RuleView, bot: BotView, __: MetricsSnapshot) -> Finding:
    return _finding(bot.status is BotStatus.UNKNOWN, summary(sentences.NOT_SEEN))


def _service_down(service: ServiceView) -> Finding:
    if service.status is ServiceStatus.UNKNOWN:
        return Evaluation.NO_DATA, summary(sentences.NOT_SEEN)
    return _finding(service.status is ServiceStatus.UNHEALTHY, service.fault)


def _service_no_data(service: ServiceView) -> Finding:
    return _finding(service.status is ServiceStatus.UNKNOWN, summary(sentences.NOT_SEEN))


def _disk(rule: RuleView, snapshot: MetricsSnapshot) -> Finding:
    if snapshot.disk_free is None:
        return Evaluation.NO_DATA, summary(sentences.NO_DISK)
    is_bad = snapshot.disk_free < (rule.threshold or 0)
    return _finding(is_bad, summary(sentences.DISK, share=f"{snapshot.disk_free:.0%}"))


def _loop_lag(rule: RuleView, snapshot: MetricsSnapshot) -> Finding:
    if snapshot.loop_lag_ms is None:
        return Evaluation.NO_DATA, summary(sentences.NO_LOOP_LAG)
    is_bad = snapshot.loop_lag_ms > (rule.threshold or 0)
    lag, limit = f"{snapshot.loop_lag_ms:,.0f}", f"{rule.threshold or 0:,.0f}"
    return _finding(is_bad, summary(sentences.LOOP_LAG, lag=lag, limit=limit))


def _finding(is_bad: bool, summary: str) -> Finding:
    return (Evaluation.BAD, summary) if is_bad else (Evaluation.OK, "")


_BOT_CONDITIONS: Mapping[RuleKind, Callable[[RuleView, BotView, MetricsSnapshot], Finding]] = {
    RuleKind.BOT_DOWN: _down,
    RuleKind.BOT_DEGRADED: _degraded,
    RuleKind.SLOW_P95: _slow,
    RuleKind.ERROR_RATE: _failing,
    RuleKind.RESTARTS: _restarts,
    RuleKind.QUARANTINED: _quarantined,
    RuleKind.NO_DATA: _no_data,
}
_SERVICE_CONDITIONS: Mapping[RuleKind, Callable[[ServiceView], Finding]] = {
    RuleKind.SERVICE_DOWN: _service_down,
    RuleKind.NO_DATA: _service_no_data,
}
