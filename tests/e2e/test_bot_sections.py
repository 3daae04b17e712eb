"""Sections of a bot's page that show who talks to it and what runs it, full and empty."""

import pytest
from playwright.async_api import Page, expect

from models import Role
from tests.e2e.test_console import sign_in
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole

pytestmark = pytest.mark.browser
PEOPLE = "/admin/bots/elena?tab=people"


async def test_who_is_talking_to_it(console_app: RunningConsole, open_context: OpenContext) -> None:
    """Nobody, then one by name; a viewer learns how many, not who."""
    page = await (await open_context()).new_page()
    await sign_in(page, console_app, path=PEOPLE)
    users = page.get_by_test_id("bot-users")
    await expect(users).to_have_text("No one has written in the last five minutes.")
    user = await console_app.principal("alice")
    await console_app.services.messages.send(user, bot_name="elena", content="Hello")
    await page.reload()
    await expect(users).to_contain_text("1 person in the last five minutes")
    await expect(users).to_contain_text("alice")
    await page.goto(f"{console_app.url}/admin/bots/marcus?tab=people")
    await expect(users).to_have_text("No one has written in the last five minutes.")

    other = await (await open_context()).new_page()
    await sign_in(other, console_app, Role.VIEWER, path=PEOPLE)
    await expect(other.get_by_test_id("bot-users")).to_have_text("1 person in the last five minutes")


async def test_many_are_counted_and_some_are_named(console_app: RunningConsole, page: Page) -> None:
    """Twelve names are read, and how many there are besides."""
    for number in range(14):
        user = await console_app.principal(f"person {number}")
        await console_app.services.messages.send(user, bot_name="elena", content="Hello")
    await sign_in(page, console_app, path=PEOPLE)
    users = page.get_by_test_id("bot-users")
    await expect(users).to_contain_text("14 people in the last five minutes")
    await expect(users).to_contain_text("and 2 more")


async def test_without_an_engine_it_says_so(console_app: RunningConsole, page: Page) -> None:
    """What is missing stands where the container would."""
    await sign_in(page, console_app, path="/admin/bots/elena?tab=container")
    await expect(page.get_by_test_id("no-container")).to_contain_text(
        "No container engine is configured (DOCKER_HOST)."
    )
    await expect(page.get_by_test_id("usage")).to_have_count(0)


async def test_its_log_opens_with_the_tab(console_app: RunningConsole, page: Page) -> None:
    """From the address and by a click, on a page that is connected already: the log is asked for either way."""
    await sign_in(page, console_app, path="/admin/bots/elena?tab=logs")
    told = page.get_by_test_id("log-error")
    await expect(told).to_contain_text("No container engine")
    await page.get_by_test_id("tab-people").click()
    await expect(page.get_by_test_id("bot-users")).to_be_visible()
    await page.get_by_test_id("tab-logs").click()
    await expect(told).to_contain_text("No container engine")


async def test_the_tab_that_is_shown_can_be_seen_on_a_phone(
    console_app: RunningConsole, open_context: OpenContext
) -> None:
    """Tabs that are wider than the screen are scrolled to the one of the address, and of every click."""
    page = await (await open_context(viewport={"width": 360, "height": 740})).new_page()
    await sign_in(page, console_app, path="/admin/bots/elena?tab=policy")
    await expect(page.get_by_test_id("tab-policy")).to_be_in_viewport(ratio=0.9)
    await expect(page.get_by_test_id("tab-overview")).not_to_be_in_viewport()
    await page.get_by_test_id("tab-people").click()
    await page.get_by_test_id("tab-people").press("Home")
    await expect(page.get_by_test_id("tab-overview")).to_be_in_viewport(ratio=0.9)
    await page.goto(f"{console_app.url}/admin/alerts?tab=history")
    await expect(page.locator(".we-tabs [aria-current]")).to_be_in_viewport(ratio=0.9)
