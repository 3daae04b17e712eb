"""The board says which bot is misaddressed and what to correct, and lets an operator remove one that is long gone."""

import re
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from models import Role
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.console_app import running_console
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot

LINES = "(note) => Math.round(note.clientHeight / parseFloat(getComputedStyle(note).lineHeight))"

pytestmark = pytest.mark.browser
V2 = "DISCORD_TOKEN=x\nLLM_MODEL_NAME=llama3\nAPI_PORT={}\n"


async def test_the_board_says_what_to_correct_and_a_bot_can_be_removed(
    make_settings: MakeSettings, tmp_path: Path, page: Page
) -> None:
    """A copied port is named with the file it stands in; a bot that nothing describes is removed after one question."""
    async with sample_bot("elena", contract="v2") as elena, sample_bot("jake", contract="v2") as jake:
        for name, port in (("elena", elena.port), ("marcus", elena.port), ("jake", jake.port)):
            (tmp_path / f".env.{name}").write_text(V2.format(port))
        settings = make_settings()
        async with running_console(settings) as console:
            await eventually(lambda: "jake" in console.services.known_bots.names)
            (tmp_path / ".env.jake").unlink()
            await jake.kill()
            await console.services.registry.refresh()
            console.services.fleet.sync_registry()
            await sign_in(page, console, role=Role.OPERATOR)
            marcus, gone = page.get_by_test_id("bot-marcus"), page.get_by_test_id("bot-jake")
            await expect(marcus).to_contain_text("Misaddressed")
            await expect(marcus.get_by_test_id("note")).to_have_attribute(
                "title", re.compile(r'^The bot at .* calls itself "elena"\. Correct API_PORT in')
            )
            await expect(gone.get_by_test_id("note")).to_contain_text("no longer configured")
            await expect(page.get_by_test_id("banner")).to_contain_text("Marcus Thompson is misaddressed")
            assert await violations(page) == []
            await page.set_viewport_size({"width": 390, "height": 844})
            await expect(page.locator(".we-as-cards")).to_be_visible()
            assert await marcus.get_by_test_id("note").evaluate(LINES) == 3
            await page.set_viewport_size({"width": 1440, "height": 900})
            await page.get_by_test_id("more-jake").click()
            await page.get_by_test_id("menu-remove").click()
            question = page.get_by_test_id("confirm-remove")
            await expect(question).to_contain_text("Remove Jake Sterling from the fleet?")
            await question.get_by_test_id("confirm").click()
            await expect(gone).to_have_count(0)
            await page.get_by_test_id("more-marcus").click()
            await expect(page.get_by_test_id("menu-remove")).to_have_count(0)
            await page.goto(f"{console.url}/admin/bots/marcus")
            own = page.get_by_test_id("self-description")
            await expect(own).to_contain_text("Another bot answers at this address.")
