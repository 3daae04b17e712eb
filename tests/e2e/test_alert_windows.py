"""Planned maintenance on the Alerts page."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import Page, expect

from chat_api.alerts.schemas import WindowDraft
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.console_app import RunningConsole

pytestmark = pytest.mark.browser


async def test_what_is_planned_is_in_the_future(console_app: RunningConsole, page: Page) -> None:
    """A window says in how long it begins; to delete it asks first."""
    admin = await console_app.services.auth.authenticate(await console_app.admin_login(Role.ADMIN), is_admin=True)
    begin = datetime.now(UTC) + timedelta(hours=3, minutes=30)
    window = WindowDraft(name="Upgrade", bots=None, starts_at=begin, ends_at=begin + timedelta(hours=2))
    await console_app.services.alert_settings.create_window(admin, window)
    await sign_in(page, console_app, path="/admin/alerts?tab=maintenance")
    records = page.get_by_test_id("records")
    await expect(records).to_contain_text("in 3 h")
    await expect(records).to_contain_text("in 5 h")
    await page.get_by_role("button", name="Delete: Upgrade").click()
    await expect(page.get_by_test_id("form")).to_contain_text("Its bots trigger alerts again right away.")
    await page.get_by_test_id("save").click()
    await expect(page.get_by_test_id("empty")).to_contain_text("No maintenance planned.")
    await expect(page.get_by_test_id("new")).to_be_visible()
