"""The live head of the page of one bot and its tabs, as one component."""

from collections.abc import Awaitable, Callable, Sequence

from nicegui.element import Element

from console import theme
from console.pages.fleet.actions import MAX_NAME_CHARS
from console.pages.fleet.board import MODULES, OnArgs


class BotPage(Element, component=theme.ASSETS / "bot_page.js", dependencies=[MODULES]):
    """Status, health checks, figures and actions of one bot; it follows the same broadcast as the board."""

    def __init__(
        self,
        bot_name: str,
        *,
        tabs: Sequence[tuple[str, str]],
        tab: str,
        actions: Sequence[str],
        may_try: bool,
        check_interval_s: float,
        on_ask: OnArgs,
        on_act: OnArgs,
        on_try: Callable[[], Awaitable[None]],
        on_tab: Callable[[str], Awaitable[None]],
        on_resync: Callable[[], Awaitable[None]],
    ) -> None:
        """``tabs`` are keys and titles; ``on_tab`` gets what the browser says, which may be anything."""
        super().__init__()
        self._props["name"] = bot_name
        self._props["tabs"] = [list(one) for one in tabs]
        self._props["tab"] = tab
        self._props["actions"] = list(actions)
        self._props["may-try"] = may_try
        self._props["interval"] = check_interval_s
        self._props["icons"] = theme.asset("icons.svg")
        self.on("ask", lambda event: on_ask(event.args), throttle=0.3)
        self.on("act", lambda event: on_act(event.args), throttle=0.3)
        self.on("try", on_try, throttle=0.3)
        self.on("tab", lambda event: on_tab(str(event.args)[:MAX_NAME_CHARS]))
        self.on("resync", on_resync, throttle=1.0)

    def confirm(self, action: str, names: tuple[str, ...], *, affected_users: int, estimate_s: float | None) -> None:
        """Ask once, with what it costs; a yes comes back as the ``act`` event."""
        self.run_method("confirm", action, list(names), affected_users, estimate_s)
