"""Settings, System and the notices in a real browser."""

import os
import time
from pathlib import Path
from typing import Literal

import pytest
from playwright.async_api import Page, ViewportSize, expect

from chat_api.settings.schemas import Tone
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.axe import violations
from tests.support.browser import OpenContext
from tests.support.chat_browser import person
from tests.support.console_app import RunningConsole

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("elena", "marcus")]

SHOTS = os.environ.get("SCREENSHOTS_DIR")
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
PHONE: ViewportSize = {"width": 390, "height": 844}
HOSTILE = '<img src=x onerror="window.hacked=1"> Back at 18:00.'


async def looked_at(page: Page, name: str, *, part: str = "") -> None:
    """axe finds no fault in the page, or in a part of it; kept for eyes in either theme with ``SCREENSHOTS_DIR``."""
    assert [found for found in await violations(page) if part in found] == [], name
    for scheme in SCHEMES:
        if SHOTS:
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=str(Path(SHOTS) / f"{name}-{scheme}.png"), full_page=True)
    if SHOTS:
        before = page.viewport_size
        await page.set_viewport_size(PHONE)
        await page.screenshot(path=str(Path(SHOTS) / f"{name}-phone.png"), full_page=True)
        assert before is not None
        await page.set_viewport_size(before)
    await page.emulate_media(color_scheme="light")


async def is_as_wide_as_the_window(page: Page) -> bool:
    """Nothing makes the page scroll sideways."""
    return bool(await page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


async def test_a_setting_is_changed_refused_and_reset(
    console_app: RunningConsole, page: Page, open_context: OpenContext
) -> None:
    """The page says where a value comes from and when it counts; a wrong one is refused beside its field."""
    await sign_in(page, console_app, path="/admin/settings")
    row = page.get_by_test_id("setting-bot_api_timeout")
    await expect(row.get_by_test_id("source")).to_have_text("default")
    other = await (await open_context()).new_page()
    await sign_in(other, console_app, Role.VIEWER, path="/admin/settings")
    await expect(other.get_by_test_id("edit-bot_api_timeout")).to_have_count(0)

    await page.get_by_test_id("edit-bot_api_timeout").click()
    await page.get_by_test_id("setting-field").fill("0")
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("setting-error")).to_have_text("bot_api_timeout: must be more than 0")
    await page.get_by_test_id("setting-field").fill("12")
    await page.get_by_test_id("save").click()
    await expect(row.get_by_test_id("value")).to_have_text("12")
    await expect(row.get_by_test_id("source")).to_have_text("set here")
    await expect(other.get_by_test_id("setting-bot_api_timeout").get_by_test_id("value")).to_have_text("12")

    pool = page.get_by_test_id("setting-database_pool_size")
    await page.get_by_test_id("edit-database_pool_size").click()
    await page.get_by_test_id("setting-field").fill("9")
    await page.get_by_test_id("setting-field").press("Enter")
    await expect(pool.get_by_test_id("waiting")).to_have_text("9 after a restart")
    await expect(pool.get_by_test_id("value")).to_have_text("5")
    await looked_at(page, "settings")
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await is_as_wide_as_the_window(page)

    await page.get_by_test_id("reset-bot_api_timeout").click()
    await expect(row.get_by_test_id("value")).to_have_text("30")
    await expect(row.get_by_test_id("source")).to_have_text("default")


async def test_an_announcement_appears_in_open_pages(
    console_app: RunningConsole, page: Page, open_context: OpenContext
) -> None:
    """On the chat page, in the console and where one signs in; as text, whatever is in it; and it goes by itself."""
    chat = await person(await open_context(), console_app, "alice")
    stranger = await (await open_context()).new_page()
    await sign_in(page, console_app, path="/admin/settings")
    await chat.page.evaluate("window.isSamePage = true")
    await page.get_by_test_id("announcement-text").fill(HOSTILE)
    await page.get_by_label("Type").select_option("warning")
    await page.get_by_test_id("announce").click()
    for shown in (chat.page, page):
        await expect(shown.get_by_test_id("notice-announcement")).to_contain_text(HOSTILE)
    await stranger.goto(console_app.url)
    await expect(stranger.get_by_test_id("notice-announcement")).to_contain_text(HOSTILE)
    assert await chat.page.evaluate("[window.isSamePage, window.hacked]") == [True, None]
    await expect(page.get_by_test_id("announcement-state")).to_have_text("live")
    await looked_at(chat.page, "chat-announcement", part="we-notice")
    await looked_at(stranger, "sign-in-announcement")
    await page.get_by_test_id("take-back").click()
    await expect(chat.page.get_by_test_id("notice-announcement")).to_have_count(0)


async def test_maintenance_is_said_calmly(console_app: RunningConsole, page: Page, open_context: OpenContext) -> None:
    """Asked for once with who is affected; the chat says it, keeps what was written, and takes it afterwards."""
    chat = await person(await open_context(), console_app, "bob")
    await chat.open("elena")
    await chat.talk("Hello Elena.")
    await sign_in(page, console_app, path="/admin/settings")
    await page.get_by_test_id("maintenance-text").fill("Back at six.")
    await page.get_by_test_id("begin-maintenance").click()
    await expect(page.get_by_test_id("ask")).to_contain_text("1 person has written")
    await page.get_by_test_id("ask-do").click()
    await expect(page.get_by_test_id("maintenance-state")).to_have_text("on")
    await expect(chat.by_id("notice-maintenance")).to_contain_text("Back at six.")
    await chat.say("Are you there?")
    await expect(chat.said("user").last).to_contain_text("Back at six.")
    await looked_at(chat.page, "chat-maintenance", part="we-notice")
    await looked_at(page, "settings-maintenance")

    await page.get_by_test_id("end-maintenance").click()
    await expect(chat.by_id("notice-maintenance")).to_have_count(0)
    await chat.said("user").last.get_by_role("button", name="Retry").click()
    await expect(chat.said("bot")).to_have_count(2)


async def test_a_feature_is_switched_off(console_app: RunningConsole, page: Page) -> None:
    """The switch, its state and who did it; what it means is proven where the services are."""
    await sign_in(page, console_app, path="/admin/settings")
    await page.get_by_test_id("feature-reactions").uncheck()
    await expect(page.locator(".we-switches")).to_contain_text("Last changed by test-admin")
    async with console_app.client() as client:
        found = (await client.get("/api/announcement")).json()
    assert found == {"announcement": None, "tone": Tone.INFO, "maintenance": None}


async def test_the_system_page_shows_what_goes_wrong(console_app: RunningConsole, page: Page) -> None:
    """A loop that stood still, with where; a slow statement, without its values; workers on time."""
    database = console_app.services.system._database
    database.slow_queries.limit_s = 0.05
    await sign_in(page, console_app, path="/admin/system")
    await expect(page.get_by_test_id("processes")).to_contain_text("Leader")
    await expect(page.get_by_test_id("worker-health_poller")).to_contain_text("on time")
    await expect(page.get_by_test_id("migration")).to_contain_text("up to date")
    await database.fetch("SELECT pg_sleep($1), 'a secret' AS told", 0.06)
    stand_still()
    blocked = page.get_by_test_id("blocked").filter(has_text="stand_still")  # a busy machine may add others
    await blocked.locator("summary").click()
    await expect(blocked).to_contain_text("stand_still")
    await expect(page.get_by_test_id("system-banner")).to_contain_text("Event loop stalls")
    await expect(page.get_by_test_id("slow-queries")).to_contain_text("SELECT pg_sleep($1), ? AS told")
    await expect(page.get_by_test_id("routes")).to_contain_text("/admin/login")
    await looked_at(page, "system")
    await page.set_viewport_size({"width": 360, "height": 740})
    assert await is_as_wide_as_the_window(page)


def stand_still() -> None:
    """What nobody may do in a loop."""
    time.sleep(1.2)
