"""A state as markup: its icon and word in its colour."""

from html import escape

from console import theme
from console.labels import Mark


def status_mark(mark: Mark, *, testid: str = "") -> str:
    """As the browser's ``StatusMark`` draws it."""
    turning = " we-turning" if mark.icon == "restarting" else ""
    title = f' title="{escape(mark.title)}"' if mark.title else ""
    test = f' data-testid="{testid}"' if testid else ""
    return (
        f'<span class="we-status we-status-{mark.tone}"{title}{test}>{theme.icon_svg(mark.icon, turning)}'
        f"<span>{escape(mark.label)}</span></span>"
    )
