"""The day's work in a real browser: checks of bots side by side, and the report of the day."""

from datetime import UTC, datetime

import pytest
from playwright.async_api import Page, expect

from tests.e2e.test_console import sign_in
from tests.support.axe import violations
from tests.support.console_app import RunningConsole


@pytest.mark.browser
async def test_checks_are_written_run_and_read(console_app: RunningConsole, page: Page) -> None:
    """A suite from its form, what a run of it costs, each bot's answers side by side, and why one fails."""
    await sign_in(page, console_app, path="/admin/checks")
    await page.get_by_test_id("new").click()
    form = page.get_by_test_id("form")
    await form.get_by_label("Name").fill("Smoke")
    await form.get_by_test_id("save").click()
    await expect(form.get_by_test_id("form-error")).to_contain_text("number 1: at least 1 character")
    await form.get_by_test_id("prompt-text").fill("My cat is called Mimi.")
    await form.get_by_test_id("add-prompt").click()
    await expect(form.get_by_test_id("prompt-text")).to_have_count(2)  # else the first one is the last one still
    await form.get_by_test_id("prompt-text").last.fill("What did I say?")
    await form.get_by_test_id("prompt-contains").last.fill("Mimi\na dog")
    assert await violations(page) == []
    await form.get_by_test_id("save").click()

    await page.get_by_role("button", name="Run: Smoke").click()
    await expect(page.get_by_test_id("cost")).to_contain_text("This sends 4 messages.")
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("run")).to_contain_text("2 of 4 passed")
    await expect(page.get_by_test_id("run")).to_contain_text("Failed")
    matrix = page.get_by_test_id("matrix")
    await expect(matrix.get_by_role("columnheader")).to_have_text(["Prompt", "elena", "marcus"])
    failed = matrix.get_by_role("row").last.get_by_role("cell").first
    await expect(failed).to_contain_text("“a dog” is missing.")
    await failed.locator("summary").click()
    await expect(failed.locator(".we-answer-text")).to_contain_text("My cat is called Mimi.")
    assert await violations(page) == []

    await page.goto(f"{console_app.url}/admin/checks")
    await expect(page.get_by_test_id("runs")).to_contain_text("2 of 4")


@pytest.mark.browser
async def test_the_day_is_read_copied_and_sent(console_app: RunningConsole, page: Page) -> None:
    """Figures of today, the way to other days, Markdown, and when it is sent."""
    user = await console_app.principal("alice")
    await console_app.services.messages.send(user, bot_name="elena", content="Hello")
    await sign_in(page, console_app, path=f"/admin/report?date={datetime.now(UTC).date()}")
    await expect(page.get_by_test_id("figures")).to_contain_text("Messages1")
    await expect(page.get_by_role("link", name="elena", exact=True)).to_be_visible()
    assert await violations(page) == []

    await page.get_by_test_id("markdown").click()
    text = await page.get_by_test_id("report-markdown").input_value()
    assert text.startswith("# Daily report: ")
    assert "| Messages | 1 |" in text
    await page.get_by_role("button", name="Close").click()

    await page.get_by_test_id("change-schedule").click()
    form = page.get_by_test_id("form")
    await form.get_by_text("Send the report of each day").click()
    await form.get_by_label("Time zone").fill("Mars/Olympus")
    await form.get_by_test_id("save").click()
    await expect(form).to_contain_text("A time zone such as Europe/Berlin")
    await form.get_by_label("Time zone").fill("Europe/Berlin")
    await form.get_by_test_id("save").click()
    await expect(page.get_by_test_id("schedule")).to_contain_text("Sent at 08:00 (Europe/Berlin)")

    await page.goto(f"{console_app.url}/admin/report?date=tomorrow")
    await expect(page.get_by_test_id("page-failure")).to_contain_text("a day such as")
