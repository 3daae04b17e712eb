"""The whole Fleet page as one component: a table of elements would cost each open page three times the memory."""

from collections.abc import Awaitable, Callable

from nicegui.element import Element
from nicegui.events import GenericEventArguments

from console import theme

MAX_NAME_CHARS = 100


class FleetBoard(Element, component=theme.ASSETS / "fleet_board.js", dependencies=[theme.ASSETS / "js" / "*.js"]):
    """Banner, service cards and the live table of bots; changes reach it by broadcast, see ``console/live.py``."""

    def __init__(
        self,
        *,
        may_restart: bool,
        check_interval_s: float,
        on_ask: Callable[[str], Awaitable[None]],
        on_restart: Callable[[str], Awaitable[None]],
        on_resync: Callable[[], Awaitable[None]],
    ) -> None:
        super().__init__()
        self._props["may-restart"] = may_restart
        self._props["interval"] = check_interval_s
        self._props["icons"] = theme.asset("icons.svg")
        self.on("ask", lambda event: on_ask(_bot_name(event)), throttle=0.3)
        self.on("restart", lambda event: on_restart(_bot_name(event)), throttle=0.3)
        self.on("resync", on_resync, throttle=1.0)

    def confirm_restart(self, bot_name: str, *, affected_users: int, estimate_s: float) -> None:
        """Ask once, with what it costs; a yes comes back as the ``restart`` event."""
        self.run_method("confirmRestart", bot_name, affected_users, estimate_s)


def _bot_name(event: GenericEventArguments) -> str:
    """What the browser says, which may be anything; the service decides whether there is such a bot."""
    return str(event.args)[:MAX_NAME_CHARS]
