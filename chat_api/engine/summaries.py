"""One entry of the engine's list, whatever it is. Source: Docker Engine API v1.41, "List containers", "List services".

A list needs no look into a container: no environment, so no passwords, and one call for all of them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from chat_api.engine.adopted import OURS_LABEL, AdoptedContainers, project_of
from chat_api.engine.ports import SERVICE_LABEL
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerSummary, ContainerView
from chat_api.engine.views import bot_of, engine_state, parse_time, service_state, unread_view

_HEALTH = re.compile(r"\((?:health: )?(healthy|unhealthy|starting)\)")
_EXIT = re.compile(r"Exited \((\d{1,3})\)")
Json = Mapping[str, Any]


def container_summary(raw: Json, *, label: str, adopted: AdoptedContainers) -> ContainerSummary | None:
    """One entry of ``GET /containers/json``; None for one without a name."""
    name = next((str(one).lstrip("/") for one in raw.get("Names") or () if str(one).count("/") <= 1), "")
    if not name:
        return None
    labels, said = _labels(raw.get("Labels")), str(raw.get("Status") or "")
    health, code = _HEALTH.search(said), _EXIT.match(said)
    ports = [port for port in raw.get("Ports") or () if port.get("Type", "tcp") == "tcp"]
    created = raw.get("Created")
    return ContainerSummary(
        name=name,
        id=str(raw.get("Id", "")),
        kind=ContainerKind.CONTAINER,
        state=engine_state(raw.get("State")),
        image=str(raw.get("Image", "")),
        health=health[1] if health else None,
        exit_code=int(code[1]) if code else None,
        published=tuple(sorted({int(port["PublicPort"]) for port in ports if port.get("PublicPort")})),
        inner_ports=tuple(sorted({int(port["PrivatePort"]) for port in ports if port.get("PrivatePort")})),
        created_at=datetime.fromtimestamp(created, UTC) if isinstance(created, int) else None,
        **_known(name, labels, label=label, adopted=adopted),
    )


def service_summary(raw: Json, tasks: Sequence[Json], *, label: str, adopted: AdoptedContainers) -> ContainerSummary:
    """One Swarm service with its tasks."""
    spec = raw["Spec"]
    labels, endpoint = _labels(spec.get("Labels")), raw.get("Endpoint") or {}
    ports = [port for port in endpoint.get("Ports") or () if port.get("Protocol", "tcp") == "tcp"]
    newest_first = sorted(tasks, key=lambda task: str(task["CreatedAt"]), reverse=True)
    return ContainerSummary(
        name=str(spec["Name"]),
        id=str(raw["ID"]),
        kind=ContainerKind.SERVICE,
        state=service_state(newest_first, spec["Mode"]),
        exit_code=_exit_code(newest_first, spec["Mode"]),
        image=str(spec["TaskTemplate"]["ContainerSpec"]["Image"]).partition("@")[0],
        published=tuple(sorted({int(port["PublishedPort"]) for port in ports if port.get("PublishedPort")})),
        inner_ports=tuple(sorted({int(port["TargetPort"]) for port in ports if port.get("TargetPort")})),
        created_at=parse_time(raw.get("CreatedAt")),
        **_known(str(spec["Name"]), labels, label=label, adopted=adopted),
    )


def listed_view(
    raw: Json,
    name: str,
    *,
    label: str,
    now: datetime,
    adopted: AdoptedContainers,
    part: str | None = None,
) -> ContainerView | None:
    """One entry of ``GET /containers/json`` as far as the list tells; None when it is no bot and no ``part``."""
    view = unread_view(raw, name, "", label=label, now=now, adopted=adopted, part=part)
    summary = container_summary(raw, label=label, adopted=adopted)
    if view is None or summary is None:
        return None
    only = len(summary.published) == 1
    # Its environment is kept from us: that it is a fleet's bot is told by what its fleet calls it.
    is_bot = part is None and "whisperengine" in f"{name} {summary.project}".lower()
    default_port = (8000 if name.startswith("whisperengine-v2-") else 9090) if is_bot else None
    return replace(
        view,
        error=None,
        state=summary.state,
        health=summary.health,
        exit_code=summary.exit_code,
        port=summary.published[0] if only else None,
        inner_port=summary.inner_ports[0] if len(summary.inner_ports) == 1 else default_port,
        is_bot=is_bot,
        service_name=summary.service or None,
    )


def _known(name: str, labels: Mapping[str, str], *, label: str, adopted: AdoptedContainers) -> dict[str, Any]:
    bot = bot_of(name, labels, label=label, adopted=adopted)
    return {
        "project": project_of(labels),
        "service": labels.get(SERVICE_LABEL, ""),
        "bot": bot[0] if bot else None,
        "is_labelled": bool(labels.get(label, "").strip()),
        "is_adopted": adopted.has(name, labels),
        "is_ours": OURS_LABEL in labels,
    }


def _exit_code(tasks: Sequence[Json], mode: Json) -> int | None:
    """How a service's newest task ended, none running; 0 for one that somebody scaled to nothing."""
    if service_state(tasks, mode) is not ContainerState.EXITED:
        return None
    if mode.get("Replicated", {}).get("Replicas") == 0:
        return 0
    code = tasks[0]["Status"].get("ContainerStatus", {}).get("ExitCode")
    return code if isinstance(code, int) else None


def _labels(raw: Json | None) -> dict[str, str]:
    return {str(key): str(value) for key, value in (raw or {}).items()}
