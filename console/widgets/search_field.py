"""A field that narrows what is shown below it while somebody types."""

from collections.abc import Callable

from nicegui import ui

from console import page_head

MAX_CHARS = 100


def search_field(label: str, on_text: Callable[[str], None], *, testid: str = "") -> ui.element:
    """Put it here; ``on_text`` gets what is typed, without spaces around it, in small letters."""
    with ui.element("label").classes("we-filter"):
        ui.html(page_head.icon_svg("search"), sanitize=False, tag="span")
        field = ui.element("input").props(
            f'type=search placeholder="{label}" aria-label="{label}" maxlength={MAX_CHARS}'
        )
        if testid:
            field.props(f'data-testid="{testid}"')
        field.on(
            "input",
            lambda event: on_text(str(event.args)[:MAX_CHARS].strip().lower()),
            js_handler="(event) => emit(event.target.value)",
            throttle=0.1,
        )
    return field
