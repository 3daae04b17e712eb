"""What ends with a part of a page: a tab that is left, a row that is replaced, or the page as a whole."""

from collections.abc import Callable

from nicegui.element import Element


class _Lasting(Element):
    """An element that shows nothing and knows when it is removed."""

    _end: Callable[[], None] | None = None

    def _handle_delete(self) -> None:
        end, self._end = self._end, None
        super()._handle_delete()
        if end is not None:
            end()


def while_shown(end: Callable[[], None]) -> None:
    """Call ``end`` once, when the part of the page that is being built is removed, or the page is closed."""
    lasting = _Lasting("template")
    lasting._end = end
