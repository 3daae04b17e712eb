"""The Fleet page: what is wrong, why, and the button that helps."""

from nicegui import ui

from chat_api.schemas.principals import Permission, Principal
from console.actions import run_action
from console.context import fleet_feed, services, settings
from console.frame import frame, page
from console.widgets.fleet_board import FleetBoard


def register() -> None:
    """Put the page at ``/admin``."""
    page("/admin", title="Fleet")(_fleet)


async def _fleet(principal: Principal) -> None:
    client, feed = ui.context.client, fleet_feed()
    feed.follow(client, principal)

    async def ask(bot_name: str) -> None:
        """Show what a restart would cost before it is done."""

        async def read(person: Principal) -> tuple[int, float]:
            restarts = services().restarts
            return await restarts.affected_users(person, bot_name), await restarts.estimate_s(bot_name)

        cost = await run_action(principal, read)
        if cost is not None:
            board.confirm_restart(bot_name, affected_users=cost[0], estimate_s=cost[1])

    async def restart(bot_name: str) -> None:
        await run_action(principal, lambda person: services().restarts.restart(person, bot_name))

    with frame(principal, title="Fleet", path="/admin"):
        board = FleetBoard(
            may_restart=principal.may(Permission.RESTART_BOT),
            check_interval_s=settings().bot_health_check_interval,
            on_ask=ask,
            on_restart=restart,
            on_resync=lambda: feed.send_all(client, principal),
        )
