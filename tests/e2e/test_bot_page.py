"""The page of one bot in a real browser: live, with its sections, a test message, and an answer for any address."""

from datetime import UTC, datetime
from html import escape

import pytest
from nicegui import ui
from playwright.async_api import Page, expect

from chat_api.core.principals import Permission, Principal
from chat_api.fleet.schemas import BotStatus, SyntheticCheckView
from console.pages.bot import page as bot_page
from console.pages.bot.page import Section
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.axe import violations
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot

pytestmark = pytest.mark.browser


async def _open(page: Page, console: RunningConsole, role: Role = Role.OPERATOR, *, path: str = "elena") -> None:
    await sign_in(page, console, role, path=f"/admin/bots/{path}")


async def test_it_lives(console_app: RunningConsole, page: Page, elena: RunningBot) -> None:
    """Another bot's trouble is none of its business, its own is seen without a reload, with the reason."""
    await _open(page, console_app)
    head = page.get_by_test_id("bot-head")
    await expect(head).to_have_attribute("data-status", BotStatus.ONLINE)
    await expect(page.get_by_role("heading", level=1)).to_have_text("Elena Rodriguez")
    await expect(page.get_by_test_id("character")).to_contain_text("Studies how coral reefs recover")
    await expect(page.get_by_test_id("self-description")).to_contain_text("v1")
    await page.evaluate("window.isSamePage = true")
    console_app.services.fleet.record_synthetic_check(
        SyntheticCheckView(bot_name="elena", is_answered=False, checked_at=datetime.now(UTC), error="no answer in time")
    )
    await expect(head).to_have_attribute("data-status", BotStatus.DEGRADED)
    await expect(head.get_by_test_id("note")).to_contain_text("no answer to a test message: no answer in time")
    await elena.kill()
    await expect(head).to_have_attribute("data-status", BotStatus.OFFLINE)
    await expect(page.get_by_test_id("do-restart")).to_be_disabled()
    await expect(page.locator("[title='No container engine is configured']")).to_have_count(3)
    assert await page.evaluate("window.isSamePage")


async def test_sections_are_built_when_they_are_opened(
    console_app: RunningConsole, page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each has an address; back and forward and the arrow keys go through them; what one may not see has no tab."""
    built: list[str] = []

    def section(key: str, permission: Permission) -> Section:
        async def build(_: Principal, bot_name: str) -> None:
            built.append(key)
            ui.html(f"<p>{escape(key)} of {escape(bot_name)}</p>", sanitize=False)

        return Section(key.title(), key, permission, build)

    sections = (
        section("first", Permission.VIEW_FLEET),
        section("second", Permission.VIEW_LOGS),
        section("people", Permission.VIEW_USERS),
    )
    monkeypatch.setattr(bot_page, "SECTIONS", sections)
    await _open(page, console_app, Role.VIEWER, path="elena?tab=second")
    panel = page.get_by_test_id("section")
    await expect(panel).to_have_text("second of elena")
    assert built == ["second"]
    await expect(page.get_by_role("tab")).to_have_count(2)
    await page.get_by_test_id("tab-first").click()
    await expect(panel).to_have_text("first of elena")
    await expect(page).to_have_url(f"{console_app.url}/admin/bots/elena")
    await page.go_back()
    await expect(panel).to_have_text("second of elena")
    await page.get_by_test_id("tab-second").press("ArrowLeft")
    await expect(panel).to_have_text("first of elena")
    await expect(page.get_by_test_id("tab-first")).to_be_focused()
    assert await violations(page) == []
    await page.goto(f"{console_app.url}/admin/bots/elena?tab=people")
    await expect(panel).to_have_text("first of elena")
    assert "people" not in built


async def test_a_message_is_tried(console_app: RunningConsole, page: Page, elena: RunningBot) -> None:
    """From the page and from the board's menu; the answer as it is, and what went wrong when there is none."""
    await _open(page, console_app)
    await page.get_by_test_id("do-try").click()
    trial = page.get_by_test_id("trial")
    await trial.get_by_label("Message").fill("<b>Are you there?</b>")
    await page.get_by_test_id("trial-send").click()
    await expect(page.get_by_test_id("trial-outcome")).to_have_text("Answered")
    await expect(page.get_by_test_id("trial-said")).not_to_be_empty()
    await expect(trial.locator("b")).to_have_count(0)
    await trial.get_by_text("Raw answer").click()
    await expect(trial.locator("pre")).to_contain_text('"memory_stored"')
    assert await violations(page) == []
    await trial.get_by_role("button", name="Close").click()
    await expect(trial).to_have_count(0)

    await page.goto(f"{console_app.url}/admin")
    await page.get_by_test_id("more-elena").click()
    await page.get_by_test_id("menu-try").click()
    await elena.kill()
    await page.get_by_test_id("trial-send").click()
    await expect(page.get_by_test_id("trial-outcome")).to_have_text("Failed")
    await expect(page.get_by_test_id("trial-said")).not_to_be_empty()


async def test_a_viewer_has_no_buttons(console_app: RunningConsole, page: Page) -> None:
    """To look is allowed, to touch is not, and the board has nothing to select for."""
    await _open(page, console_app, Role.VIEWER)
    await expect(page.get_by_test_id("bot-head")).to_be_visible()
    for name in ("do-restart", "do-try"):
        await expect(page.get_by_test_id(name)).to_have_count(0)
    await page.goto(f"{console_app.url}/admin")
    await expect(page.get_by_test_id("bot-elena")).to_be_visible()
    await expect(page.get_by_role("checkbox")).to_have_count(0)
    await page.get_by_test_id("more-elena").click()
    await expect(page.get_by_role("menuitem")).to_have_text(["Open", "Logs"])


async def test_a_bot_that_is_not_there(console_app: RunningConsole, page: Page) -> None:
    """404, in words, with a way back; whatever the address says is only text."""
    await _open(page, console_app)
    answer = await page.goto(f"{console_app.url}/admin/bots/%3Cimg src=x onerror=alert(1)%3E")
    assert answer is not None
    assert answer.status == 404
    await expect(page.get_by_test_id("unknown-bot")).to_contain_text("There is no bot named <img")
    await page.get_by_role("link", name="See all bots").click()
    await expect(page.get_by_test_id("bot-elena")).to_be_visible()


async def test_it_fits_every_screen_and_everybody(console_app: RunningConsole, page: Page) -> None:
    """From 360 to 2560 px nothing scrolls sideways, and axe finds nothing."""
    await _open(page, console_app)
    for width in (360, 1440, 2560):
        await page.set_viewport_size({"width": width, "height": 900})
        await page.goto(f"{console_app.url}/admin/bots/elena")
        await expect(page.get_by_test_id("self-description")).to_contain_text("v1")
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await violations(page) == [], width
    await page.goto(f"{console_app.url}/admin/bots/nobody")
    assert await violations(page) == []
