"""An operator finds a fleet that nobody told us of, adopts it with one click, and restarts a worker of it."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.chat_api.parts.test_fleet_parts import fleet  # noqa: F401
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.console_app import running_console
from tests.support.docker_engine import BotContainer, DockerEngineHandle

SHOTS = os.environ.get("WE_SHOTS")
LONG_MS = 60_000


async def _look(page: Page, name: str) -> None:
    if not SHOTS:
        return
    for scheme in ("dark", "light"):
        await page.emulate_media(color_scheme=scheme)
        await page.screenshot(path=Path(SHOTS) / f"{name}-{scheme}.png", full_page=True)
    await page.set_viewport_size({"width": 390, "height": 844})
    await page.screenshot(path=Path(SHOTS) / f"{name}-phone.png", full_page=True)
    await page.set_viewport_size({"width": 1440, "height": 900})


@pytest.mark.docker
@pytest.mark.browser
async def test_a_fleet_is_adopted_and_its_worker_restarted(
    make_settings: MakeSettings,
    docker_engine: DockerEngineHandle,
    fleet: dict[str, BotContainer],  # noqa: F811
    page: Page,
) -> None:
    """On the board at once, bots first; watched only, until one click and its answer adopt all of the project."""
    async with running_console(make_settings(docker_host=docker_engine.host)) as console:
        await page.set_viewport_size({"width": 1440, "height": 900})
        await sign_in(page, console)
        workers = page.get_by_test_id("parts-worker")
        await expect(workers).to_contain_text("Cognition worker", timeout=LONG_MS)
        await expect(page.get_by_test_id("parts-service")).to_contain_text("PostgreSQL")
        await expect(page.get_by_test_id("bot-elena")).to_be_visible(timeout=LONG_MS)
        await _look(page, "board")

        await page.get_by_role("link", name="Adopt").click()
        project = page.get_by_test_id("project-v2")
        await expect(project).to_contain_text("A fleet with 1 bot")
        await _look(page, "adopt")
        await project.get_by_test_id("adopt-all").click()
        await page.get_by_test_id("ask-do").click()
        await expect(project.get_by_test_id("adopt-all")).to_have_count(0)
        await expect(project.get_by_test_id("release")).to_have_count(4)
        await _look(page, "adopted")

        await page.get_by_role("link", name="Fleet").first.click()
        await workers.get_by_role("link", name="Cognition worker").click()
        await page.get_by_test_id("restart").click()
        await page.get_by_test_id("ask-do").click()
        await expect(page.get_by_text("v2-worker-cognition-1 restarted")).to_be_visible(timeout=LONG_MS)
        await expect(page.get_by_test_id("part-status")).to_have_text("Healthy")
        await expect(page.get_by_text("ready").first).to_be_visible(timeout=LONG_MS)
        await _look(page, "part")
