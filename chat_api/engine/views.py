"""From the Docker Engine's JSON to our values. Source: Docker Engine API v1.41, "Containers", "Services", "Events"."""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from chat_api.engine.adopted import AdoptedContainers
from chat_api.engine.ports import SERVICE_LABEL, container_ports, service_ports, variable
from chat_api.engine.schemas import PART_PREFIX, ContainerEvent, ContainerKind, ContainerState, ContainerView

SERVICE_ID_LABEL = "com.docker.swarm.service.id"
# Names that the compose files of both generations use. Source: bot contract, "The fleet as its operator has it".
_CONTAINER_NAMES = (
    re.compile(r"(?:whisperengine-)?([a-z0-9][a-z0-9_-]{0,49}?)-bot"),
    re.compile(r"whisperengine-v2-([a-z0-9][a-z0-9_-]{0,49})"),
    re.compile(r"whisperengine-containerized-(assistant)"),  # v1's single bot
)
# What else a fleet of the second generation runs under such names.
_NO_BOTS = re.compile(r"postgres|qdrant|neo4j|influxdb|grafana|redis|api|(.*[-_])?worker([-_].*)?")
MAX_LABEL_CHARS = 100
_OF_PARTS = frozenset({"stop", "start", "destroy"})
_WITHOUT_EXIT = frozenset({ContainerState.RUNNING, ContainerState.CREATED, ContainerState.UNKNOWN})
_PENDING_TASK_STATES = frozenset({"new", "pending", "assigned", "accepted", "preparing", "ready", "starting"})
Json = Mapping[str, Any]


NONE_ADOPTED = AdoptedContainers()


def bot_of(
    name: str, labels: Json | None, *, label: str, adopted: AdoptedContainers = NONE_ADOPTED
) -> tuple[str, bool] | None:
    """Which bot a container is, and whether it may be acted on: labelled, or adopted. None when it is no bot."""
    labelled = str((labels or {}).get(label, "")).strip().lower()
    if labelled:
        return labelled[:MAX_LABEL_CHARS], True  # the registry says so when it is no name for a bot
    declared = adopted.bots.get(name)
    named = next(filter(None, (pattern.fullmatch(name) for pattern in _CONTAINER_NAMES)), None)
    bot = declared or (named[1] if named and not _NO_BOTS.fullmatch(named[1]) else None)
    return (bot, adopted.has(name, _labels(labels))) if bot else None


def _is_bot(environment: Sequence[str] | None) -> bool:
    """Whether an environment is a bot's: it has a bot's name, and no worker's. Source: bot contract, "not bots"."""
    name = variable(environment, "DISCORD_BOT_NAME")
    return name is not None and not _NO_BOTS.fullmatch(name.lower())


def container_view(
    raw: Json, *, label: str, now: datetime, adopted: AdoptedContainers = NONE_ADOPTED, part: str | None = None
) -> ContainerView | None:
    """One answer of ``GET /containers/{id}/json``; None when it is no bot. ``part``: it is this part of the fleet."""
    config, state = raw["Config"], raw["State"]
    name, labels = str(raw["Name"]).lstrip("/"), _labels(config.get("Labels"))
    bot = (part, adopted.has(name, labels)) if part else bot_of(name, labels, label=label, adopted=adopted)
    if bot is None:
        return None
    status, ports = engine_state(state.get("Status")), container_ports(raw, label=label)
    return ContainerView(
        bot_name=bot[0],
        is_managed=bot[1],
        kind=ContainerKind.CONTAINER,
        id=str(raw["Id"]),
        name=name,
        image=str(config["Image"]),
        image_digest=raw.get("Image"),
        state=status,
        health=_health(state),
        started_at=parse_time(state.get("StartedAt")),
        exit_code=_number(state.get("ExitCode")) if status not in _WITHOUT_EXIT else None,
        oom_killed=bool(state.get("OOMKilled")),
        restart_count=int(raw.get("RestartCount") or 0),
        port=ports.host,
        inner_port=ports.inner,
        service_name=labels.get(SERVICE_LABEL),
        alias=variable(config.get("Env"), "DISCORD_BOT_NAME"),
        stop_timeout_s=_number(config.get("StopTimeout")) or None,  # Podman writes 0 where none was given
        is_bot=_is_bot(config.get("Env")),
        labels=labels,
        last_seen_at=now,
    )


def unread_view(
    raw: Json,
    name: str,
    error: str,
    *,
    label: str,
    now: datetime,
    adopted: AdoptedContainers = NONE_ADOPTED,
    part: str | None = None,
) -> ContainerView | None:
    """One entry of ``GET /containers/json`` whose details cannot be had, for the reason ``error``."""
    labels = _labels(raw.get("Labels"))
    bot = (part, adopted.has(name, labels)) if part else bot_of(name, labels, label=label, adopted=adopted)
    if bot is None:
        return None
    return ContainerView(
        bot_name=bot[0],
        is_managed=bot[1],
        kind=ContainerKind.CONTAINER,
        id=str(raw.get("Id", "")),
        name=name,
        image=str(raw.get("Image", "")),
        state=ContainerState.UNKNOWN,
        error=error,
        labels=labels,
        last_seen_at=now,
    )


def service_view(
    raw: Json,
    tasks: Sequence[Json],
    *,
    label: str,
    now: datetime,
    adopted: AdoptedContainers = NONE_ADOPTED,
    part: str | None = None,
) -> ContainerView | None:
    """One Swarm service with its tasks; None when it is no bot. ``part``: it is this part of the fleet."""
    spec = raw["Spec"]
    labels, template = _labels(spec.get("Labels")), spec["TaskTemplate"]["ContainerSpec"]
    name = str(spec["Name"])
    bot = (part, adopted.has(name, labels)) if part else bot_of(name, labels, label=label, adopted=adopted)
    if bot is None:
        return None
    newest_first = sorted(tasks, key=lambda task: str(task["CreatedAt"]), reverse=True)
    running = [task for task in newest_first if task["Status"]["State"] == "running"]
    ended = [task for task in newest_first if task["DesiredState"] not in {"running", "ready"}]
    ports = service_ports(labels, template.get("Env"), label=label)
    image, _, digest = str(template["Image"]).partition("@")
    return ContainerView(
        bot_name=bot[0],
        is_managed=bot[1],
        kind=ContainerKind.SERVICE,
        id=str(raw["ID"]),
        name=name,
        image=image,
        image_digest=digest or None,
        state=service_state(newest_first, spec["Mode"]),
        started_at=parse_time(running[0]["Status"]["Timestamp"]) if running else None,
        exit_code=None if running or not ended else ended[0]["Status"].get("ContainerStatus", {}).get("ExitCode"),
        restart_count=len(ended),
        port=ports.host,
        inner_port=ports.inner,
        alias=variable(template.get("Env"), "DISCORD_BOT_NAME"),
        is_bot=_is_bot(template.get("Env")),
        stop_timeout_s=(_number(template.get("StopGracePeriod")) or 0) // 1_000_000_000 or None,
        labels=labels,
        last_seen_at=now,
    )


def container_event(
    raw: Json, services: Mapping[str, str], *, label: str, adopted: AdoptedContainers = NONE_ADOPTED
) -> ContainerEvent | None:
    """One line of ``GET /events``; None when it is not about a bot. ``services``: bot names by service id.

    Of any other container, ``part:<name>``, only that somebody stopped it, and since when that counts no more. What is
    run inside a container, such as its health check every few seconds, is no news of it.
    """
    if str(raw.get("Action")).startswith("exec_"):
        return None
    actor = raw["Actor"]
    attributes: Json = actor.get("Attributes") or {}
    service_id = actor["ID"] if raw["Type"] == "service" else attributes.get(SERVICE_ID_LABEL)
    name = services.get(str(service_id)) if service_id else None
    if name is None and not service_id:
        bot = bot_of(str(attributes.get("name", "")), attributes, label=label, adopted=adopted)
        name = bot[0] if bot else None
        if name is None and raw["Action"] in _OF_PARTS:
            name = f"{PART_PREFIX}{attributes.get('name', '')}"
    if name is None:
        return None
    return ContainerEvent(
        bot_name=name,
        action=str(raw["Action"]),
        at=datetime.fromtimestamp(int(raw["timeNano"]) / 1e9, UTC),
        exit_code=_number(attributes.get("exitCode")),
    )


def parse_time(text: object) -> datetime | None:
    """The engine's RFC 3339 time with nanoseconds; its zero time (year 1) means "never"."""
    if not isinstance(text, str) or text.startswith("0001-"):
        return None
    moment = datetime.fromisoformat(re.sub(r"(\.\d{1,6})\d*", r"\1", text))
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _labels(raw: Json | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (raw or {}).items()}


# Podman's words, and Docker's for a container that is going. Source: libpod, "ContainerStatus".
_OTHER_STATES = {
    "removing": ContainerState.DEAD,
    "configured": ContainerState.CREATED,
    "initialized": ContainerState.CREATED,
    "stopping": ContainerState.RUNNING,
    "stopped": ContainerState.EXITED,
}


def engine_state(status: object) -> ContainerState:
    """``unknown`` for a word that no engine we know has: the other containers are read all the same."""
    known = _OTHER_STATES.get(str(status))
    if known is None and str(status) in set(ContainerState):
        known = ContainerState(str(status))
    return known or ContainerState.UNKNOWN


def _number(value: object) -> int | None:
    """A whole number that an engine wrote as one or as text; ``None`` for anything else, an empty text too."""
    text = str(value).strip() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    return int(text) if re.fullmatch(r"-?[0-9]{1,10}", text) else None


def _health(state: Json) -> str | None:
    status = (state.get("Health") or {}).get("Status")
    return None if status in {None, "", "none"} else str(status)


def service_state(tasks: Sequence[Json], mode: Json) -> ContainerState:
    """A stopped service is one of no replicas: the manager soon drops the tasks that it had."""
    states = {task["Status"]["State"] for task in tasks if task["DesiredState"] in {"running", "ready"}}
    if "running" in states:
        return ContainerState.RUNNING
    if states & _PENDING_TASK_STATES:
        return ContainerState.RESTARTING
    is_stopped = mode.get("Replicated", {}).get("Replicas") == 0
    return ContainerState.EXITED if tasks or is_stopped else ContainerState.CREATED
