"""What the routes of parts and of adoption take and give."""

from datetime import datetime
from typing import Literal

from pydantic import Field, StrictStr

from chat_api.fleet.schemas import ServiceView
from chat_api.http.base_models import Answer, Body
from chat_api.parts.schemas import ProjectView

Action = Literal["restart", "start", "stop"]


class AdoptBody(Body):
    """What to adopt: containers by name, or all of a compose project."""

    names: list[StrictStr] = Field(default_factory=list, max_length=1000, examples=[["whisperengine-v2-elena"]])
    project: StrictStr | None = Field(
        None,
        max_length=255,
        description="All that is there of this compose project; with `names` only these of it.",
        examples=["whisperengine-multi"],
    )


class ReleaseBody(Body):
    """What to adopt no more."""

    names: list[StrictStr] = Field(min_length=1, max_length=1000, examples=[["whisperengine-v2-elena"]])


class NamesAnswer(Answer):
    """The containers that changed."""

    names: tuple[str, ...]


class ProjectList(Answer):
    """Everything that the engine has, by compose project."""

    projects: tuple[ProjectView, ...]


class PartAnswer(Answer):
    """One part of the fleet."""

    container: str
    title: str
    role: str = Field(examples=["worker"])
    project: str
    status: Literal["healthy", "unhealthy", "unknown", "stopped", "not_configured"]
    fault: str | None = Field(None, description="What is wrong with it.", examples=["keeps restarting"])
    error: str | None = None
    latency_ms: float | None = Field(None, description="How long a connection to its port takes, where it has one.")
    last_checked_at: datetime | None = None

    @classmethod
    def of(cls, service: ServiceView) -> "PartAnswer":
        """A part as JSON gives it."""
        return cls(
            container=service.container,
            title=service.title,
            role=service.role.value,
            project=service.project,
            status=service.status.value,
            fault=service.fault if service.status.value == "unhealthy" else None,
            error=service.error,
            latency_ms=service.latency_ms,
            last_checked_at=service.last_checked_at,
        )


class PartList(Answer):
    """The parts of the fleet that are no bots."""

    parts: tuple[PartAnswer, ...]
