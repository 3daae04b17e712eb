"""Parts of a fleet, and what of an engine can be adopted."""

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from chat_api.core.language import _
from chat_api.core.read_models import ReadModel
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerSummary
from chat_api.fleet.schemas import PartRole


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a container seems to be, and why: ``reason`` is a text to translate, ``clue`` what it is filled with."""

    role: PartRole
    title: str
    reason: str
    clue: str = ""

    @property
    def why(self) -> str:
        """The reason, in the language of who reads it."""
        return _(self.reason, clue=self.clue)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A container of a fleet that is no bot. ``key`` is its name among the services of the fleet."""

    key: str
    summary: ContainerSummary
    recognition: Recognition


@dataclass(frozen=True, slots=True, kw_only=True)
class AdoptedContainer:
    """A container that an administrator adopted."""

    name: str
    project: str
    adopted_at: datetime
    adopted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate(ReadModel):
    """One container of the engine, and whether the console may act on it."""

    name: str
    kind: ContainerKind
    state: ContainerState
    image: str
    project: Annotated[str, Field(description="Its compose project or stack; empty without one.")]
    service: Annotated[str, Field(description="Its name in its compose file.")]
    role: PartRole
    title: str
    why: Annotated[str, Field(description="What it was recognised by.")]
    bot_name: str | None = None
    is_adopted: bool = False
    is_labelled: Annotated[bool, Field(description="It carries our label, which is as good as being adopted.")] = False
    is_by_setting: Annotated[bool, Field(description="Adopted by `ADOPT_COMPOSE_PROJECTS`, and undone only there.")] = (
        False
    )
    is_missing: Annotated[bool, Field(description="Adopted, and gone from the engine.")] = False
    adopted_by: str | None = None
    adopted_at: datetime | None = None

    @property
    def may_be_adopted(self) -> bool:
        """Whether adopting it would change anything."""
        return not (self.is_adopted or self.is_labelled or self.role is PartRole.CONSOLE)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProjectView(ReadModel):
    """A compose project, or all containers without one (``name`` is empty). ``is_fleet``: a bot is in it."""

    name: str
    is_fleet: bool
    containers: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PartState(ReadModel):
    """A part of the fleet after something was done with it."""

    name: str
    state: ContainerState
    health: str | None = None
    is_managed: bool = False
