"""What changed, for pages and doors: in time, since a bot was last healthy, and between the bots."""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from chat_api.changes import repository as configurations
from chat_api.changes.differences import differences
from chat_api.changes.matrix import ComparedBot, matrix_of
from chat_api.changes.schemas import Baseline, ChangesQuery, ChangesSince, ConfigurationView, Matrix
from chat_api.changes.values import Values
from chat_api.core.clock import SYSTEM_CLOCK, Clock
from chat_api.core.database import Database
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.service import FleetService

# How long a bot has to have been online to count as healthy, where it ever was for so long.
STEADY = timedelta(minutes=10)
MAX_BOTS = 50


class ChangesService:
    """Reads what the leader records."""

    def __init__(
        self,
        database: Database,
        registry: BotRegistry,
        fleet: FleetService,
        values: Values,
        *,
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        self._database = database
        self._registry = registry
        self._fleet = fleet
        self.values = values
        self._clock = clock

    async def find(self, principal: Principal, query: ChangesQuery | None = None) -> tuple[ConfigurationView, ...]:
        """The configurations that fit, newest first. Raises: PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        async with self._database.read() as connection:
            return await configurations.find(connection, query or ChangesQuery())

    async def since_healthy(self, principal: Principal, bot_name: str) -> ChangesSince:
        """What changed since a bot was last healthy. Raises: NotFound, PermissionDenied, NotAuthenticated."""
        principal.require(Permission.VIEW_FLEET)
        name, now = self._registry.get(bot_name).name, self._clock.now()
        (found,) = await self._since({name: (now, now)})
        return found

    async def since_failed(
        self, principal: Principal, failed: Mapping[str, tuple[datetime, datetime | None]]
    ) -> tuple[ChangesSince, ...]:
        """What changed since bots were last healthy before they failed; for some fifty bots at most, by name.

        ``failed``: when each bot began to fail, and when it recovered, if it has.
        Raises: PermissionDenied, NotAuthenticated.
        """
        principal.require(Permission.VIEW_FLEET)
        now = self._clock.now()
        chosen = sorted(failed.items(), key=lambda item: item[1][0])[:MAX_BOTS]
        return await self._since({name: (began, recovered or now) for name, (began, recovered) in sorted(chosen)})

    async def matrix(self, principal: Principal) -> Matrix:
        """All bots of the fleet side by side. Raises: PermissionDenied, NotAuthenticated."""
        bots = self._fleet.view(principal).bots
        async with self._database.read() as connection:
            known = {one.bot_name: one for one in await configurations.current(connection)}
        compared = [
            ComparedBot(
                bot_name=bot.name,
                display_name=bot.display_name,
                generation=bot.contract,
                configuration=known.get(bot.name),
            )
            for bot in bots
        ]
        # Off the loop: 500 bots with a hundred variables each take a third of a second.
        return await asyncio.to_thread(matrix_of, compared, key_id=self.values.key_id)

    async def _since(self, failed: Mapping[str, tuple[datetime, datetime]]) -> tuple[ChangesSince, ...]:
        if not failed:
            return ()
        async with self._database.read() as connection:
            found = await configurations.baselines(connection, failed, steady=STEADY)
        return tuple(_since(one) for one in found)


def _since(found: Baseline) -> ChangesSince:
    changes = differences(found.healthy, found.latest) if found.healthy and found.latest else ()
    return ChangesSince(
        bot_name=found.bot_name,
        healthy_at=found.healthy_at,
        changes=changes,
        starts=found.starts,
        last_change=found.last_change,
    )
