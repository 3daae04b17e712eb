"""Containers as the API gives them."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field

from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.http.base_models import Answer


class Port(Answer):
    """A port, and where the host offers it."""

    container: str
    host: str | None


class Mount(Answer):
    """A volume or folder of the host."""

    kind: str
    source: str
    target: str
    is_writable: bool


class Variable(Answer):
    """One variable of the environment; without a value where it is kept back."""

    name: str
    value: str | None


class HealthEntry(Answer):
    """One run of the engine's health check."""

    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int
    output: str


class ContainerAnswer(Answer):
    """What runs a bot."""

    bot_name: str
    kind: str
    id: str
    name: str
    image: str
    image_id: str | None
    image_digest: str | None
    state: str
    health: str | None
    is_managed: bool
    created_at: datetime | None
    started_at: datetime | None
    restart_count: int
    exit_code: int | None
    oom_killed: bool
    command: str
    ports: list[Port]
    mounts: list[Mount]
    networks: list[str]
    environment: list[Variable]
    restart_policy: str
    memory_limit_bytes: int | None
    cpu_limit: float | None = Field(description="Cores.")
    health_command: str
    health_failures: int
    health_results: list[HealthEntry]

    @classmethod
    def of(cls, facts: ContainerFacts) -> "ContainerAnswer":
        """The facts as JSON gives them, with what is known of every container."""
        values = asdict(facts)
        return cls(**values.pop("view") | values)


class ContainerUsageAnswer(Answer):
    """What a container uses; rates are since the look before, 0 at the first."""

    bot_name: str
    measured_at: datetime
    cpu_percent: float = Field(description="Of one core.")
    memory_bytes: int
    memory_limit_bytes: int | None
    received_bytes_per_s: float
    sent_bytes_per_s: float
