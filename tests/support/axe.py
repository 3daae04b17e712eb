"""Accessibility of a page as axe-core sees it."""

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

_OPTIONS = {"resultTypes": ["violations"], "runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}


async def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now: a line for each rule, with the places."""
    results = await Axe().run(page, options=_OPTIONS)
    return [
        f"{found['id']}: {found['help']} at {[node['target'] for node in found['nodes']][:5]}"
        for found in results.response["violations"]
    ]
