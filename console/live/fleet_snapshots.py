"""The fleet as the browser's board reads it, whole and as increments.

Times are Unix seconds to a tenth, durations and latencies carry their unit in the name. A heartbeat is
``[checked_at, status, latency_ms]``; a whole bar is packed, see :func:`packed_beats`. An increment of a bot holds its
name and the fields that changed; of its bar only the new checks, as ``new_beats``.
"""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any, Final

from chat_api.core.language import LANGUAGES, speaking
from chat_api.engine.schemas import ContainerUsage, ContainerView
from chat_api.fleet.headline import system_status
from chat_api.fleet.schemas import (
    BotPolicy,
    BotStatistics,
    BotView,
    FleetView,
    Heartbeat,
    RestartView,
    ServiceView,
    SyntheticCheckView,
)
from chat_api.fleet.views import HEARTBEATS
from console.labels import LETTERS


def fleet_snapshot(view: FleetView) -> dict[str, Any]:
    """Everything the board shows."""
    return {
        "system": _system(view),
        "services": [_service(service) for service in view.services],
        "bots": [_whole_bot(bot) for bot in view.bots],
    }


def fleet_patch(before: FleetView, after: FleetView) -> dict[str, Any]:
    """What changed, empty when nothing did. ``order`` is there when bots came or went."""
    patch: dict[str, Any] = {}
    if _system(before) != _system(after):
        patch["system"] = _system(after)
    if before.services != after.services:
        patch["services"] = [_service(service) for service in after.services]
    known = {bot.name: bot for bot in before.bots}
    changed = [change for bot in after.bots if (change := _change(known.get(bot.name), bot))]
    if changed:
        patch["bots"] = changed
    order = [bot.name for bot in after.bots]
    if order != list(known):
        patch["order"] = order
    return patch


def packed_heartbeats(heartbeats: Iterable[Heartbeat]) -> list[Any]:
    """A bar in a third of the room: ``[first, gaps, letters, latencies_ms]``, times in tenths of seconds."""
    gaps: list[int] = []
    letters: list[str] = []
    latencies: list[float | None] = []
    first = previous = 0
    for heartbeat in heartbeats:
        at = round(heartbeat.checked_at.timestamp() * 10)
        if not letters:
            first = previous = at
        gaps.append(at - previous)
        previous = at
        letters.append(LETTERS[heartbeat.status])
        latencies.append(_short(heartbeat.latency_ms))
    return [first, gaps, "".join(letters), latencies]


def _change(before: BotView | None, after: BotView) -> dict[str, Any] | None:
    """Most of what one bot's view holds is the very same object as before, so that to compare costs next to nothing."""
    if before is after:
        return None
    if before is None:
        return _whole_bot(after)
    change: dict[str, Any] = {}
    for key, read, encode in _FIELDS:
        was, now = read(before), read(after)
        if was is not now and was != now:
            change[key] = encode(now)
    change |= _new_heartbeats(before.heartbeats, after.heartbeats)
    return {"name": after.name, **change} if change else None


def _new_heartbeats(before: tuple[Heartbeat, ...], after: tuple[Heartbeat, ...]) -> dict[str, Any]:
    """Those after the last one that was known; all of them where the bar is another one."""
    if before is after:
        return {}
    if before and after:
        new = next((n for n in range(len(after)) if _is_same(after[-1 - n], before[-1])), None)
        if new is not None and len(after) == min(HEARTBEATS, len(before) + new):
            kept = len(after) - new
            if kept and all(map(_is_same, after[:kept], before[-kept:])):
                return {"new_beats": [_heartbeat(heartbeat) for heartbeat in after[kept:]]} if new else {}
    return {"beats": packed_heartbeats(after)} if before != after else {}


def _is_same(one: Heartbeat, other: Heartbeat) -> bool:
    return one is other or one == other


def _system(view: FleetView) -> dict[str, Any]:
    return {
        "status": view.status,
        "headline": _headlines(view),
        "problems": view.problems,
        "attention": view.attention,
        "alerts": len(view.alerts),
        "incidents": len(view.incidents),
    }


def _headlines(view: FleetView) -> dict[str, str]:
    """The banner's line in every language: a snapshot is made once, for all who look."""
    lines = {}
    for code in LANGUAGES:
        with speaking(code):
            lines[code] = system_status(view.bots, view.services, alerts=view.alerts, incidents=view.incidents)[1]
    return lines


def _service(service: ServiceView) -> dict[str, Any]:
    return {
        "name": service.name,
        "title": service.title,
        "status": service.status,
        "latency_ms": _short(service.latency_ms),
        "latencies_ms": [_short(latency_ms) for latency_ms in service.latencies_ms],
        "checked_at": _seconds(service.last_checked_at),
        "seen_at": _seconds(service.last_seen_at),
        "error": service.error,
        "fault": service.fault,
        "role": service.role,
        "container": service.container,
        "queue": _queue(service),
        "percentiles_ms": [_short(service.p50_ms), _short(service.p95_ms), _short(service.p99_ms)],
    }


def _queue(service: ServiceView) -> dict[str, Any] | None:
    """How long a queue is; of other dependencies nothing."""
    queue = service.queue
    return {"depth": queue.depth, "oldest_s": _short(queue.oldest_job_s)} if queue is not None else None


def _whole_bot(bot: BotView) -> dict[str, Any]:
    whole: dict[str, Any] = {"name": bot.name}
    for key, read, encode in _FIELDS:
        whole[key] = encode(read(bot))
    return {**whole, "beats": packed_heartbeats(bot.heartbeats)}


def _container(container: ContainerView) -> dict[str, Any]:
    return {
        "name": container.name,
        "kind": container.kind,
        "state": container.state,
        "health": container.health,
        "image": container.image,
        "is_managed": container.is_managed,
        "started_at": _seconds(container.started_at),
        "exit_code": container.exit_code,
        "oom_killed": container.oom_killed,
        "restart_count": container.restart_count,
    }


def _restart(restart: RestartView) -> dict[str, Any]:
    return {
        "id": str(restart.restart_id),
        "action": restart.action,
        "state": restart.state,
        "by": restart.requested_by,
        "requested_at": _seconds(restart.requested_at),
        "finished_at": _seconds(restart.finished_at),
        "estimate_s": restart.estimate_s,
        "duration_s": restart.duration_s,
        "error": restart.error,
    }


def _statistics(statistics: BotStatistics) -> list[float | None]:
    """``[uptime 24 h, 7 d, 30 d, p50, p95, p99 in ms, messages a minute, error rate]``; uptimes and rate are shares."""
    return [
        _share(statistics.uptime_24h),
        _share(statistics.uptime_7d),
        _share(statistics.uptime_30d),
        _short(statistics.p50_ms),
        _short(statistics.p95_ms),
        _short(statistics.p99_ms),
        round(statistics.messages_per_min, 2),
        _share(statistics.error_rate),
    ]


def _usage(usage: ContainerUsage) -> list[float | None]:
    """``[measured_at, CPU in percent of a core, memory, its limit, received, sent]``, in bytes and bytes a second."""
    return [
        _seconds(usage.measured_at),
        round(usage.cpu_percent, 1),
        usage.memory_bytes,
        usage.memory_limit_bytes,
        round(usage.received_bytes_per_s),
        round(usage.sent_bytes_per_s),
    ]


def _check(check: SyntheticCheckView) -> list[Any]:
    """``[is_answered, checked_at, latency_ms, error]``."""
    return [check.is_answered, _seconds(check.checked_at), _short(check.latency_ms), check.error]


def _policy(policy: BotPolicy) -> dict[str, Any]:
    return {
        "since": _seconds(policy.maintenance_since),
        "until": _seconds(policy.maintenance_until),
        "reason": policy.maintenance_reason,
        "is_synthetic_check_on": policy.is_synthetic_check_on,
        "is_healed": policy.is_auto_healed,
        "quarantined_at": _seconds(policy.quarantined_at),
        "quarantine_reason": policy.quarantine_reason,
    }


def _heartbeat(heartbeat: Heartbeat) -> list[Any]:
    return [round(heartbeat.checked_at.timestamp() * 10) / 10, heartbeat.status, _short(heartbeat.latency_ms)]


def _seconds(at: datetime | None) -> float | None:
    return round(at.timestamp(), 1) if at else None


def _short(latency_ms: float | None) -> float | None:
    """Three digits are what a reader sees."""
    if latency_ms is None:
        return None
    return round(latency_ms, 1) if latency_ms < 100 else round(latency_ms)


def _share(share: float | None) -> float | None:
    return None if share is None else round(share, 6)


def _same(value: Any) -> Any:
    return value


def _maybe(encode: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda value: None if value is None else encode(value)


# What a bot's row holds: its key in the message, where it comes from, and how it is written.
_FIELDS: Final[tuple[tuple[str, Callable[[BotView], Any], Callable[[Any], Any]], ...]] = (
    ("title", lambda bot: bot.display_name, _same),
    ("description", lambda bot: bot.description, _same),
    ("emoji", lambda bot: bot.emoji, _same),
    ("port", lambda bot: bot.port, _same),
    ("contract", lambda bot: bot.contract, _same),
    ("status", lambda bot: bot.shown, _same),
    ("faults", lambda bot: tuple(reason.fault for reason in bot.reasons), _same),
    ("checked_at", lambda bot: bot.last_checked_at, _seconds),
    ("seen_at", lambda bot: bot.last_seen_at, _seconds),
    ("latency_ms", lambda bot: bot.latency_ms, _short),
    ("error", lambda bot: bot.error, _same),
    ("breaker", lambda bot: bot.breaker, _same),
    ("calls", lambda bot: (bot.calls_in_flight, bot.call_slots, bot.calls_waiting), _same),
    ("container", lambda bot: bot.container, _maybe(_container)),
    ("restart", lambda bot: bot.restart, _maybe(_restart)),
    ("figures", lambda bot: bot.figures, _maybe(_statistics)),
    ("usage", lambda bot: bot.usage, _maybe(_usage)),
    ("synthetic_check", lambda bot: bot.synthetic_check, _maybe(_check)),
    ("policy", lambda bot: bot.policy, _maybe(_policy)),
    ("cause", lambda bot: bot.cause, _same),
    ("is_declared", lambda bot: bot.declared_by is not None, _same),
)
