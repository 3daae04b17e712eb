"""The whole Fleet page as one component: a table of elements would cost each open page three times the memory."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from nicegui.element import Element

from console import page_head
from console.pages.fleet.actions import MAX_NAME_CHARS

MODULES = page_head.ASSETS / "js" / "*.js"
OnArgs = Callable[[Any], Awaitable[None]]


class FleetBoard(Element, component=page_head.ASSETS / "fleet_board.js", dependencies=[MODULES]):
    """Banner, service cards and the live table of bots; changes reach it by broadcast: ``console/live/fleet.py``."""

    def __init__(
        self,
        *,
        actions: Sequence[str],
        may_try: bool,
        check_interval_s: float,
        on_ask: OnArgs,
        on_act: OnArgs,
        on_try: Callable[[str], Awaitable[None]],
        on_resync: Callable[[], Awaitable[None]],
    ) -> None:
        """``on_ask`` and ``on_act`` get what the browser says, which may be anything."""
        super().__init__()
        self._props["actions"] = list(actions)
        self._props["may-try"] = may_try
        self._props["interval"] = check_interval_s
        self.on("ask", lambda event: on_ask(event.args), throttle=0.3)
        self.on("act", lambda event: on_act(event.args), throttle=0.3)
        self.on("try", lambda event: on_try(str(event.args)[:MAX_NAME_CHARS]), throttle=0.3)
        self.on("resync", on_resync, throttle=1.0)

    def confirm(self, action: str, names: tuple[str, ...], *, affected_users: int, estimate_s: float | None) -> None:
        """Ask once, with what it costs; a yes comes back as the ``act`` event."""
        self.run_method("confirm", action, list(names), affected_users, estimate_s)
