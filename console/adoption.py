"""``adopt`` and ``proxy-rules``: adoption from the command line, and what the socket proxy may let through."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from uuid import UUID

from chat_api.core.errors import EngineUnavailable
from chat_api.core.principals import Principal
from chat_api.core.settings import Settings
from chat_api.engine.schemas import ContainerKind
from console.migrate import migrate
from console.servers import servers
from console.terminal import say
from models.admins import Role

if TYPE_CHECKING:
    from chat_api.parts.adoption import AdoptionService
    from chat_api.parts.schemas import ProjectView

# Who has a shell on this machine may do it, as with the other commands; the audit says where it came from.
OPERATOR = Principal(
    user_id="command-line",
    username="command line",
    display_name="Command line",
    session_id=UUID(int=0),
    role=Role.ADMIN,
)
# The sample bots that the compose file has: they carry our label.
SAMPLE_BOTS = r"whisperengine-sample-[a-z]+-bot"
_VERSION = r"(/v1\.[0-9]+)?"


async def run_adopt(
    settings: Settings, names: Sequence[str] = (), *, project: str | None = None, undo: bool = False
) -> None:
    """Adopt containers, or a whole compose project, or undo it; without either, list what there is.

    Raises: NotFound, Conflict, EngineUnavailable, EngineFailed, DatabaseUnavailable.
    """
    async with _adoption(settings) as adoption:
        if undo:
            if project is not None:
                names = [one.name for one in adoption.stored if one.project == project]
            changed = await adoption.release(OPERATOR, names)
            say(*(f"{name} is only watched now." for name in changed) if changed else ("Nothing was adopted.",))
        elif names or project is not None:
            changed = await adoption.adopt(OPERATOR, names, project=project)
            say(*(f"Adopted {name}." for name in changed) if changed else ("Already adopted.",))
        else:
            for line in _listing(await adoption.projects(OPERATOR)):
                say(line)


async def run_proxy_rules(settings: Settings) -> None:
    """Print what the socket proxy has to let through, as lines of .env. Raises: as :func:`run_adopt`."""
    async with _adoption(settings) as adoption:
        projects = await adoption.projects(OPERATOR)
    say(*rules(allowed(projects)))


def allowed(projects: "Sequence[ProjectView]") -> list[str]:
    """The containers that the console may act on, by name; a service's may be another container's."""
    return sorted(
        {
            one.name
            for project in projects
            for one in project.containers
            if (one.is_adopted or one.is_labelled) and one.kind is ContainerKind.CONTAINER
        }
    )


def rules(names: Sequence[str]) -> tuple[str, str]:
    """What may be read, and what may be done: one line each. Source: wollomatic/socket-proxy, which anchors them."""
    containers = "|".join([SAMPLE_BOTS, *(re.escape(name) for name in names if not re.fullmatch(SAMPLE_BOTS, name))])
    reading = f"{_VERSION}/(_ping|version|events|containers/json|containers/({containers})/(json|logs|stats))"
    acting = f"{_VERSION}/containers/({containers})/(start|stop|restart)"
    return f"ENGINE_PROXY_GET='{reading}'", f"ENGINE_PROXY_POST='{acting}'"


@asynccontextmanager
async def _adoption(settings: Settings) -> "AsyncIterator[AdoptionService]":
    from chat_api.audit.service import AuditService
    from chat_api.core.database import Database
    from chat_api.engine.client import EngineTls
    from chat_api.engine.docker import DockerEngine
    from chat_api.parts.adoption import AdoptionService

    if settings.docker_host is None:
        raise EngineUnavailable("No container engine is configured (DOCKER_HOST).")
    engine = DockerEngine(settings.docker_host, label=settings.docker_label, tls=EngineTls.of(settings))
    try:
        async with servers(settings, join=True) as where:
            await migrate(where)
            database = Database(where.database_url, pool_size=2)
            try:
                adoption = AdoptionService(
                    database, engine, AuditService(database), projects=settings.adopt_compose_projects
                )
                await adoption.load()
                yield adoption
            finally:
                await database.dispose()
    finally:
        await engine.close()


def _listing(projects: "Sequence[ProjectView]") -> list[str]:
    lines = []
    for project in projects:
        lines.append(f"{project.name or 'without a compose project'}{' (a fleet)' if project.is_fleet else ''}")
        for one in project.containers:
            known = "adopted" if one.is_adopted else "labelled" if one.is_labelled else "watched"
            lines.append(f"  {known:<9} {one.role:<8} {one.state:<10} {one.name}")
    return lines or ["The container engine has no containers."]
