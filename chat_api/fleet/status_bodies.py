"""What the API says of how all is: to operators, and to whatever watches this process."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from chat_api.http.base_models import Answer


class SystemState(Answer):
    """How the whole is."""

    status: Literal["healthy", "degraded", "critical"]
    uptime: str = Field(examples=["2d 3h 14m"])
    version: str
    headline: str
    needs_attention: int = Field(description="Bots that are neither well nor in maintenance.")
    alerts_firing: int
    incidents_open: int


class ServiceState(Answer):
    """How a dependency is; ``response_time`` in seconds."""

    status: Literal["healthy", "unhealthy", "unknown", "not_configured", "stopped"]
    response_time: float | None
    fault: str | None = Field(None, description="What is wrong with it.", examples=["takes no writes"])


class PartServiceState(ServiceState):
    """How another part of the fleet is."""

    role: str = Field(description="What it is to the fleet.", examples=["worker"])
    container: str = Field(examples=["whisperengine-v2-postgres"])


class BotState(Answer):
    """How a bot is."""

    display_name: str = Field(examples=["Elena Rodriguez"])
    status: str = Field(examples=["online"])
    reason: str | None = Field(None, description="Why it is not online.")
    health_check: Literal["healthy", "unhealthy", "unknown"]
    port: int | None
    latency_ms: float | None = None
    last_seen_at: datetime | None = None
    container: str | None = Field(None, description="The state of its container, where an engine is configured.")


class StatusAnswer(Answer):
    """Source: specification, ``GET /api/admin/status``."""

    system: SystemState
    services: dict[str, PartServiceState | ServiceState]
    bots: dict[str, BotState]


class HealthAnswer(Answer):
    """Whether this process is alive; with an administrator's token, how its dependencies are."""

    status: Literal["healthy", "degraded", "critical"]
    services: dict[str, PartServiceState | ServiceState] | None = None
    bots: dict[str, str] | None = None


class ReadyAnswer(Answer):
    """Whether this process should get traffic."""

    status: Literal["ready", "not_ready"]
    realtime: Literal["live", "deaf", "away"] = Field(
        description="Wake-ups between processes. `live`: they arrive; `deaf`: they do not; `away`: no Redis."
    )
