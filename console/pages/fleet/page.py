"""The Fleet page: what is wrong, why, and the button that helps."""

from nicegui import ui

from chat_api.core.principals import Permission, Principal
from console.context import settings
from console.frame import frame, page
from console.live.fleet import fleet_feed
from console.pages.fleet.actions import act, allowed_actions, ask
from console.pages.fleet.board import FleetBoard
from console.pages.fleet.bot_trial import open_trial


def register() -> None:
    """Put the page at ``/admin``."""
    page("/admin", title="Fleet")(_fleet)


async def _fleet(principal: Principal) -> None:
    client, feed = ui.context.client, fleet_feed()
    feed.follow(client, principal)
    with frame(principal, title="Fleet", path="/admin"):
        board = FleetBoard(
            actions=allowed_actions(principal),
            may_try=principal.may(Permission.TRY_BOT),
            check_interval_s=settings().bot_health_check_interval,
            on_ask=lambda args: ask(principal, board, args),
            on_act=lambda args: act(principal, args),
            on_try=lambda bot_name: open_trial(principal, bot_name),
            on_resync=lambda: feed.send_all(client, principal),
        )
