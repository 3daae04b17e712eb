"""Adoption: an administrator says which containers the console may start, stop and restart. See decision 0057.

What a container engine has is more than a fleet, and much of it is none of our business. So the console acts only on
what carries its label or was adopted here; everything else it can see, at the most.
"""

import asyncio
from collections import defaultdict
from collections.abc import Sequence

from chat_api.audit.service import AuditService
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.errors import AppError, Conflict, InvalidInput, NotFound
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.pubsub import PubSub
from chat_api.core.text import cleaned
from chat_api.engine.interface import ContainerEngine
from chat_api.engine.schemas import ContainerKind, ContainerState, ContainerSummary
from chat_api.fleet.schemas import PartRole
from chat_api.parts import repository as adoptions
from chat_api.parts.recognition import fleet_projects, recognise
from chat_api.parts.schemas import AdoptedContainer, Candidate, ProjectView

log = get_logger(__name__)

CHANGED = "adoption_changed"
MAX_AT_ONCE = 1000
MAX_TARGET_CHARS = 100
# Bots before what they need, and that before the rest.
_ORDER = (
    PartRole.BOT,
    PartRole.WORKER,
    PartRole.STORE,
    PartRole.SERVICE,
    PartRole.JOB,
    PartRole.OTHER,
    PartRole.CONSOLE,
)


class AdoptionService:
    """Keeps ``engine.adopted`` as it is stored. ``changed`` is set when that changed, here or in another process."""

    def __init__(
        self,
        database: Database,
        engine: ContainerEngine,
        audit: AuditService,
        pubsub: PubSub | None = None,
        *,
        projects: Sequence[str] = (),
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        """``projects`` are compose projects that are adopted as a whole, by the operator's setting.

        Without ``pubsub`` other processes find out within half a minute.
        """
        self._database = database
        self._engine = engine
        self._audit = audit
        self._pubsub = pubsub
        self._clock = clock
        self._stored: dict[str, AdoptedContainer] = {}
        engine.adopted.projects = frozenset(projects)
        self.changed = asyncio.Event()
        if pubsub is not None:
            pubsub.subscribe(CHANGED, lambda _: self.changed.set())

    @property
    def stored(self) -> tuple[AdoptedContainer, ...]:
        """What was adopted one by one, by name, as this process last read it."""
        return tuple(self._stored[name] for name in sorted(self._stored))

    async def load(self) -> bool:
        """Read what is stored. Returns whether it changed; while the database is away, what was read before counts."""
        self.changed.clear()
        try:
            async with self._database.read() as connection:
                stored = {one.name: one for one in await adoptions.adopted(connection)}
        except AppError as error:
            log.warning("adopted_containers_not_read", detail=error.detail)
            return False
        is_changed = stored != self._stored
        self._stored = stored
        self._engine.adopted.names = {one.name: one.project for one in stored.values()}
        return is_changed

    async def projects(self, principal: Principal) -> tuple[ProjectView, ...]:
        """Everything that the engine has, by compose project: fleets first, our own last.

        Raises: PermissionDenied, NotAuthenticated, EngineUnavailable, EngineFailed.
        """
        principal.require(Permission.VIEW_FLEET)
        summaries = await self._engine.list_containers()
        fleets = fleet_projects(summaries)
        by_project: dict[str, list[Candidate]] = defaultdict(list)
        for summary in summaries:
            by_project[summary.project].append(self._candidate(summary))
        listed = {summary.name for summary in summaries}
        for one in self._stored.values():
            if one.name not in listed:
                by_project[one.project].append(_missing(one))
        views = [
            ProjectView(
                name=name,
                is_fleet=name in fleets,
                containers=tuple(sorted(found, key=lambda one: (_ORDER.index(one.role), one.name))),
            )
            for name, found in by_project.items()
        ]
        return tuple(sorted(views, key=lambda view: (not view.is_fleet, _is_ours(view), not view.name, view.name)))

    async def adopt(
        self, principal: Principal, names: Sequence[str] = (), *, project: str | None = None
    ) -> tuple[str, ...]:
        """Adopt containers by name, or all of a compose project that are there now. Returns those that were new.

        With both only what has this name in this project: what somebody saw, whatever has come since.

        Raises: PermissionDenied, NotAuthenticated, NotFound, Conflict (one of the console's own), InvalidInput,
        EngineUnavailable, EngineFailed.
        """
        target = _target([project] if project and len(names) != 1 else names)
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, target)
        if len(names) > MAX_AT_ONCE:
            raise InvalidInput(_("at most {most} at once", most=MAX_AT_ONCE), field="names")
        known = {summary.name: summary for summary in await self._engine.list_containers()}
        wanted = self._wanted(known, names, project)
        new = [one for one in wanted if not (one.is_adopted or one.is_labelled)]
        if new:
            at, by = self._clock.now(), principal.username
            rows = [AdoptedContainer(name=one.name, project=one.project, adopted_at=at, adopted_by=by) for one in new]
            adopted = sorted(one.name for one in new)
            async with self._database.write() as connection:
                await adoptions.adopt(connection, rows)
                details = {"containers": adopted}
                await self._audit.record(principal, "containers.adopt", target, details=details, connection=connection)
            await self._tell()
        return tuple(sorted(one.name for one in new))

    async def release(self, principal: Principal, names: Sequence[str]) -> tuple[str, ...]:
        """Undo it: from now on these are only watched. Returns those that were adopted.

        What the setting adopts stays adopted. Raises: PermissionDenied, NotAuthenticated.
        """
        await self._audit.require(principal, Permission.MANAGE_SETTINGS, _target(names))
        await self.load()
        names = [name for name in names if name in self._stored]
        async with self._database.write() as connection:
            released = await adoptions.release(connection, names)
            if released:
                details = {"containers": list(released)}
                await self._audit.record(
                    principal, "containers.release", _target(released), details=details, connection=connection
                )
        await self._tell()
        return released

    def _wanted(
        self, known: dict[str, ContainerSummary], names: Sequence[str], project: str | None
    ) -> list[ContainerSummary]:
        if not names:
            wanted = [one for one in known.values() if one.project == project and not one.is_ours]
            if not wanted or not project:
                raise NotFound("The container engine has no such compose project.")
            return wanted
        there = {name for name, one in known.items() if project is None or one.project == project}
        if missing := [name for name in names if name not in there]:
            raise NotFound(_("The container engine has no container {name}.", name=cleaned(missing[0], max_chars=100)))
        wanted = [known[name] for name in dict.fromkeys(names)]
        if ours := [one.name for one in wanted if one.is_ours and not one.is_labelled]:
            raise Conflict(_("{name} belongs to this console, which does not restart itself.", name=ours[0]))
        return wanted

    async def _tell(self) -> None:
        await self.load()
        self.changed.set()
        if self._pubsub is not None:
            self._pubsub.publish(CHANGED, None)

    def _candidate(self, summary: ContainerSummary) -> Candidate:
        recognition, stored = recognise(summary), self._stored.get(summary.name)
        is_stored = stored is not None and stored.project == summary.project
        return Candidate(
            name=summary.name,
            kind=summary.kind,
            state=summary.state,
            image=summary.image,
            project=summary.project,
            service=summary.service,
            role=recognition.role,
            title=recognition.title,
            why=recognition.why,
            bot_name=summary.bot,
            is_adopted=summary.is_adopted,
            is_labelled=summary.is_labelled,
            is_by_setting=summary.is_adopted and not is_stored,
            adopted_by=stored.adopted_by if stored and is_stored else None,
            adopted_at=stored.adopted_at if stored and is_stored else None,
        )


def _target(names: Sequence[str]) -> str:
    """What the audit names; it may be anything that somebody sent."""
    return cleaned(", ".join(names), max_chars=MAX_TARGET_CHARS)


def _missing(one: AdoptedContainer) -> Candidate:
    absent = ContainerSummary(
        name=one.name, id="", kind=ContainerKind.CONTAINER, state=ContainerState.MISSING, project=one.project
    )
    recognition = recognise(absent)
    return Candidate(
        name=one.name,
        kind=absent.kind,
        state=absent.state,
        image="",
        project=one.project,
        service="",
        role=recognition.role,
        title=recognition.title,
        why=recognition.why,
        is_adopted=True,
        is_missing=True,
        adopted_by=one.adopted_by,
        adopted_at=one.adopted_at,
    )


def _is_ours(view: ProjectView) -> bool:
    return all(one.role is PartRole.CONSOLE for one in view.containers)
