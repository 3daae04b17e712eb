"""What a bot's container is made of and uses; figures are measured often only while somebody watches."""

import asyncio
from collections import Counter
from collections.abc import Iterable

from chat_api.core.errors import AppError, EngineUnavailable, NotFound
from chat_api.core.logging import get_logger
from chat_api.core.principals import Permission, Principal
from chat_api.engine.adopted import require_managed
from chat_api.engine.fact_schemas import ContainerFacts
from chat_api.engine.interface import ContainerEngine, NoEngine
from chat_api.engine.schemas import ContainerState, ContainerUsage, ContainerView
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.service import FleetService

log = get_logger(__name__)

MAX_PARALLEL_READS = 2


class ContainersService:
    """Reads facts for who asks, and reports what containers use to the fleet."""

    def __init__(self, engine: ContainerEngine, registry: BotRegistry, fleet: FleetService) -> None:
        self._engine = engine
        self._registry = registry
        self._fleet = fleet
        self._watched: Counter[str] = Counter()
        self._slots = asyncio.Semaphore(MAX_PARALLEL_READS)

    @property
    def watched(self) -> frozenset[str]:
        """The bots that somebody looks at in this process."""
        return frozenset(self._watched)

    async def facts(self, principal: Principal, bot_name: str) -> ContainerFacts:
        """Everything about what runs a bot, values of its environment kept back.

        Raises: NotFound, Conflict (not adopted), PermissionDenied, NotAuthenticated, EngineUnavailable, EngineFailed.
        """
        view = await self._view(principal, bot_name)
        require_managed(view)
        return await self._engine.facts(view)

    async def usage(self, principal: Principal, bot_name: str) -> ContainerUsage:
        """What it uses at this moment; the first look ever at a container knows no rates.

        Raises: NotFound, PermissionDenied, NotAuthenticated, EngineUnavailable, EngineFailed.
        """
        view = await self._view(principal, bot_name)
        async with self._slots:
            usage = await self._engine.stats(view)
        self._fleet.record_usage(usage)
        return usage

    def watch(self, principal: Principal, bot_names: Iterable[str]) -> "Unwatch":
        """Measure these bots every two seconds until what is returned is called.

        Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        return Unwatch(self._watched, tuple(bot_names))

    async def measure(self, bot_names: frozenset[str] | None = None) -> None:
        """Look once at the containers of these bots, or of all, a few at a time, and tell the fleet."""
        if isinstance(self._engine, NoEngine):
            return
        views = [
            bot.container
            for bot in self._fleet.current().bots
            if bot.container is not None
            and bot.container.state is ContainerState.RUNNING
            and (bot_names is None or bot.name in bot_names)
        ]
        await asyncio.gather(*(self._measure(view) for view in views))

    async def _measure(self, view: ContainerView) -> None:
        async with self._slots:
            try:
                self._fleet.record_usage(await self._engine.stats(view))
            except AppError as error:
                log.debug("usage_not_measured", bot_name=view.bot_name, code=error.code, detail=error.detail)

    async def _view(self, principal: Principal, bot_name: str) -> ContainerView:
        principal.require(Permission.VIEW_FLEET)
        spec = self._registry.get(bot_name)
        if isinstance(self._engine, NoEngine):
            raise EngineUnavailable("No container engine is configured (DOCKER_HOST).")
        view = await self._engine.inspect(spec.name)
        if view is None:
            raise NotFound("No container or service runs this bot.")
        return view


class Unwatch:
    """Ends one watching of some bots, once."""

    def __init__(self, watched: Counter[str], names: tuple[str, ...]) -> None:
        self._watched = watched
        self._names = names
        watched.update(names)

    def __call__(self) -> None:
        """Nobody looks here any more. Harmless when done twice."""
        names, self._names = self._names, ()
        self._watched.subtract(names)
        for name in names:
            if self._watched[name] <= 0:
                del self._watched[name]
