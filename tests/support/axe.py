"""Accessibility of a page as axe-core sees it, in either theme."""

from typing import Any, Literal

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Page

# Without a preload: only a rule that is not run needs the style sheets once more.
_RUN = "(options) => axe.run({resultTypes: ['violations'], preload: false, ...options})"
_EVERYTHING = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"]}
# All that a theme can change.
_COLOURS = {"runOnly": {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}}
# The theme is there, and what would fade into it has: in between nothing has its colour. What spins goes on.
_SETTLE = """(theme) => {
    if ((document.documentElement.dataset.theme ?? theme) !== theme) return false;
    for (const one of document.getAnimations()) {
        if (one.effect.getComputedTiming().iterations !== Infinity) one.finish();
    }
    return true;
}"""


async def violations(page: Page) -> list[str]:
    """What axe-core finds wrong with the page as it is now: a line for each rule, with the places.

    Colour rules run in both themes. The page is left in the light theme.
    """
    found = []
    for theme, options in (("light", _EVERYTHING), ("dark", _COLOURS)):
        await _show(page, theme)  # type: ignore[arg-type]
        results = await _run(page, options)
        found += [
            f"{one['id']} ({theme}): {one['help']} at {[node['target'] for node in one['nodes']][:5]}"
            for one in results["violations"]
        ]
    await _show(page, "light")
    return found


async def _show(page: Page, theme: Literal["light", "dark"]) -> None:
    await page.emulate_media(color_scheme=theme)
    await page.wait_for_function(_SETTLE, arg=theme)


async def _run(page: Page, options: dict[str, Any]) -> dict[str, Any]:
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(Axe().axe_script)
    results: dict[str, Any] = await page.evaluate(_RUN, options)
    return results
