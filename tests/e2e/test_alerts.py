"""The Alerts page in a real browser: a bot dies, the page says so, somebody is told; rules are made there."""

import os
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from chat_api.alerts.schemas import ChannelDraft, RuleDraft
from models import Role, RuleKind, Severity
from tests.e2e.test_console import sign_in
from tests.support.alert_receiver import SECRET, alert_receiver
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.console_app import RunningConsole, running_console
from tests.support.eventually import eventually
from tests.support.sample_bots import sample_bot

TABS = ("now", "rules", "channels", "maintenance", "history")
SHOWN = ':is([data-testid="records"], [data-testid="empty"]):visible'
SHOTS = os.environ.get("ALERT_SHOTS")


async def shot(page: Page, name: str) -> None:
    """A picture for whoever wants to look."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


@pytest.mark.browser
async def test_an_alert_reaches_the_open_page_and_the_channel(make_settings: MakeSettings, page: Page) -> None:
    """A rule and a channel made in forms; a bot dies: told once, shown without a reload, silenced; it returns."""
    async with (
        alert_receiver() as receiver,
        sample_bot("ryan") as ryan,
        running_console(make_settings(bots=(ryan,))) as console,
    ):
        await sign_in(page, console)
        await page.goto(f"{console.url}/admin/alerts?tab=channels")
        await page.get_by_test_id("new").click()
        form = page.get_by_test_id("form")
        await form.get_by_label("Name", exact=True).fill("Hook")
        await form.get_by_label("Notification URL").fill(f"foo://{SECRET}")
        await form.get_by_test_id("save").click()
        await expect(form).to_contain_text("Not a notification URL that Apprise understands")
        await shot(page, "channel-error")
        await form.get_by_label("Notification URL").fill(receiver.channel_url)
        await form.get_by_test_id("save").click()
        await expect(page.get_by_test_id("records")).to_contain_text("json://••••")
        await page.get_by_role("button", name="Test: Hook").click()
        await eventually(lambda: receiver.titles == ["Test message"])
        assert SECRET not in await page.content()

        await page.goto(f"{console.url}/admin/alerts?tab=rules")
        await page.get_by_test_id("new").click()
        await form.get_by_label("Name", exact=True).fill("Gone")
        await form.get_by_label("Fires after (seconds)").fill("-1")
        await form.get_by_test_id("save").click()
        await expect(form).to_contain_text("From 0 to 86400 seconds")
        await form.get_by_label("Fires after (seconds)").fill("0")
        await form.get_by_label("Resolves after (seconds)").fill("0")
        await form.get_by_test_id("save").click()
        await expect(page.get_by_test_id("records")).to_contain_text("Gone")

        await page.goto(f"{console.url}/admin/alerts")
        await expect(page.get_by_test_id("empty")).to_be_visible()
        await page.evaluate("window.isSamePage = true")
        await ryan.kill()
        row = page.get_by_test_id("records").locator("tbody tr")
        await expect(row).to_contain_text("is offline")
        await expect(row).to_contain_text("1 channel")
        await eventually(lambda: any("is offline" in title for title in receiver.titles))
        await page.get_by_role("button", name="Silence").click()
        await form.get_by_label("Reason").fill("We know")
        await form.get_by_test_id("save").click()
        await expect(row).to_contain_text("silenced by test-admin")
        await shot(page, "now")
        await ryan.start()
        await expect(page.get_by_test_id("empty")).to_be_visible()
        assert await page.evaluate("window.isSamePage")
        await eventually(lambda: receiver.titles[-1].startswith("Resolved: "))
        await page.goto(f"{console.url}/admin/alerts?tab=history")
        await expect(page.get_by_test_id("records")).to_contain_text("Resolved")


async def some_settings(console: RunningConsole) -> None:
    """A channel and a rule more, so that every tab has something to show."""
    token = await console.admin_login(Role.ADMIN)
    admin = await console.services.auth.authenticate(token, is_admin=True)
    settings = console.services.alert_settings
    channel = await settings.create_channel(admin, ChannelDraft(name="On call", url="ntfy://127.0.0.1:9/topic"))
    rule = RuleDraft(name="Elena slow", kind=RuleKind.SLOW_P95, threshold=5000, severity=Severity.WARNING)
    await settings.create_rule(admin, rule)
    await console.services.alert_delivery.test(admin, channel.channel_id)


@pytest.mark.browser
async def test_everybody_can_use_it(console_app: RunningConsole, page: Page) -> None:
    """axe finds nothing wrong with any part or form; nothing is wider than a phone."""
    await some_settings(console_app)
    await sign_in(page, console_app)
    for tab in TABS:
        await page.goto(f"{console_app.url}/admin/alerts?tab={tab}")
        await expect(page.locator(SHOWN).first).to_be_visible()
        assert await violations(page) == [], tab
        await shot(page, tab)
        if tab in {"rules", "channels", "maintenance"}:
            await page.get_by_test_id("new").click()
            await expect(page.get_by_test_id("save")).to_be_visible()
            await expect(page.get_by_test_id("form")).to_have_css("opacity", "1")
            await page.wait_for_function("document.getAnimations().every((one) => one.playState !== 'running')")
            await shot(page, f"{tab}-form")
            assert await violations(page) == [], f"the form of {tab}"
    await page.set_viewport_size({"width": 360, "height": 780})
    for tab in TABS:
        await page.goto(f"{console_app.url}/admin/alerts?tab={tab}")
        await expect(page.locator(SHOWN).first).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, tab
        await shot(page, f"{tab}-phone")


@pytest.mark.browser
async def test_a_viewer_is_offered_nothing_to_change(console_app: RunningConsole, page: Page) -> None:
    """The rules are there, the buttons are not."""
    await some_settings(console_app)
    await sign_in(page, console_app, role=Role.VIEWER)
    for tab in ("rules", "channels"):
        await page.goto(f"{console_app.url}/admin/alerts?tab={tab}")
        await expect(page.get_by_test_id("records")).to_be_visible()
        await expect(page.get_by_test_id("new")).to_have_count(0)
        await expect(page.locator(".we-row-actions button")).to_have_count(0)
