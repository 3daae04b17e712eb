"""Which containers an administrator adopted, and which BOTS_CONFIG names: what an engine may act on beside labels.

One object a process, shared by the engine and by who keeps it up to date. See decision 0057.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from chat_api.core.errors import Conflict
from chat_api.core.language import _
from chat_api.engine.schemas import ContainerView

PROJECT_LABEL = "com.docker.compose.project"
STACK_LABEL = "com.docker.stack.namespace"
OURS_LABEL = "whisperengine.console"


@dataclass(slots=True)
class AdoptedContainers:
    """``names``: the compose project of each adopted container, by its name, empty without a project.

    ``projects`` are adopted as a whole (``ADOPT_COMPOSE_PROJECTS``). ``bots``: which bot a container is, by its name,
    as ``BOTS_CONFIG`` says.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    projects: frozenset[str] = frozenset()
    bots: Mapping[str, str] = field(default_factory=dict)

    def has(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether a container may be acted on. A name that another project uses by now counts no more."""
        if OURS_LABEL in labels:
            return False  # the console does not stop itself, or its database
        project = project_of(labels)
        return self.names.get(name) == project or (bool(project) and project in self.projects)


def project_of(labels: Mapping[str, str]) -> str:
    """The compose project, or the Swarm stack, of a container; empty without one."""
    return str(labels.get(PROJECT_LABEL) or labels.get(STACK_LABEL) or "")


def require_managed(view: ContainerView) -> None:
    """Raises: Conflict for what is neither labelled nor adopted: neither its log nor its insides are read."""
    if not view.is_managed:
        raise Conflict(_("{name} is not adopted, so it is only watched. Adopt it on the Adopt page.", name=view.name))
