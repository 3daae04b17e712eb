"""Containers as the API gives them."""

from dataclasses import asdict
from datetime import datetime

from pydantic import Field

from chat_api.engine.fact_schemas import ContainerFacts, EnvironmentVariable, HealthResult, MountPoint, PortMapping
from chat_api.http.base_models import Answer


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
    ports: tuple[PortMapping, ...]
    mounts: tuple[MountPoint, ...]
    networks: list[str]
    environment: tuple[EnvironmentVariable, ...]
    restart_policy: str
    memory_limit_bytes: int | None
    cpu_limit: float | None = Field(description="Cores.")
    health_command: str
    health_failures: int
    health_results: tuple[HealthResult, ...]

    @classmethod
    def of(cls, facts: ContainerFacts) -> "ContainerAnswer":
        """The facts as JSON gives them, with what is known of every container."""
        values = asdict(facts)
        del values["values"]
        return cls(**values.pop("view") | values)
