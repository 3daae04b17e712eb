"""The Fleet page before there is a bot: it says what to do, to everybody."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.console_app import running_console

pytestmark = pytest.mark.browser


async def test_it_says_how_to_begin(make_settings: MakeSettings, page: Page) -> None:
    """Where bots are described, at a desk and on a phone; axe finds nothing, and nothing is wider than the screen."""
    async with running_console(make_settings(bots=())) as console:
        await sign_in(page, console)
        empty = page.get_by_test_id("empty")
        for words in ("No bots yet", "BOTS_ENV_DIR", "BOTS_CONFIG", "whisperengine.bot"):
            await expect(empty).to_contain_text(words)
        await expect(empty.get_by_role("link", name="Open settings")).to_be_visible()
        await expect(page.get_by_test_id("banner")).to_have_text(
            re.compile("^Nothing to monitor.*No bots are configured")
        )
        for width_px in (360, 1440):
            await page.set_viewport_size({"width": width_px, "height": 900})
            assert await page.evaluate("document.documentElement.scrollWidth") <= width_px
            assert await violations(page) == [], width_px
