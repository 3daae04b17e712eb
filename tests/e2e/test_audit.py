"""The Audit page in a real browser."""

import pytest
from playwright.async_api import Page, expect

from models import AuditOutcome, Role
from tests.e2e.test_console import sign_in
from tests.support.axe import violations
from tests.support.console_app import RunningConsole


@pytest.mark.browser
async def test_the_trail_is_filtered_by_an_address(console_app: RunningConsole, page: Page) -> None:
    """What was filled in is in the address, so that it can be sent to a colleague; the rest is not."""
    for number in range(120):
        await console_app.services.audit.record(None, "test.count", f"bot-{number}")
    await console_app.services.audit.record(None, "bot.restart", "elena", outcome=AuditOutcome.AUTOMATIC)
    await sign_in(page, console_app, Role.VIEWER, path="/admin/audit")
    records = page.get_by_test_id("records")
    await expect(records).to_contain_text("bot.restart")

    await page.get_by_label("Action").fill("test.")
    await page.get_by_role("button", name="Filter").click()
    await expect(page).to_have_url(f"{console_app.url}/admin/audit?action=test.")
    await expect(records).to_contain_text("bot-119")
    await expect(records).not_to_contain_text("bot.restart")
    await page.get_by_test_id("older").click()
    await expect(records).to_contain_text("bot-19")
    await expect(records).not_to_contain_text("bot-119")

    await page.goto(f"{console_app.url}/admin/audit?outcome=denied&actor=nobody")
    await expect(page.get_by_test_id("empty")).to_have_text("No entries match these filters.")
    await page.goto(f"{console_app.url}/admin/audit?since=yesterday")
    await expect(page.get_by_test_id("page-failure")).to_contain_text("invalid filter")


@pytest.mark.browser
async def test_everybody_can_use_it(console_app: RunningConsole, page: Page) -> None:
    """axe-core finds nothing wrong."""
    await sign_in(page, console_app, path="/admin/audit")
    await expect(page.get_by_test_id("records")).to_be_visible()
    assert await violations(page) == []
