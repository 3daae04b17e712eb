"""A state as markup: its icon and word in its colour."""

from html import escape

from chat_api.core.language import _
from console import page_head
from console.labels import Mark


def status_mark(mark: Mark, *, testid: str = "") -> str:
    """As the browser's ``StatusMark`` draws it."""
    turning = " we-turning" if mark.icon == "restarting" else ""
    title = f' title="{escape(_(mark.title))}"' if mark.title else ""
    test = f' data-testid="{testid}"' if testid else ""
    return (
        f'<span class="we-status we-status-{mark.tone}"{title}{test}>{page_head.icon_svg(mark.icon, turning)}'
        f"<span>{escape(_(mark.label))}</span></span>"
    )
