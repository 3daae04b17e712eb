"""The whole way of a restart: a real container dies, the operator sees it, presses the button, and it is back."""

from collections.abc import Callable

import pytest
from playwright.async_api import Page, expect

from chat_api.fleet.schemas import BotStatus
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.console_app import running_console
from tests.support.docker_engine import BotContainer, DockerEngineHandle

LONG_MS = 60_000


@pytest.mark.docker
@pytest.mark.browser
async def test_a_killed_container_is_restarted_from_the_page(
    make_settings: MakeSettings,
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    page: Page,
) -> None:
    """Offline without a reload when the container is killed; the button's progress; online when it answers again."""
    bot = bot_container("elena")
    async with running_console(make_settings(docker_host=docker_engine.host)) as console:
        await sign_in(page, console)
        row = page.get_by_test_id("bot-elena")
        await expect(row).to_have_attribute("data-status", BotStatus.ONLINE, timeout=LONG_MS)
        await page.evaluate("window.isSamePage = true")

        bot.container.kill()
        await expect(row).to_have_attribute("data-status", BotStatus.OFFLINE)

        await row.get_by_role("button", name="Restart").click()
        dialog = page.get_by_test_id("confirm-restart")
        await expect(dialog).to_contain_text("Restart Elena Rodriguez?")
        await dialog.get_by_test_id("confirm").click()
        await expect(row).to_have_attribute("data-status", BotStatus.RESTARTING)
        await expect(row).to_have_attribute("data-status", BotStatus.ONLINE, timeout=LONG_MS)
        assert await page.evaluate("window.isSamePage")
