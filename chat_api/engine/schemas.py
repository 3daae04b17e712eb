"""Containers and services that run bots, as the container engine tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from chat_api.core.read_models import ReadModel

# Before the name of a container that is a part of the fleet, but no bot.
PART_PREFIX = "part:"
# By itself, or by SIGTERM, as ``docker stop`` ends a process.
CLEAN_EXITS = frozenset({0, 143})


class ContainerKind(StrEnum):
    """What runs the bot: one container, a Swarm service with its tasks, or a process of the demo."""

    CONTAINER = "container"
    SERVICE = "service"
    PROCESS = "process"


class ContainerState(StrEnum):
    """The engine's word for a container's state; ``missing`` and ``unknown`` are ours.

    ``missing``: the engine answers and has no such container any more. ``unknown``: the engine does not answer.
    """

    CREATED = "created"
    RUNNING = "running"
    RESTARTING = "restarting"
    PAUSED = "paused"
    EXITED = "exited"
    DEAD = "dead"
    MISSING = "missing"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerView:
    """One bot's container or service, or another part's: ``bot_name`` is then ``part:`` and the container's name.

    ``is_managed``: it carries the bot label or was adopted, so that it may be restarted; others are only shown.
    ``is_bot``: its environment is a bot's, so that it makes the bot exist without a label, too. ``health`` is the
    engine's own check (``healthy``, ``unhealthy``, ``starting``) or None without one. ``exit_code`` is of the last
    end, None while it runs. ``last_seen_at`` is when the engine last told us this.

    ``port`` is where the host offers it, ``inner_port`` where it listens in its network; both are known of one that is
    stopped, too. ``service_name`` is its name in its compose file, ``alias`` what its environment calls the bot.
    ``stop_timeout_s`` is how long it may take to stop where it was made with such a time. ``error`` is why an engine
    that answers tells nothing of this one. ``was_asked_to_stop``: somebody did, and it has not been started since.
    """

    bot_name: str
    kind: ContainerKind
    id: str
    name: str
    state: ContainerState
    is_managed: bool
    last_seen_at: datetime
    image: str = ""
    image_digest: str | None = None
    health: str | None = None
    started_at: datetime | None = None
    exit_code: int | None = None
    oom_killed: bool = False
    restart_count: int = 0
    port: int | None = None
    inner_port: int | None = None
    service_name: str | None = None
    alias: str | None = None
    stop_timeout_s: int | None = None
    error: str | None = None
    was_asked_to_stop: bool = False
    is_bot: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_stopped(self) -> bool:
        """Whether it was stopped rather than died: by a request that was seen, or by how it ended."""
        is_clean = self.exit_code in CLEAN_EXITS and not self.oom_killed
        return self.state is ContainerState.EXITED and (is_clean or self.was_asked_to_stop)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerEvent:
    """Something that happened to a bot's container; ``action`` is the engine's word (``die``, ``start``, ``oom`` …)."""

    bot_name: str
    action: str
    at: datetime
    exit_code: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerUsage(ReadModel):
    """What a container uses; rates are since the look before, 0 at the first."""

    bot_name: str
    measured_at: datetime
    cpu_percent: Annotated[float, Field(description="Of one core.")]
    memory_bytes: int
    memory_limit_bytes: int | None = None
    received_bytes_per_s: float = 0.0
    sent_bytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerSummary:
    """One container or Swarm service of the engine, whatever it is, from the engine's list.

    ``bot`` is the bot that it is taken for; ``is_labelled``, ``is_adopted`` and ``is_ours`` say why it may, or may not,
    be acted on. ``project`` is its compose project or stack. ``published`` are ports of the host, ``inner_ports`` those
    where it listens itself. ``exit_code`` is of the last end, None while it runs or where the engine does not tell.
    """

    name: str
    id: str
    kind: ContainerKind
    state: ContainerState
    image: str = ""
    health: str | None = None
    exit_code: int | None = None
    project: str = ""
    service: str = ""
    bot: str | None = None
    is_labelled: bool = False
    is_adopted: bool = False
    is_ours: bool = False
    published: tuple[int, ...] = ()
    inner_ports: tuple[int, ...] = ()
    created_at: datetime | None = None
