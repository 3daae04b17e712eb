"""A proxy that lets requests through and no WebSocket: the reader is told, and sees what the page came with."""

import re
from functools import partial

import pytest
from playwright.async_api import WebSocketRoute, expect

from tests.e2e.test_console import sign_in
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole
from tests.support.eventually import eventually

pytestmark = pytest.mark.browser
PAGE_SOCKET = re.compile("/_nicegui_ws/")
BEYOND_ANY_PATIENCE_MS = 25_000  # Socket.IO waits for 20 s


async def test_a_socket_that_is_accepted_and_never_answered(console: RunningConsole, open_context: OpenContext) -> None:
    """The page says what is wrong, shows what it came with, and is not loaded anew at each vain attempt.

    The Fleet page asks over HTTP; the page of a bot, which the server builds, says as of when it is.
    """
    opened: list[WebSocketRoute] = []

    def never_answer(socket: WebSocketRoute) -> None:
        opened.append(socket)

    context = await open_context()
    await context.route_web_socket(PAGE_SOCKET, never_answer)
    page = await context.new_page()
    await page.clock.install()
    await sign_in(page, console)
    await page.evaluate("window.isSamePage = true")
    bot, blocked = page.get_by_test_id("bot-elena"), page.get_by_test_id("connection-blocked")
    await expect(bot).to_have_attribute("data-status", "online")
    await expect(page.get_by_test_id("banner")).to_contain_text("Healthy")
    for attempts in range(1, 4):
        await eventually(partial(_are_so_many, opened, attempts))
        await page.clock.fast_forward(BEYOND_ANY_PATIENCE_MS)
        await expect(blocked).to_contain_text("Live connection is blocked")
        await expect(blocked).to_contain_text("WebSocket upgrades")
    await expect(blocked).to_have_count(1)
    await expect(bot).to_have_attribute("data-status", "online")
    assert await page.evaluate("window.isSamePage")
    await page.goto(f"{console.url}/admin/bots/elena")
    status, as_of = page.get_by_test_id("status"), page.get_by_test_id("as-of")
    for _ in range(2):
        await expect(as_of).to_contain_text(re.compile(r"as of \d+:\d\d"))
        await expect(status).to_be_visible()
        await expect(status).to_contain_text("Online")
        await expect(page.get_by_test_id("stale-note")).to_be_hidden()
        await expect(page.get_by_test_id("facts")).to_contain_text("Last seen")
        await page.clock.fast_forward(BEYOND_ANY_PATIENCE_MS)
        await expect(blocked).to_contain_text("Live connection is blocked")


def _are_so_many(opened: list[WebSocketRoute], count: int) -> bool:
    return len(opened) >= count
