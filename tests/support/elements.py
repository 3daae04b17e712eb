"""What a page's NiceGUI elements show, without a browser."""

import re
from html import unescape

from nicegui import Client
from nicegui.element import Element

HIDDEN = "hidden"


def by_testid(client: Client, testid: str) -> Element:
    """The element with a ``data-testid``. Raises: LookupError when the page has none, or does not show it."""
    for element in client.elements.values():
        if element.props.get("data-testid") == testid and _is_visible(element):
            return element
    raise LookupError(testid)


def is_shown(client: Client, testid: str) -> bool:
    """Whether the page shows an element with this ``data-testid``."""
    try:
        by_testid(client, testid)
    except LookupError:
        return False
    return True


def markup(element: Element) -> str:
    """What an element and those in it have as content, in the order of the page."""
    if HIDDEN in element.classes:
        return ""
    own = str(element.props.get("innerHTML") or getattr(element, "text", "") or "")
    return own + " ".join(markup(child) for slot in element.slots.values() for child in slot.children)


def text(element: Element) -> str:
    """The same as a reader sees it: without tags, each space once."""
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]*>", " ", markup(element)))).strip()


def _is_visible(element: Element) -> bool:
    while HIDDEN not in element.classes:
        if element.parent_slot is None:
            return True
        element = element.parent_slot.parent
    return False
