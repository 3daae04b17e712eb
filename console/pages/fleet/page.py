"""The Fleet page: what is wrong, why, and the button that helps."""

import orjson
from nicegui import app, ui
from starlette.requests import Request
from starlette.responses import Response

from chat_api.core.language import N_, _
from chat_api.core.principals import Permission, Principal
from console.context import settings
from console.frame import ADMIN_SIGN_IN, frame, page
from console.guard import Audience, add_rule, visitor_of
from console.live.fleet import fleet_feed
from console.pages.fleet.actions import act, allowed_actions, ask
from console.pages.fleet.board import FleetBoard
from console.pages.fleet.test_message import open_test_message

# What the socket brings, for a page whose socket is blocked; in assets/js/we-fleet-feed.js.
FLEET_NOW = "/admin/fleet/now"


def register() -> None:
    """Put the page at ``/admin``."""
    page("/admin", title=N_("Fleet"))(_fleet)
    add_rule(FLEET_NOW, Audience.ADMIN, ADMIN_SIGN_IN)
    app.get(FLEET_NOW, include_in_schema=False)(_now)


async def _now(request: Request) -> Response:
    principal = visitor_of(request).principal
    assert principal is not None  # the guard lets nobody else in, and all administrators see the fleet
    whole = fleet_feed().whole(principal)
    return Response(orjson.dumps(whole), media_type="application/json", headers={"Cache-Control": "no-store"})


async def _fleet(principal: Principal) -> None:
    client, feed = ui.context.client, fleet_feed()
    feed.follow(client, principal)
    with frame(principal, title=_("Fleet"), path="/admin"):
        board = FleetBoard(
            actions=allowed_actions(principal),
            may_try=principal.may(Permission.TRY_BOT),
            check_interval_s=settings().bot_health_check_interval,
            on_ask=lambda args: ask(principal, board, args),
            on_act=lambda args: act(principal, args),
            on_try=lambda bot_name: open_test_message(principal, bot_name),
            on_resync=lambda: feed.send_all(client, principal),
        )
