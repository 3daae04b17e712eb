"""A container or service in detail, from the engine's JSON. Source: Docker Engine API v1.41, "inspect"."""

import contextlib
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from docker.errors import APIError
from pydantic import SecretStr

from chat_api.core.masking import is_harmless_name, mask_secrets
from chat_api.engine import swarm
from chat_api.engine.client import BoundedClient
from chat_api.engine.fact_schemas import (
    ContainerFacts,
    EnvironmentVariable,
    HealthResult,
    MountPoint,
    PortMapping,
)
from chat_api.engine.schemas import ContainerKind, ContainerView
from chat_api.engine.views import SERVICE_ID_LABEL, parse_time

MAX_TEXT_CHARS = 2000
MAX_ENTRIES = 200
MAX_VALUES = 1000
MAX_HEALTH_RESULTS = 5
Json = Mapping[str, Any]


def read_facts(client: BoundedClient, view: ContainerView) -> ContainerFacts:
    """Blocks. Everything about what runs the bot. Raises: docker.errors.NotFound."""
    if view.kind is ContainerKind.SERVICE:
        return _service_facts(client, view)
    raw = client.inspect_container(view.name)
    return _container_facts(raw, view, digest=_digest(client, str(raw.get("Image") or "")))


def _container_facts(raw: Json, view: ContainerView, *, digest: str | None) -> ContainerFacts:
    config, host = raw["Config"], raw.get("HostConfig") or {}
    network = raw.get("NetworkSettings") or {}
    health = (raw.get("State") or {}).get("Health") or {}
    return ContainerFacts(
        view=view,
        created_at=parse_time(raw.get("Created")),
        image_id=raw.get("Image"),
        image_digest=digest,
        command=_command([raw.get("Path") or "", *(raw.get("Args") or ())]),
        ports=tuple(_ports(network.get("Ports") or {}))[:MAX_ENTRIES],
        mounts=tuple(_mounts(raw.get("Mounts") or ()))[:MAX_ENTRIES],
        networks=tuple(sorted(str(name) for name in network.get("Networks") or {}))[:MAX_ENTRIES],
        environment=_environment(config.get("Env")),
        values=_values(config.get("Env")),
        restart_policy=_policy(host.get("RestartPolicy") or {}),
        memory_limit_bytes=int(host.get("Memory") or 0) or None,
        cpu_limit=_cores(host),
        health_command=_health_command(config.get("Healthcheck") or {}),
        health_failures=int(health.get("FailingStreak") or 0),
        health_results=_health_results(health),
    )


def _service_facts(client: BoundedClient, view: ContainerView) -> ContainerFacts:
    raw = swarm.inspect_service(client, view.id)
    task = raw["Spec"]["TaskTemplate"]
    template = task["ContainerSpec"]
    limits = (task.get("Resources") or {}).get("Limits") or {}
    health = _task_health(client, view)
    return ContainerFacts(
        view=view,
        created_at=parse_time(raw.get("CreatedAt")),
        image_id=None,
        image_digest=view.image_digest,
        command=_command([*(template.get("Command") or ()), *(template.get("Args") or ())]),
        ports=tuple(_service_ports((raw.get("Endpoint") or {}).get("Ports") or ()))[:MAX_ENTRIES],
        mounts=tuple(_mounts(template.get("Mounts") or ()))[:MAX_ENTRIES],
        networks=tuple(sorted(set(_task_networks(swarm.tasks_of(client, view.id)))))[:MAX_ENTRIES],
        environment=_environment(template.get("Env")),
        values=_values(template.get("Env")),
        restart_policy=_task_policy(task.get("RestartPolicy") or {}),
        memory_limit_bytes=int(limits.get("MemoryBytes") or 0) or None,
        cpu_limit=int(limits.get("NanoCPUs") or 0) / 1e9 or None,
        health_command=_health_command(template.get("Healthcheck") or {}),
        health_failures=int(health.get("FailingStreak") or 0),
        health_results=_health_results(health),
    )


def _digest(client: Any, image_id: str) -> str | None:
    """The digest that the image was pulled by; None for one built here, and where a proxy keeps images from us."""
    with contextlib.suppress(APIError):
        digests = client.inspect_image(image_id).get("RepoDigests") or ()
        return next((str(found).partition("@")[2] for found in digests), None) or None
    return None


def _task_health(client: BoundedClient, view: ContainerView) -> Json:
    """The health check of the service's newest task on this node, if it runs here."""
    with contextlib.suppress(APIError):
        for summary in client.containers(filters={"label": f"{SERVICE_ID_LABEL}={view.id}"}, limit=1):
            found = client.inspect_container(summary["Id"])["State"].get("Health")
            return dict(found or {})
    return {}


def _command(parts: Sequence[object]) -> str:
    return _text(shlex.join(str(part) for part in parts if part != ""))


def _ports(raw: Json) -> Iterator[PortMapping]:
    for port, bindings in sorted(raw.items()):
        if not bindings:
            yield PortMapping(container=str(port), host=None)
        for binding in bindings or ():
            address = binding.get("HostIp") or "0.0.0.0"
            yield PortMapping(container=str(port), host=f"{address}:{binding.get('HostPort')}")


def _service_ports(raw: Sequence[Json]) -> Iterator[PortMapping]:
    for port in raw:
        published = port.get("PublishedPort")
        yield PortMapping(
            container=f"{port.get('TargetPort')}/{port.get('Protocol', 'tcp')}",
            host=f"{published} ({port.get('PublishMode', 'ingress')})" if published else None,
        )


def _mounts(raw: Sequence[Json]) -> Iterator[MountPoint]:
    for mount in raw:
        is_writable = bool(mount["RW"]) if "RW" in mount else not mount.get("ReadOnly", False)
        yield MountPoint(
            kind=str(mount.get("Type") or "bind"),
            source=_text(mount.get("Name") or mount.get("Source") or ""),
            target=_text(mount.get("Destination") or mount.get("Target") or ""),
            is_writable=is_writable,
        )


def _task_networks(tasks: Sequence[Json]) -> Iterator[str]:
    for task in tasks:
        for attachment in task.get("NetworksAttachments") or ():
            if name := ((attachment.get("Network") or {}).get("Spec") or {}).get("Name"):
                yield str(name)


def _environment(raw: Sequence[str] | None) -> tuple[EnvironmentVariable, ...]:
    variables = (str(line).partition("=") for line in raw or ())
    return tuple(
        EnvironmentVariable(name=_text(name), value=_text(value) if is_harmless_name(name) else None)
        for name, _, value in sorted(variables)[:MAX_ENTRIES]
    )


def _values(raw: Sequence[str] | None) -> dict[str, SecretStr]:
    variables = (str(line).partition("=") for line in raw or ())
    return {name: SecretStr(value) for name, _, value in sorted(variables)[:MAX_VALUES]}


def _policy(raw: Json) -> str:
    name, most = str(raw.get("Name") or "no"), int(raw.get("MaximumRetryCount") or 0)
    return f"{name}, at most {most} times" if most else name


def _task_policy(raw: Json) -> str:
    name, most = str(raw.get("Condition") or "any"), int(raw.get("MaxAttempts") or 0)
    return f"{name}, at most {most} times" if most else name


def _cores(host: Json) -> float | None:
    if nano := int(host.get("NanoCpus") or 0):
        return nano / 1e9
    quota, period = int(host.get("CpuQuota") or 0), int(host.get("CpuPeriod") or 0) or 100_000
    return quota / period if quota > 0 else None


def _health_command(raw: Json) -> str:
    test = [str(part) for part in raw.get("Test") or ()]
    if not test or test[0] == "NONE":
        return ""
    return _text(" ".join(test[1:]) if test[0] in {"CMD", "CMD-SHELL"} else " ".join(test))


def _health_results(health: Json) -> tuple[HealthResult, ...]:
    newest_first = list(health.get("Log") or ())[::-1][:MAX_HEALTH_RESULTS]
    return tuple(
        HealthResult(
            started_at=parse_time(result.get("Start")),
            ended_at=parse_time(result.get("End")),
            exit_code=int(result.get("ExitCode") or 0),
            output=_text(str(result.get("Output") or "").strip()),
        )
        for result in newest_first
    )


def _text(text: object) -> str:
    """Hostile text: masked, without control characters, cut."""
    shown = "".join(character for character in str(text)[: 2 * MAX_TEXT_CHARS] if character >= " " or character == "\n")
    return mask_secrets(shown)[:MAX_TEXT_CHARS]
