"""How a part of the fleet is: by what the engine says of its container, and whether anybody answers at its port."""

import asyncio
import contextlib
from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.language import N_
from chat_api.engine.schemas import CLEAN_EXITS, ContainerState
from chat_api.fleet.reports import ServiceReport
from chat_api.fleet.schemas import PartRole, ServiceStatus, ServiceView
from chat_api.parts.schemas import Part

CONNECT_TIMEOUT_S = 2.0
# A container may publish thousands of ports; nobody waits for all of them.
MAX_ADDRESSES = 8
# A job, and what no bot needs, may be stopped without anything being wrong.
_NEEDED = frozenset({PartRole.STORE})


class Finding(NamedTuple):
    """How a part is; ``fault`` is said after its title, ``error`` is a detail for operators."""

    status: ServiceStatus
    fault: str = "is down"
    error: str | None = None


HEALTHY = Finding(ServiceStatus.HEALTHY)
ASKED_TO_STOP = "somebody stopped it"
_UP = frozenset({ContainerState.RUNNING, ContainerState.RESTARTING, ContainerState.PAUSED})
DONE = Finding(ServiceStatus.HEALTHY, error="exited with code 0")  # a job did what it was for
NO_CONNECTIONS = N_("does not accept connections")


class PartChecks:
    """Looks at parts, and remembers where each of them answered."""

    def __init__(
        self,
        *,
        is_inside: bool,
        was_asked_to_stop: Callable[[str], bool] = lambda _: False,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """``is_inside``: this process is in a container, where others are reached by their names."""
        self._is_inside = is_inside
        self._clock = clock
        self._was_asked_to_stop = was_asked_to_stop
        self._answering: dict[str, tuple[str, int]] = {}
        self._stopped: set[str] = set()
        self._reported: set[str] = set()

    async def report(self, part: Part) -> ServiceReport:
        """How one part is now."""
        self._reported.add(part.key)
        finding, latency_ms = found(part, is_asked=self._is_asked(part)), None
        if finding is HEALTHY and part.recognition.role in {PartRole.STORE, PartRole.SERVICE}:
            latency_ms, finding = await self._connect(part)
        return report_of(part, finding, at=self._clock.now(), latency_ms=latency_ms)

    def recall(self, seen: ServiceView) -> None:
        """What another process saw before this one looked: that it answered once, or was asked to stop."""
        if seen.name in self._reported:
            return
        if seen.error == ASKED_TO_STOP:
            self._stopped.add(seen.name)
        host, _, port = (seen.error or "").rpartition(":")
        if seen.fault == NO_CONNECTIONS and port.isdecimal():
            self._answering.setdefault(seen.name, (host, int(port)))

    def forget(self, key: str) -> None:
        """It is gone."""
        self._answering.pop(key, None)
        self._stopped.discard(key)
        self._reported.discard(key)

    def begin_anew(self) -> None:
        """Others have looked since."""
        self._reported.clear()

    def _is_asked(self, part: Part) -> bool:
        if part.summary.state in _UP:
            self._stopped.discard(part.key)
        return part.key in self._stopped or self._was_asked_to_stop(part.summary.name)

    async def _connect(self, part: Part) -> tuple[float | None, Finding]:
        """How long it takes to be connected. Where nobody ever answered it may be that we cannot get there."""
        addresses = self._addresses(part)
        if (known := self._answering.get(part.key)) not in addresses:
            known = None  # its ports are others now
        ordered = sorted(addresses, key=lambda address: address != known)
        for some in (ordered[:1], ordered[1:MAX_ADDRESSES]):  # where it answered before, then all others at once
            times = await asyncio.gather(*(self._connection_ms(address) for address in some))
            for address, latency_ms in zip(some, times, strict=True):
                if latency_ms is not None:
                    self._answering[part.key] = address
                    return latency_ms, HEALTHY
        if known is None:
            return None, HEALTHY
        error = f"{known[0]}:{known[1]}"
        return None, Finding(ServiceStatus.UNHEALTHY, NO_CONNECTIONS, error)

    async def _connection_ms(self, address: tuple[str, int]) -> float | None:
        started_s = self._clock.monotonic_s()
        is_answering = await _answers(*address)
        return (self._clock.monotonic_s() - started_s) * 1000 if is_answering else None

    def _addresses(self, part: Part) -> list[tuple[str, int]]:
        summary = part.summary
        published = [("localhost", port) for port in summary.published]
        inner = [(name, port) for name in (summary.name, summary.service) if name for port in summary.inner_ports]
        return [*inner, *(("host.docker.internal", port) for _, port in published)] if self._is_inside else published


def found(part: Part, *, is_asked: bool = False) -> Finding:
    """What the engine says of its container. ``is_asked``: somebody asked it to stop."""
    summary, role = part.summary, part.recognition.role
    match summary.state:
        case ContainerState.RUNNING:
            if summary.health == "unhealthy":
                return Finding(ServiceStatus.UNHEALTHY, N_("is unhealthy"), "its own health check fails")
            return HEALTHY
        case ContainerState.RESTARTING:
            return Finding(ServiceStatus.UNHEALTHY, N_("keeps restarting"))
        case ContainerState.PAUSED:
            return Finding(ServiceStatus.UNHEALTHY, N_("is paused"))
        case ContainerState.CREATED:
            return Finding(ServiceStatus.STOPPED)
        case ContainerState.EXITED if summary.exit_code is None and not is_asked and role not in _NEEDED:
            return Finding(ServiceStatus.UNKNOWN)  # an engine may not tell in its list how it ended
        case ContainerState.EXITED | ContainerState.DEAD:
            return _ended(summary.exit_code, role, is_asked=is_asked)
        case ContainerState.MISSING if role is PartRole.JOB:
            return Finding(ServiceStatus.STOPPED)  # it may have been made for one run
        case ContainerState.MISSING:
            return Finding(ServiceStatus.UNHEALTHY, N_("has no container"), "its container was removed")
        case _:
            return Finding(ServiceStatus.UNKNOWN)


def report_of(part: Part, finding: Finding, *, at: datetime, latency_ms: float | None = None) -> ServiceReport:
    """What the fleet is told of a part."""
    return ServiceReport(
        name=part.key,
        title=part.recognition.title,
        status=finding.status,
        checked_at=at,
        latency_ms=latency_ms,
        error=finding.error,
        fault=finding.fault,
        role=part.recognition.role,
        container=part.summary.name,
        project=part.summary.project,
        is_managed=part.summary.is_adopted or part.summary.is_labelled,
    )


def _ended(exit_code: int | None, role: PartRole, *, is_asked: bool) -> Finding:
    if role is PartRole.JOB and exit_code == 0:
        return DONE
    if exit_code in CLEAN_EXITS:
        return Finding(ServiceStatus.UNHEALTHY, N_("is stopped")) if role in _NEEDED else Finding(ServiceStatus.STOPPED)
    if is_asked:  # one that takes no notice is killed in the end: that is no crash
        status = ServiceStatus.UNHEALTHY if role in _NEEDED else ServiceStatus.STOPPED
        return Finding(status, N_("is stopped"), ASKED_TO_STOP)
    error = f"exited with code {exit_code}" if exit_code is not None else "exited"
    return Finding(ServiceStatus.UNHEALTHY, N_("failed") if role is PartRole.JOB else N_("is down"), error)


async def _answers(host: str, port: int) -> bool:
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError):
        return False
    writer.close()
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await writer.wait_closed()
    return True
