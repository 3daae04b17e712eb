"""What is known of restarts, starts and stops: the past ones, how long one takes, and whom it would meet."""

from collections.abc import Mapping, Sequence
from statistics import median

from chat_api.core.database import Database
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import RestartView
from chat_api.restarts import repository as restarts
from chat_api.restarts.schemas import DEFAULT_ESTIMATE_S, Affected, RestartFilter

LEARNED_FROM = 10
ACTIVE_S = 300.0


class RestartHistory:
    """Reads; what begins a restart is :class:`~chat_api.restarts.service.RestartsService`."""

    def __init__(self, database: Database, registry: BotRegistry) -> None:
        self._database = database
        self._registry = registry

    async def estimate_s(self, bot_name: str) -> float:
        """How long a restart of this bot takes, learned from the last successful ones; seconds."""
        return (await self.estimates_s([bot_name]))[bot_name]

    async def estimates_s(self, bot_names: Sequence[str]) -> Mapping[str, float]:
        """The same for several bots."""
        async with self._database.read() as connection:
            durations = await restarts.durations_s(connection, bot_names, limit=LEARNED_FROM)
        return {
            name: round(median(durations[name]), 1) if name in durations else DEFAULT_ESTIMATE_S for name in bot_names
        }

    async def affected(self, principal: Principal, bot_names: Sequence[str]) -> Affected:
        """How many people wrote to each of these bots, and to any, in the last five minutes.

        Raises: NotFound, PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        names = [self._registry.get(name).name for name in bot_names]
        async with self._database.read() as connection:
            users, total = await restarts.active_users(connection, names, seconds=ACTIVE_S)
        return Affected(by_bot={name: users.get(name, 0) for name in names}, total=total)

    async def found(self, principal: Principal, wanted: RestartFilter) -> tuple[RestartView, ...]:
        """The restarts, starts and stops that a filter lets pass, newest first.

        Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await restarts.found(connection, wanted)
