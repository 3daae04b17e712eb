"""The command palette and the shortcuts, in a real browser."""

import pytest
from playwright.async_api import Page, expect

from chat_api.fleet.schemas import BotStatus
from models import Role
from tests.e2e.test_console import expect_status, sign_in
from tests.support.axe import violations
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot

pytestmark = pytest.mark.browser


async def test_the_palette_finds_pages_and_bots(console_app: RunningConsole, page: Page, elena: RunningBot) -> None:
    """By letters in order, with the keyboard alone; what was chosen opens."""
    await sign_in(page, console_app)
    await expect_status(page, elena, BotStatus.ONLINE)
    await page.keyboard.press("Control+k")
    palette = page.get_by_test_id("palette")
    options = palette.get_by_role("option")
    await expect(options.first).to_contain_text("Fleet")
    await page.keyboard.type("rdrgz")
    await expect(options.first).to_contain_text("Elena Rodriguez")
    assert await violations(page) == []
    await page.keyboard.press("Control+a")
    await page.keyboard.type("aud")
    await expect(options.first).to_contain_text("Audit")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{console_app.url}/admin/audit")


async def test_a_restart_from_the_palette_asks_first(
    console_app: RunningConsole, page: Page, elena: RunningBot
) -> None:
    """It names the bot and how many people it costs; what the service says against it is shown."""
    await sign_in(page, console_app, Role.OPERATOR)
    await page.get_by_role("button", name="Command palette").click()
    await page.keyboard.type("restart elena")
    await expect(page.get_by_test_id("palette").get_by_role("option").first).to_contain_text("Restart Elena Rodriguez")
    await page.keyboard.press("Enter")
    dialog = page.get_by_test_id("palette-restart")
    await expect(dialog).to_contain_text("No one is talking to it right now.")
    await dialog.get_by_test_id("palette-confirm").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("No container engine is configured")
    assert elena.is_alive


async def test_who_may_not_restart_is_not_offered_it(console_app: RunningConsole, page: Page) -> None:
    """A viewer's palette has no actions and no pages that they may not open."""
    await sign_in(page, console_app, Role.VIEWER)
    await page.keyboard.press("Control+k")
    options = page.get_by_test_id("palette").get_by_role("option")
    await page.keyboard.type("elena")
    await expect(options.first).to_contain_text("Elena Rodriguez")
    await expect(options.filter(has_text="Restart")).to_have_count(0)
    await page.keyboard.press("Control+a")
    await page.keyboard.type("settings")
    await expect(options.first).to_contain_text("Settings")
    await page.keyboard.press("Control+a")
    await page.keyboard.type("conversations")
    await expect(page.get_by_test_id("palette")).to_contain_text("No results.")


async def test_shortcuts_go_to_pages_and_are_listed(console_app: RunningConsole, page: Page) -> None:
    """``g d`` opens the audit trail, ``?`` lists them all; in a field letters are letters."""
    await sign_in(page, console_app)
    await page.keyboard.press("?")
    shortcuts = page.get_by_test_id("shortcuts")
    await expect(shortcuts).to_contain_text("Command palette")
    assert await violations(page) == []
    await page.keyboard.press("Escape")
    await expect(shortcuts).to_have_count(0)
    await page.get_by_test_id("filter").fill("gd?")
    await expect(shortcuts).to_have_count(0)
    await page.get_by_test_id("filter").blur()
    await page.keyboard.press("g")
    await page.keyboard.press("d")
    await expect(page).to_have_url(f"{console_app.url}/admin/audit")
