"""What holds on every page of the console: it opens for its roles, everybody can use it, and it fits any screen."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
from playwright.async_api import Page, expect

from chat_api.core.principals import LEAST_ROLE
from chat_api.core.settings import Settings
from console.frame import NAVIGATION
from console.pages.bot.page import SECTIONS
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.api import bots_config
from tests.support.axe import violations
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole, running_console
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot
from tests.support.servers import shared_redis_url, with_database

pytestmark = pytest.mark.browser

BOT_PAGES = tuple(f"/admin/bots/elena?tab={section.key}" for section in SECTIONS)
PAGES = (*(path for path, *_ in NAVIGATION), *BOT_PAGES, "/admin/services/redis")
WIDTHS_PX = (360, 390, 1440, 2560)
READ_AT_PX = (390, 1440)


@pytest.fixture(scope="module")
async def console(
    postgres_server: str,
    migrated_template: str,
    valkey_server: str,
    elena_process: RunningBot,
    marcus_process: RunningBot,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[RunningConsole]:
    """One application with elena and marcus, and something to see."""
    connection = await asyncpg.connect(with_database(postgres_server, "postgres"))
    await connection.execute(f"CREATE DATABASE every_page TEMPLATE {migrated_template}")
    folder: Path = tmp_path_factory.mktemp("pages")
    settings = Settings(
        database_url=with_database(postgres_server, "every_page"),
        redis_url=shared_redis_url(valkey_server),
        web_ui_state_dir=folder / "state",
        bots_config=bots_config(folder, elena_process, marcus_process),
        bots_env_dir=folder,
        bots_host_mode="localhost",
        rate_limit_requests_per_minute=100_000,
        bot_health_check_interval=0.5,
        database_pool_size=5,
    )
    async with running_console(settings) as running:
        user = await running.principal("alice")
        for bot_name in ("elena", "marcus"):
            await running.services.messages.send(user, bot_name=bot_name, content="Hello")
        yield running
    await connection.execute("DROP DATABASE every_page WITH (FORCE)")
    await connection.close()


async def test_everybody_can_use_it_on_any_screen(console: RunningConsole, page: Page) -> None:
    """axe-core finds no violation at a desk and on a phone; from 360 to 2560 pixels none is wider than the screen."""
    await sign_in(page, console)
    found: list[object] = []
    for path in PAGES:
        await page.set_viewport_size({"width": min(WIDTHS_PX), "height": 900})
        await _open(page, console, path)
        for width_px in WIDTHS_PX:
            await page.set_viewport_size({"width": width_px, "height": 900})
            needed_px = await page.evaluate("document.documentElement.scrollWidth")
            if needed_px > width_px:
                found.append(f"{path} at {width_px} px needs {needed_px}")
            if width_px in READ_AT_PX:
                found += [f"{path} at {width_px} px: {violation}" for violation in await violations(page)]
    assert found == []


@pytest.mark.parametrize("role", list(Role))
async def test_a_role_sees_its_pages(console: RunningConsole, open_context: OpenContext, role: Role) -> None:
    """What is in the navigation opens; what is not is refused to who knows the address."""
    page = await (await open_context()).new_page()
    await sign_in(page, console, role)
    ranks = list(Role)
    for path, _, label, permission in NAVIGATION:
        may = ranks.index(role) >= ranks.index(LEAST_ROLE[permission])
        await page.goto(console.url + path)
        await expect(page.get_by_role("heading", level=1)).to_have_text(
            re.compile(f"^{label}") if may else "This page couldn't be loaded", use_inner_text=True
        )
        await expect(page.locator(".we-nav").get_by_role("link", name=label, exact=True)).to_have_count(int(may))


async def test_a_tab_that_is_left_leaves_nothing_behind(console: RunningConsole, page: Page) -> None:
    """However often somebody goes through the tabs of a bot, no more listens to the fleet than the tab that is open."""
    await sign_in(page, console)
    await _open(page, console, BOT_PAGES[0])
    await expect(page.get_by_test_id("section").locator(".we-section > *")).not_to_have_count(0)
    listeners = console.services.fleet.changes._listeners[None]
    before = len(listeners)
    for _ in range(2):
        for section in SECTIONS:
            await page.get_by_role("tab", name=section.title).click()
            await expect(page.get_by_test_id("section").locator(".we-section > *")).not_to_have_count(0)
    await page.get_by_role("tab", name=SECTIONS[0].title).click()
    await eventually(lambda: len(listeners) == before)


async def _open(page: Page, console: RunningConsole, path: str) -> None:
    await page.goto(console.url + path)
    await expect(page.locator(".we-main h1, .we-main [role=heading][aria-level='1']")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
