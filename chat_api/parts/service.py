"""What an operator does with a part of the fleet: look at its container, start, stop and restart it."""

import asyncio
from collections.abc import Mapping

from chat_api.audit.service import AuditService
from chat_api.core.errors import EngineUnavailable, NotFound
from chat_api.core.keyed_locks import KeyedLocks
from chat_api.core.language import _
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.core.text import cleaned
from chat_api.engine.adopted import require_managed
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.interface import STOP_GRACE_S, ContainerEngine, NoEngine
from chat_api.engine.schemas import PART_PREFIX, ContainerView
from chat_api.fleet.schemas import PartRole, ServiceView
from chat_api.fleet.service import FleetService
from chat_api.parts.schemas import PartState
from models import BotAction

log = get_logger(__name__)

PERMISSIONS: Mapping[BotAction, Permission] = {
    BotAction.RESTART: Permission.RESTART_BOT,
    BotAction.START: Permission.STOP_BOT,
    BotAction.STOP: Permission.STOP_BOT,
}


class PartsService:
    """Parts by the name of their container. ``acted`` is set when one was started, stopped or restarted here."""

    def __init__(self, engine: ContainerEngine, fleet: FleetService, audit: AuditService) -> None:
        self._engine = engine
        self._fleet = fleet
        self._audit = audit
        self._locks = KeyedLocks()
        self._acting: set[asyncio.Task[None]] = set()
        self.acted = asyncio.Event()

    def all(self, principal: Principal) -> tuple[ServiceView, ...]:
        """Every part of the fleet that is no bot. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        return tuple(one for one in self._fleet.current().services if one.role is not PartRole.DEPENDENCY)

    def get(self, principal: Principal, container: str) -> ServiceView:
        """One part. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        for one in self.all(principal):
            if one.container == container:
                return one
        raise NotFound("No part of the fleet has this name.")

    def log_name(self, name: str) -> str | None:
        """What the log of a part is read by, for ``part:<container>``; None for what is none of the fleet's."""
        container = name.removeprefix(PART_PREFIX)
        is_part = name != container and any(one.container == container for one in self._fleet.current().services)
        return name if is_part else None

    async def state(self, principal: Principal, container: str) -> PartState:
        """What runs it, as it is now. Raises: as :meth:`facts`."""
        self.get(principal, container)
        return _state(await self._view(container))

    async def facts(self, principal: Principal, container: str) -> ContainerFacts:
        """Everything about its container, values of its environment kept back.

        Raises: NotFound, PermissionDenied, NotAuthenticated, EngineUnavailable, EngineFailed.
        """
        self.get(principal, container)
        view = await self._view(container)
        require_managed(view)
        return await self._engine.facts(view)

    async def act(self, principal: Principal, action: BotAction, container: str) -> PartState:
        """Start, stop or restart it, one thing at a time; returns when the engine has done it.

        Raises: NotFound, Conflict (not adopted), PermissionDenied, NotAuthenticated, EngineUnavailable, EngineFailed.
        """
        part = self.get(principal, container)
        await self._audit.require(principal, PERMISSIONS[action], container)
        async with self._locks.queue(container):
            view = await self._view(container)
            require_managed(view)
            details = {"role": part.role.value, "project": part.project}
            await self._audit.record(principal, f"part.{action}", container, details=details)
            # Whoever asked may leave: half of it done would be worse.
            task = asyncio.create_task(self._do(action, view), name=f"{action}-{container}")
            self._acting.add(task)
            task.add_done_callback(self._acting.discard)
            await asyncio.shield(task)
        self.acted.set()
        return _state(await self._view(container))

    async def close(self) -> None:
        """Wait no longer for what the engine was asked for; it goes on without us."""
        for task in self._acting:
            task.cancel()
        await asyncio.gather(*self._acting, return_exceptions=True)

    async def _do(self, action: BotAction, view: ContainerView) -> None:
        grace_s = view.stop_timeout_s if view.stop_timeout_s is not None else STOP_GRACE_S
        match action:
            case BotAction.RESTART:
                await self._engine.restart(view, timeout_s=grace_s)
            case BotAction.STOP:
                await self._engine.stop(view, timeout_s=grace_s)
            case BotAction.START:
                await self._engine.start(view)
        log.info("part_acted_on", container=view.name, action=action)

    async def _view(self, container: str) -> ContainerView:
        if isinstance(self._engine, NoEngine):
            raise EngineUnavailable("No container engine is configured (DOCKER_HOST).")
        view = await self._engine.inspect(f"{PART_PREFIX}{container}")
        if view is None:
            raise NotFound(_("The container engine has no container {name}.", name=cleaned(container, max_chars=100)))
        return view


def _state(view: ContainerView) -> PartState:
    return PartState(name=view.name, state=view.state, health=view.health, is_managed=view.is_managed)
