"""What is known of restarts, starts and stops: the past ones, how long one takes, and whom it would meet."""

from collections.abc import Mapping, Sequence
from statistics import median

from sqlalchemy import RowMapping

from chat_api.core.database import Database
from chat_api.core.odd_rows import ODD_ROWS
from chat_api.core.principals import Permission, Principal
from chat_api.fleet.registry import BotRegistry
from chat_api.fleet.schemas import RestartView
from chat_api.restarts import repository as restarts
from chat_api.restarts.schemas import Affected, RestartFilter
from models import ActionOrigin, BotAction, BotRestart, RestartState

DEFAULT_ESTIMATE_S = 30.0  # Source: specification, "estimated_downtime": "30 seconds".
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
            rows = await restarts.found(connection, wanted)
        return ODD_ROWS.readable("restarts", rows, view_of)


def row_of(view: RestartView) -> BotRestart:
    """The row of an action, as it is stored."""
    return BotRestart(
        id=view.restart_id,
        bot_name=view.bot_name,
        requested_by=view.requested_by,
        requested_at=view.requested_at,
        state=view.state,
        finished_at=view.finished_at,
        duration_s=view.duration_s,
        error=view.error,
        action=view.action,
        origin=view.origin,
        group_id=view.group_id,
    )


def view_of(row: RowMapping) -> RestartView:
    """An action as it was stored; the estimate of it is not."""
    return RestartView(
        restart_id=row["id"],
        bot_name=row["bot_name"],
        requested_by=row["requested_by"],
        requested_at=row["requested_at"],
        state=RestartState(row["state"]),
        estimate_s=DEFAULT_ESTIMATE_S,
        finished_at=row["finished_at"],
        duration_s=row["duration_s"],
        error=row["error"],
        action=BotAction(row["action"]),
        origin=ActionOrigin(row["origin"]),
        group_id=row["group_id"],
    )
