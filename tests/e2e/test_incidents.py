"""Incidents in a real browser: they appear while the page is open, and are read, acknowledged and taken away."""

import asyncio
import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from chat_api.core.errors import NotFound
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.axe import violations
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot

LONG_MS = 60_000


async def check_look(page: Page, name: str) -> None:
    """No violation; a picture in either theme for who asks for one."""
    await expect(page.locator(".q-notification")).to_have_count(0)  # while it fades nothing in it is readable
    found = await violations(page)
    assert not found, "\n".join(found)
    if folder := os.environ.get("SCREENSHOTS"):
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme)
            await page.screenshot(path=Path(folder) / f"{name}-{scheme}.png", full_page=True)


@pytest.mark.browser
async def test_an_outage_becomes_an_incident_on_the_open_page(
    console_app: RunningConsole, page: Page, elena: RunningBot, open_context: OpenContext
) -> None:
    """It appears and is resolved without a reload; acknowledged with a reason; a viewer has no buttons."""
    await sign_in(page, console_app, path="/admin/incidents")
    await expect(page.get_by_test_id("incidents")).to_contain_text("No incidents")
    await check_look(page, "incidents-empty")
    await page.evaluate("window.isSamePage = true")
    await elena.kill()
    item = page.get_by_test_id("incidents").get_by_role("link")
    await expect(item).to_contain_text("Elena Rodriguez is offline", timeout=LONG_MS)
    assert await page.evaluate("window.isSamePage")
    await check_look(page, "incidents")
    await page.goto(f"{console_app.url}/admin/incidents?state=resolved&bot=elena")
    await expect(page.get_by_test_id("incidents")).to_contain_text("No matching incidents")
    await page.goto(f"{console_app.url}/admin/incidents?state=open&bot=elena")

    await item.click()
    await expect(page.get_by_test_id("incident-banner")).to_contain_text("Open")
    await expect(page.get_by_test_id("evidence")).to_contain_text("the incident opened")
    await page.get_by_label("Acknowledgement note").fill("<b>I am at it</b>")
    await page.get_by_role("button", name="Acknowledge").click()
    await expect(page.get_by_test_id("incident-banner")).to_contain_text("Acknowledged")
    await expect(page.get_by_label("Acknowledgement note")).to_be_hidden()
    await page.get_by_label("Note", exact=True).fill("The process was killed.")
    await page.get_by_role("button", name="Add note").click()
    await expect(page.get_by_test_id("timeline")).to_contain_text("The process was killed.")
    await expect(page.get_by_test_id("timeline")).to_contain_text("<b>I am at it</b>")
    await check_look(page, "incident")
    async with page.expect_download() as download:
        await page.get_by_role("link", name="Export as Markdown").click()
    saved = await (await download.value).path()
    assert "I am at it" in await asyncio.to_thread(saved.read_text)

    phone = await (await open_context(viewport={"width": 360, "height": 800})).new_page()
    await sign_in(phone, console_app, Role.VIEWER, path=page.url.removeprefix(console_app.url))
    await expect(phone.get_by_test_id("timeline")).to_contain_text("The process was killed.")
    await expect(phone.get_by_role("button", name="Add note")).to_have_count(0)
    assert await phone.evaluate("document.documentElement.scrollWidth") <= 360
    if folder := os.environ.get("SCREENSHOTS"):
        await phone.screenshot(path=Path(folder) / "incident-phone.png", full_page=True)

    await elena.start()
    await expect(page.get_by_test_id("incident-banner")).to_contain_text("Resolved", timeout=LONG_MS)
    await page.goto(f"{console_app.url}/admin/incidents/0190d0f2-7c1e-7000-8000-000000000000")
    await expect(page.get_by_test_id("page-failure")).to_have_text(NotFound("This incident doesn't exist.").message)
