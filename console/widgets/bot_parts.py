"""Parts of the Fleet page that other pages show: a bot's picture, its bar of checks, the question before an act."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from nicegui.element import Element

from chat_api.fleet.schemas import Heartbeat
from console import page_head
from console.widgets.quantities import span

MODULES: Final = page_head.ASSETS / "js" / "*.js"


class Avatar(Element, component=page_head.ASSETS / "avatar.js", dependencies=[MODULES]):
    """A bot's emoji, or its initials where the browser has no font for emoji."""

    def __init__(self, name: str, title: str, emoji: str) -> None:
        super().__init__()
        self._props.update(name=name, title=title, emoji=emoji)


class Heartbeats(Element, component=page_head.ASSETS / "heartbeats.js", dependencies=[MODULES]):
    """The last health checks, the newest at the right; each says on hover what it was."""

    def __init__(self) -> None:
        super().__init__()
        self._props["beats"] = []

    def show(self, heartbeats: Sequence[Heartbeat]) -> None:
        """Show these, oldest first."""
        self._props["beats"] = [
            [heartbeat.checked_at.timestamp(), heartbeat.status, heartbeat.latency_ms] for heartbeat in heartbeats
        ]
        self.update()


class ConfirmAction(Element, component=page_head.ASSETS / "confirm_action.js", dependencies=[MODULES]):
    """Asks once, with what it costs; a yes is given to ``on_act`` as the browser says it, which may be anything."""

    def __init__(self, title: str, on_act: Callable[[Any], Awaitable[None]]) -> None:
        super().__init__()
        self._title = title
        self.on("confirmed", lambda event: on_act(event.args), throttle=0.3)

    def confirm(self, action: str, names: tuple[str, ...], *, affected_users: int, estimate_s: float | None) -> None:
        """Ask. The names are of one bot, whose title is known here."""
        self.run_method(
            "ask",
            {
                "action": action,
                "bots": [{"name": name, "title": self._title} for name in names],
                "skipped": 0,
                "affectedUsers": affected_users,
                "estimate": None if estimate_s is None else span(estimate_s),
            },
        )
