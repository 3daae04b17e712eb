"""The pages of API keys in a real browser."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.e2e.test_console import sign_in
from tests.e2e.test_people import SETTLED, shot
from tests.support.axe import violations
from tests.support.console_app import RunningConsole


async def _made(page: Page) -> str:
    """What the dialog shows this once."""
    field = page.get_by_test_id("secret")
    await expect(field).to_have_value(re.compile("^wk_"))
    secret = await field.input_value()
    await shot(page, "secret")
    await page.get_by_test_id("secret-saved").click()
    await expect(field).to_have_count(0)
    return secret


@pytest.mark.browser
async def test_keys_of_a_person_and_of_everybody(console_app: RunningConsole, page: Page) -> None:
    """A person makes and rotates a key beside the chat; an administrator sees it there, its usage too, and ends it."""
    await page.goto(f"{console_app.url}/keys")
    await page.get_by_test_id("name").fill("Mirja")
    await page.get_by_role("button", name="Start chatting").click()
    await expect(page.get_by_test_id("empty")).to_have_text("No API keys yet.")
    await page.get_by_test_id("new").click()
    await page.get_by_test_id("field-name").fill("Open WebUI at home")
    await page.get_by_test_id("field-messages_per_day").fill("0")
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("form")).to_contain_text("From 1 to")
    await page.get_by_test_id("field-messages_per_day").fill("200")
    await shot(page, "form")
    await page.get_by_test_id("save").click()
    secret = await _made(page)
    async with console_app.client(secret) as client:
        assert (await client.post("/api/chat", json={"bot_name": "elena", "content": "Hi"})).status_code == 200
    await page.get_by_test_id("rotate").click()
    await page.get_by_test_id("save").click()
    second = await _made(page)
    await expect(page.get_by_test_id("records")).to_contain_text(f"…{second[-4:]}")
    assert second not in await page.content()
    await page.wait_for_function(SETTLED)
    await shot(page, "own")
    assert await violations(page) == []

    await sign_in(page, console_app, path="/admin/keys")
    await expect(page.get_by_test_id("records")).to_contain_text("Mirja")
    await page.get_by_test_id("usage").click()
    await expect(page.get_by_test_id("usage-total")).to_contain_text("Messages: 1")
    await page.wait_for_function(SETTLED)
    await shot(page, "usage")
    await page.get_by_role("button", name="Close").click()
    await page.get_by_test_id("revoke").click()
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("records")).to_contain_text("Revoked")
    await page.wait_for_function(SETTLED)
    await shot(page, "all")
    assert await violations(page) == []
    async with console_app.client(second) as client:
        assert (await client.get("/api/me")).status_code == 401
