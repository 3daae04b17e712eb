"""What a container uses, from one look; rates need the look before, which is kept.

Source: Docker Engine API v1.41, "Get container stats based on resource usage".
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from chat_api.core.errors import NotFound
from chat_api.engine.client import BoundedClient
from chat_api.engine.schemas import ContainerKind, ContainerUsage, ContainerView
from chat_api.engine.views import SERVICE_ID_LABEL, parse_time

MAX_KEPT = 2000
ONE_SHOT_SINCE = (1, 41)
Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One look at one container: totals since its start."""

    container_id: str
    at: datetime
    cpu_ns: int
    memory_bytes: int
    memory_limit_bytes: int | None
    received_bytes: int
    sent_bytes: int


class UsageMeter:
    """Keeps the last look at every container."""

    def __init__(self) -> None:
        self._last: dict[str, Sample] = {}

    def measure(self, client: BoundedClient, view: ContainerView) -> ContainerUsage:
        """Blocks. Look once at what runs the bot on this node. The first look knows no rates: they are 0.

        Raises: NotFound when nothing of it runs here.
        """
        pairs = []
        for name in _running(client, view):
            sample = _sample(_stats(client, name), now=view.last_seen_at)
            pairs.append((sample, self._last.get(sample.container_id)))
            self._keep(sample)
        if not pairs:
            raise NotFound("Nothing of this bot runs on the engine's node.")
        limits = [now.memory_limit_bytes for now, _ in pairs]
        return ContainerUsage(
            bot_name=view.bot_name,
            measured_at=max(now.at for now, _ in pairs),
            cpu_percent=round(sum(_rate(now, before, "cpu_ns") for now, before in pairs) / 1e7, 2),
            memory_bytes=sum(now.memory_bytes for now, _ in pairs),
            memory_limit_bytes=sum(limit or 0 for limit in limits) if all(limits) else None,
            received_bytes_per_s=round(sum(_rate(now, before, "received_bytes") for now, before in pairs), 1),
            sent_bytes_per_s=round(sum(_rate(now, before, "sent_bytes") for now, before in pairs), 1),
        )

    def _keep(self, sample: Sample) -> None:
        self._last.pop(sample.container_id, None)
        self._last[sample.container_id] = sample
        while len(self._last) > MAX_KEPT:
            self._last.pop(next(iter(self._last)))


def _running(client: BoundedClient, view: ContainerView) -> list[str]:
    if view.kind is ContainerKind.CONTAINER:
        return [view.name]
    filters = {"label": f"{SERVICE_ID_LABEL}={view.id}", "status": "running"}
    return [str(summary["Names"][0]).lstrip("/") for summary in client.containers(filters=filters)]


def _stats(client: BoundedClient, name: str) -> Json:
    """One answer of the engine, without its second of waiting for a second sample."""
    params: dict[str, Any] = {"stream": "false"}
    if tuple(int(part) for part in client.api_version.split(".")) >= ONE_SHOT_SINCE:
        params["one-shot"] = "true"
    url = f"{client.base_url}/v{client.api_version}/containers/{name}/stats"
    response = client.get(url, params=params, timeout=client.timeout)
    if response.status_code == 404:
        raise NotFound("The container engine has no such container.")
    response.raise_for_status()
    return dict(response.json())


def _sample(raw: Json, *, now: datetime) -> Sample:
    memory, networks = raw.get("memory_stats") or {}, raw.get("networks") or {}
    details = memory.get("stats") or {}
    # What the kernel would give back at once is not used. Source: Docker CLI, "docker stats", memory usage.
    cache = int(details.get("inactive_file") or details.get("total_inactive_file") or 0)
    if not memory.get("usage") and not (raw.get("cpu_stats") or {}).get("cpu_usage", {}).get("total_usage"):
        raise NotFound("The container is not running.")
    return Sample(
        container_id=str(raw.get("id") or raw.get("name")),
        at=parse_time(raw.get("read")) or now,
        cpu_ns=int(raw["cpu_stats"]["cpu_usage"]["total_usage"]),
        memory_bytes=max(0, int(memory.get("usage") or 0) - cache),
        memory_limit_bytes=int(memory.get("limit") or 0) or None,
        received_bytes=sum(int(network["rx_bytes"]) for network in networks.values()),
        sent_bytes=sum(int(network["tx_bytes"]) for network in networks.values()),
    )


def _rate(now: Sample, before: Sample | None, name: str) -> float:
    """How much of a total came a second; 0 where that cannot be known, as after a restart."""
    if before is None or (passed_s := (now.at - before.at).total_seconds()) <= 0:
        return 0.0
    return max(0.0, float(getattr(now, name) - getattr(before, name)) / passed_s)
