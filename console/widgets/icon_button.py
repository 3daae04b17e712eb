"""A button of ours with an icon."""

from collections.abc import Awaitable, Callable

from nicegui import ui

from console import page_head


def icon_button(
    label: str, icon: str, on_click: Callable[[], Awaitable[None]], *, classes: str = "we-button", testid: str = ""
) -> ui.element:
    """Put it here; what is pressed twice in half a second counts once."""
    made = ui.element("button").classes(classes).props(f'type="button" data-testid="{testid}"')
    with made:
        ui.html(page_head.icon_svg(icon), sanitize=False, tag="span")
        ui.label(label)
    made.on("click", on_click, throttle=0.5, trailing_events=False)
    return made
