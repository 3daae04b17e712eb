"""The fleet as the browser's board reads it, whole and as increments.

Times are Unix seconds, durations and latencies carry their unit in the name. A heartbeat is
``[checked_at, status, latency_ms]``. In an increment a bot's ``beats`` holds only the new ones.
"""

from datetime import datetime
from typing import Any

from chat_api.schemas.containers import ContainerView
from chat_api.schemas.fleet import BotView, FleetView, Heartbeat, RestartView, ServiceView


def fleet_snapshot(view: FleetView) -> dict[str, Any]:
    """Everything the board shows."""
    return {
        "system": _system(view),
        "services": [_service(service) for service in view.services],
        "bots": [{**_bot(bot), "beats": [_beat(beat) for beat in bot.heartbeats]} for bot in view.bots],
    }


def fleet_patch(before: FleetView, after: FleetView) -> dict[str, Any]:
    """What changed, empty when nothing did. ``order`` is there when bots came or went."""
    patch: dict[str, Any] = {}
    if _system(before) != _system(after):
        patch["system"] = _system(after)
    if before.services != after.services:
        patch["services"] = [_service(service) for service in after.services]
    known = {bot.name: bot for bot in before.bots}
    changed = [_changed_bot(known.get(bot.name), bot) for bot in after.bots if known.get(bot.name) != bot]
    if changed:
        patch["bots"] = changed
    order = [bot.name for bot in after.bots]
    if order != list(known):
        patch["order"] = order
    return patch


def _changed_bot(before: BotView | None, after: BotView) -> dict[str, Any]:
    beats = after.heartbeats
    if before is not None and before.heartbeats and before.heartbeats[-1] in beats:
        new = beats[beats.index(before.heartbeats[-1]) + 1 :]
        return {**_bot(after), "new_beats": [_beat(beat) for beat in new]}
    return {**_bot(after), "beats": [_beat(beat) for beat in beats]}


def _system(view: FleetView) -> dict[str, Any]:
    return {"status": view.status, "headline": view.headline, "problems": view.problems}


def _service(service: ServiceView) -> dict[str, Any]:
    return {
        "name": service.name,
        "title": service.title,
        "status": service.status,
        "latency_ms": service.latency_ms,
        "latencies_ms": service.latencies_ms,
        "checked_at": _seconds(service.last_checked_at),
        "seen_at": _seconds(service.last_seen_at),
        "error": service.error,
    }


def _bot(bot: BotView) -> dict[str, Any]:
    return {
        "name": bot.name,
        "title": bot.display_name,
        "description": bot.description,
        "emoji": bot.emoji,
        "port": bot.port,
        "status": bot.status,
        "checked_at": _seconds(bot.last_checked_at),
        "seen_at": _seconds(bot.last_seen_at),
        "latency_ms": bot.latency_ms,
        "error": bot.error,
        "breaker": bot.breaker,
        "calls": [bot.calls_in_flight, bot.call_slots, bot.calls_waiting],
        "container": _container(bot.container) if bot.container else None,
        "restart": _restart(bot.restart) if bot.restart else None,
    }


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
        "state": restart.state,
        "by": restart.requested_by,
        "requested_at": _seconds(restart.requested_at),
        "finished_at": _seconds(restart.finished_at),
        "estimate_s": restart.estimate_s,
        "duration_s": restart.duration_s,
        "error": restart.error,
    }


def _beat(beat: Heartbeat) -> list[Any]:
    return [_seconds(beat.checked_at), beat.status, beat.latency_ms]


def _seconds(at: datetime | None) -> float | None:
    return at.timestamp() if at else None
