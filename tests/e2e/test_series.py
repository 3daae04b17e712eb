"""Charts and timelines in a real browser: one outage reads the same in figures, strip, table and file."""

import asyncio
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from nicegui import ui
from playwright.async_api import Page, expect

from chat_api.core.database import Database
from chat_api.core.principals import Principal
from chat_api.series import repository as series
from chat_api.series import status_intervals_repository as status_intervals
from chat_api.series.repository import Increment, Tally
from chat_api.series.status_intervals_repository import OpenInterval
from console.frame import frame
from console.frame import page as console_page
from console.pages.bot.series import bot_series
from console.widgets.fleet_pulse import on_fleet_pulse
from console.widgets.timeline import timeline
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.console_app import RunningConsole, running_console
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

pytestmark = pytest.mark.browser


async def _bot_page(principal: Principal, bot_name: str) -> None:
    with frame(principal, title=bot_name, path="/admin/seen"), ui.element("div").classes("we-panels"):
        await bot_series(principal, bot_name)
        await timeline(principal, f"bot:{bot_name}")


@pytest.fixture
async def past(database_url: str) -> None:
    """A day of elena's, with ten minutes off in the middle and an hour in which nobody looked."""
    now = datetime.now(UTC)
    database = Database(database_url, pool_size=2)
    minute = now.replace(second=0, microsecond=0)
    increments = [
        Increment(
            subject=subject,
            span_s=60,
            started_at=minute - timedelta(minutes=back),
            tally=Tally(
                count=9,
                errors=int(back % 7 == 0),
                sum_ms=8 * 700.0,
                max_ms=1500,
                buckets={70 + back % 6: 6, 80: 1, 84: 1},
            ),
        )
        for subject in ("answers:elena", "health:elena", "service:redis")
        for back in range(5, 1300, 5)
    ]
    spans = (
        ("online", 23, 12, ""),
        ("offline", 12, 11.8, "container exited with code 137, out of memory"),
        ("starting", 11.8, 11.75, "cannot connect"),
        ("online", 11.75, 6, ""),
        ("online", 5, 2, ""),
        ("maintenance", 2, 1.5, "new model"),
        ("degraded", 1.5, 1.2, "does not answer messages: <b>no answer</b> in time"),
        ("online", 1.2, 0, ""),
    )
    intervals = [
        OpenInterval(
            subject="bot:elena",
            status=status,
            started_at=now - timedelta(hours=start),
            until_at=now - timedelta(hours=end),
            reason=reason,
        )
        for status, start, end, reason in spans
    ]
    async with database.statement() as connection:
        await series.add(connection, increments, writer=uuid4(), batch=1)
        await status_intervals.put(connection, intervals)
    await database.dispose()


async def open_bot(console: RunningConsole, browser_page: Page, bot_name: str, role: Role = Role.VIEWER) -> None:
    """Sign in and open the page with both widgets."""
    console_page("/admin/seen/{bot_name}", title="Seen")(_bot_page)
    await sign_in(browser_page, console, role)
    await browser_page.goto(f"{console.url}/admin/seen/{bot_name}")
    await expect(browser_page.get_by_test_id("timeline")).to_be_visible()


async def test_an_outage_reads_the_same_everywhere(
    make_settings: MakeSettings, past: None, page: Page, elena: RunningBot, marcus: RunningBot
) -> None:
    """The share, the strip, the exact intervals with their reasons, the charts, the file; no axe violation."""
    async with running_console(make_settings(bots=(elena, marcus))) as console:
        await open_bot(console, page, "elena")
        card = page.get_by_test_id("uptime-24h")
        await expect(card).to_contain_text("98.")
        await expect(card).to_contain_text("down 15 min")
        await expect(card).to_contain_text("maintenance 30 min")
        table = page.get_by_test_id("timeline").get_by_test_id("records").filter(visible=True)
        await expect(table).to_contain_text("container exited with code 137, out of memory")
        await expect(table).to_contain_text("<b>no answer</b>")
        await expect(table).to_contain_text("Not monitored")
        await expect(table).to_contain_text("12 min")
        await expect(page.locator(".we-strip rect.we-fill-bad")).to_have_count(1)
        await expect(page.get_by_test_id("series-words").first).to_contain_text("p95 now")
        await expect(page.locator(".we-chart svg path").first).to_be_attached()
        async with page.expect_download() as saving:
            await page.get_by_test_id("timeline").get_by_role("link", name="CSV").filter(visible=True).click()
        text = await asyncio.to_thread(Path(await (await saving.value).path()).read_text)
        assert "out of memory" in text
        for scheme in ("light", "dark"):
            await page.emulate_media(color_scheme=scheme)
            await _picture(page, f"bot-{scheme}")
        assert not (found := await violations(page)), "\n".join(found)
        await page.get_by_test_id("window-1h").click()
        await expect(page.get_by_test_id("window-1h")).to_have_attribute("aria-pressed", "true")
        await page.get_by_test_id("uptime-1y").click()
        await expect(page.get_by_test_id("uptime-1y")).to_have_attribute("aria-pressed", "true")
        await expect(
            page.get_by_test_id("timeline").get_by_role("link", name="CSV").filter(visible=True)
        ).to_have_attribute("href", "/api/admin/bots/elena/intervals?window=1y&format=csv")
        await page.set_viewport_size({"width": 360, "height": 800})

        async def fits() -> bool:
            return bool(await page.evaluate("document.documentElement.scrollWidth <= 360"))

        await eventually(fits)  # charts follow the size of their place a moment later
        await _picture(page, "bot-phone")


async def test_a_service_has_a_page(console_app: RunningConsole, page: Page) -> None:
    """With its own charts and states; one that there is not says so."""
    await sign_in(page, console_app, Role.VIEWER)
    await page.goto(f"{console_app.url}/admin/services/redis")
    await expect(page.get_by_role("heading", name="Redis")).to_be_visible()
    await expect(page.get_by_test_id("uptime-24h")).to_contain_text("100%")
    assert await violations(page) == []
    await _picture(page, "service")
    await page.goto(f"{console_app.url}/admin/services/nothing")
    await expect(page.get_by_test_id("page-failure")).to_contain_text("no such service")


async def test_an_open_page_reads_again_when_the_fleet_changes(
    console_app: RunningConsole, page: Page, elena: RunningBot
) -> None:
    """Without a reload; and nothing of a closed one stays."""
    read: list[str] = []

    async def build(principal: Principal) -> None:
        with frame(principal, title="Pulse", path="/admin/pulse"):
            label = ui.label("0").props("data-testid=pulse")

            async def read_again() -> None:
                read.append(principal.username)
                label.set_text(str(len(read)))

            on_fleet_pulse(read_again, at_most_every_s=0.2)

    console_page("/admin/pulse", title="Pulse")(build)
    await sign_in(page, console_app, Role.VIEWER)
    listeners = console_app.services.fleet.changes._listeners[None]
    before = len(listeners)
    await page.goto(f"{console_app.url}/admin/pulse")
    await elena.set_faults(mode="not_ready", scope="all")
    await expect(page.get_by_test_id("pulse")).not_to_have_text("0")
    await elena.set_faults(mode="ok", scope="chat")
    await page.goto("about:blank")
    await eventually(lambda: len(listeners) == before)


async def _picture(browser_page: Page, name: str) -> None:
    folder = os.environ.get("PICTURES")
    if folder:
        await browser_page.screenshot(path=f"{folder}/{name}.png", full_page=True)
