"""The log of real containers in a real browser: as it is written, filtered, paused, and read back."""

import re
from collections.abc import Callable
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.chat_api.logs.test_service import script
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.console_app import running_console
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually

pytestmark = [pytest.mark.docker, pytest.mark.browser]
MANY = re.compile(r"Paused: ([3-9]|\d{2,}),\d{3} skipped")  # more than the server keeps for a viewer
TALK = r"""
import os, time
print("\x1b[31mERROR\x1b[0m <img src=x onerror=window.isHacked=1> sk-abcdefghijklmnop", flush=True)
print("INFO ready", flush=True)
n = 0
while True:
    fast = os.path.exists("/tmp/fast")
    for _ in range(500 if fast else 1):
        print("INFO tick", n, flush=not fast)
        n += 1
    time.sleep(0.2 if fast else 2)  # slow enough that the first lines are still among the last when the page is there
"""
HERE = "import time\nwhile True:\n    print('INFO marcus is here', flush=True)\n    time.sleep(2)"


async def test_a_container_is_followed_in_the_browser(
    make_settings: MakeSettings,
    docker_engine: DockerEngineHandle,
    bot_container: Callable[..., BotContainer],
    page: Page,
    tmp_path: Path,
) -> None:
    """Lines come by themselves and are text; filters are the server's; a pause says what it skipped."""
    elena = bot_container("elena", **script(TALK))
    bot_container("marcus", **script(HERE))
    (tmp_path / "fleet.yaml").write_text("[{name: elena, port: 1}, {name: marcus, port: 2}]")
    settings = make_settings(docker_host=docker_engine.host, bots_config=tmp_path / "fleet.yaml")
    async with running_console(settings) as console:
        await sign_in(page, console, path="/admin/logs")
        lines = page.get_by_test_id("lines")
        await expect(lines).to_contain_text("marcus is here")
        await expect(lines).to_contain_text(re.compile(r"tick \d+"))

        await page.get_by_test_id("level-error").click()
        await expect(lines).to_contain_text("<img src=x onerror=window.isHacked=1>")
        await expect(lines).not_to_contain_text("tick")
        await expect(lines).not_to_contain_text("abcdefghijklmnop")
        assert await page.evaluate("window.isHacked") is None
        await expect(page.locator(".we-ansi-1")).to_have_text("ERROR")
        found = await violations(page)
        assert not found, "\n".join(found)

        await page.get_by_test_id("level-error").click()
        await page.get_by_test_id("pattern").fill("(?=x)")
        await expect(page.get_by_test_id("log-error")).to_contain_text("can't be used here")
        await page.get_by_test_id("pattern").fill("tick \\d+")
        await expect(page.get_by_test_id("log-error")).to_be_empty()
        await expect(lines).not_to_contain_text("ready")
        await expect(page).to_have_url(re.compile(r"q=tick"))

        await lines.focus()
        await page.keyboard.press(" ")
        elena.container.exec_run(["touch", "/tmp/fast"])
        await expect(page.get_by_test_id("paused")).to_have_text(MANY)
        before = await lines.inner_text()
        assert await lines.inner_text() == before
        await lines.focus()
        await page.keyboard.press(" ")
        await eventually(lambda: _dropped(page))
        elena.container.exec_run(["rm", "/tmp/fast"])
        assert await page.locator(".we-log-line").count() < 100

        async def adds_up() -> bool:
            emitted, shown, dropped = await _counts(page)
            return emitted == shown + dropped

        await eventually(adds_up)
        await page.get_by_label("Jump to a time").fill("2020-01-01T00:00")
        await expect(page.get_by_test_id("live")).to_be_visible()
        await expect(lines).to_contain_text("tick 0")
        await page.get_by_test_id("wrap").click()
        href = await page.get_by_test_id("download").get_attribute("href")
        answer = await page.request.get(f"{console.url}{href}")
        assert "tick 0" in await answer.text()


async def _counts(page: Page) -> tuple[int, ...]:
    text = await page.get_by_test_id("counts").inner_text()
    return tuple(int(number.replace(",", "")) for number in re.findall(r"[\d,]+", text))


async def _dropped(page: Page) -> bool:
    return (await _counts(page))[2] > 0
