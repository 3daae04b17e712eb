"""What a container or service is made of, and how it does, as the container engine tells it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from pydantic import SecretStr

from chat_api.core.read_models import ReadModel
from chat_api.engine.schemas import ContainerView


@dataclass(frozen=True, slots=True, kw_only=True)
class PortMapping(ReadModel):
    """A port of the container, and where the host offers it, if it does."""

    container: str
    host: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class MountPoint(ReadModel):
    """A volume or folder of the host inside the container."""

    kind: str
    source: str
    target: str
    is_writable: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentVariable(ReadModel):
    """One variable of the environment; without a value where it is kept back, as all are that may hold a secret."""

    name: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class HealthResult(ReadModel):
    """One run of the engine's own health check; its output is hostile text, masked and cut."""

    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int
    output: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerFacts:
    """One bot's container or service in detail. ``cpu_limit`` is in cores, sizes are bytes; None: none or unknown.

    ``environment`` is for showing. ``values`` are all of its values, for who compares them: never shown, never stored.
    """

    view: ContainerView
    created_at: datetime | None
    image_id: str | None
    image_digest: str | None
    command: str
    ports: tuple[PortMapping, ...] = ()
    mounts: tuple[MountPoint, ...] = ()
    networks: tuple[str, ...] = ()
    environment: tuple[EnvironmentVariable, ...] = ()
    restart_policy: str = ""
    memory_limit_bytes: int | None = None
    cpu_limit: float | None = None
    health_command: str = ""
    health_failures: int = 0
    health_results: tuple[HealthResult, ...] = ()
    values: Mapping[str, SecretStr] = field(default_factory=dict, repr=False)
