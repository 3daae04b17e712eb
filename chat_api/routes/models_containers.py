"""What the API gives of logs and containers."""

from datetime import datetime

from pydantic import BaseModel, Field

from chat_api.schemas.container_facts import ContainerFacts
from chat_api.schemas.fleet import ContainerUsage
from chat_api.schemas.logs import LogCounts, LogLine


class LogEntry(BaseModel):
    """One line, masked."""

    at: datetime
    bot_name: str = Field(examples=["elena"])
    stream: str = Field(examples=["stdout"])
    level: str = Field(description="`debug`, `info`, `warning`, `error` or `other`.", examples=["error"])
    text: str = Field(description="Without colours; at most 4,000 characters.")


class LogAnswer(BaseModel):
    """A piece of history, oldest first."""

    lines: list[LogEntry]
    is_cut: bool = Field(description="There is more in the span.")
    failures: dict[str, str] = Field(description="Bots whose log could not be read, and why.")


class Port(BaseModel):
    """A port, and where the host offers it."""

    container: str
    host: str | None


class Mount(BaseModel):
    """A volume or folder of the host."""

    kind: str
    source: str
    target: str
    is_writable: bool


class Variable(BaseModel):
    """One variable of the environment; without a value where it is kept back."""

    name: str
    value: str | None


class HealthEntry(BaseModel):
    """One run of the engine's health check."""

    started_at: datetime | None
    ended_at: datetime | None
    exit_code: int
    output: str


class ContainerAnswer(BaseModel):
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


class UsageAnswer(BaseModel):
    """What a container uses; rates are since the look before, 0 at the first."""

    bot_name: str
    measured_at: datetime
    cpu_percent: float = Field(description="Of one core.")
    memory_bytes: int
    memory_limit_bytes: int | None
    received_bytes_per_s: float
    sent_bytes_per_s: float


def log_entry(line: LogLine) -> LogEntry:
    """A line as the API gives it."""
    return LogEntry(at=line.at, bot_name=line.bot_name, stream=line.stream, level=line.level, text=line.plain)


def counts_data(counts: LogCounts) -> dict[str, int]:
    """The counter of a stream: ``emitted = shown + dropped + waiting``."""
    return {
        "emitted": counts.emitted,
        "shown": counts.shown,
        "dropped": counts.dropped,
        "waiting": counts.waiting,
    }


def container_answer(facts: ContainerFacts) -> ContainerAnswer:
    """Facts as the API gives them."""
    view = facts.view
    return ContainerAnswer(
        bot_name=view.bot_name,
        kind=view.kind,
        id=view.id,
        name=view.name,
        image=view.image,
        image_id=facts.image_id,
        image_digest=facts.image_digest,
        state=view.state,
        health=view.health,
        is_managed=view.is_managed,
        created_at=facts.created_at,
        started_at=view.started_at,
        restart_count=view.restart_count,
        exit_code=view.exit_code,
        oom_killed=view.oom_killed,
        command=facts.command,
        ports=[Port(container=port.container, host=port.host) for port in facts.ports],
        mounts=[
            Mount(kind=mount.kind, source=mount.source, target=mount.target, is_writable=mount.is_writable)
            for mount in facts.mounts
        ],
        networks=list(facts.networks),
        environment=[Variable(name=one.name, value=one.value) for one in facts.environment],
        restart_policy=facts.restart_policy,
        memory_limit_bytes=facts.memory_limit_bytes,
        cpu_limit=facts.cpu_limit,
        health_command=facts.health_command,
        health_failures=facts.health_failures,
        health_results=[
            HealthEntry(
                started_at=result.started_at,
                ended_at=result.ended_at,
                exit_code=result.exit_code,
                output=result.output,
            )
            for result in facts.health_results
        ],
    )


def usage_answer(usage: ContainerUsage) -> UsageAnswer:
    """Figures as the API gives them."""
    return UsageAnswer(
        bot_name=usage.bot_name,
        measured_at=usage.measured_at,
        cpu_percent=usage.cpu_percent,
        memory_bytes=usage.memory_bytes,
        memory_limit_bytes=usage.memory_limit_bytes,
        received_bytes_per_s=usage.received_bytes_per_s,
        sent_bytes_per_s=usage.sent_bytes_per_s,
    )
