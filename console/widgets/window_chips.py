"""The choice of how far back to look, as chips."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from chat_api.core.language import N_, _
from chat_api.series.schemas import Window

NAMES = {
    Window.HOUR: N_("1 h"),
    Window.DAY: N_("24 h"),
    Window.WEEK: N_("7 d"),
    Window.MONTH: N_("30 d"),
    Window.YEAR: N_("1 y"),
}


class WindowChips:
    """One chip a window; ``chosen`` is the one that is pressed."""

    def __init__(self, chosen: Window, on_choose: Callable[[], Awaitable[None]], *, label: str) -> None:
        self.chosen = chosen
        self._chips: dict[Window, ui.element] = {}
        with ui.element("div").classes("we-chips").props(f'role=group aria-label="{label}"'):
            for window, name in NAMES.items():
                with ui.element("button").classes("we-chip").props("type=button") as chip:
                    ui.label(_(name))
                chip.props(f'data-testid="window-{window}"')
                chip.on("click", self._handler(window, on_choose), throttle=0.2)
                self._chips[window] = chip
        self._press()

    def _handler(self, window: Window, on_choose: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def choose() -> None:
            self.chosen = window
            self._press()
            await on_choose()

        return choose

    def _press(self) -> None:
        for window, chip in self._chips.items():
            chip.props(f"aria-pressed={'true' if window is self.chosen else 'false'}")
