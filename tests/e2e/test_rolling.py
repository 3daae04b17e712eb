"""Restarts in a real browser: a rolling restart with live progress, and what an operator decides for a bot."""

import os
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from chat_api.core.ids import new_id
from chat_api.fleet.schemas import BotStatus, RestartView
from models import ActionOrigin, RestartState, Role
from tests.e2e.test_console import sign_in
from tests.support.api import MakeSettings
from tests.support.axe import violations
from tests.support.console_app import RunningConsole, running_console
from tests.support.docker_engine import BotContainer, DockerEngineHandle
from tests.support.eventually import eventually

NAMES = ("elena", "marcus", "ryan")
LONG_MS = 90_000
# Long enough to press a button while a bot is restarted.
STARTUP_MS = "5000"
SHOTS = os.environ.get("RESTARTS_SHOTS")


async def shot(page: Page, name: str) -> None:
    """Keep a picture where somebody wants to look at it."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


def failed_restart() -> RestartView:
    """One that failed, with what its container wrote."""
    return RestartView(
        restart_id=new_id(),
        bot_name="ryan",
        requested_by="auto-heal",
        requested_at=datetime.now(UTC),
        state=RestartState.FAILED,
        estimate_s=30,
        finished_at=datetime.now(UTC),
        duration_s=61.2,
        error="The bot did not answer.\nLast log lines:\n<b>Traceback</b>",
        origin=ActionOrigin.AUTO_HEAL,
    )


async def expect_accessible(page: Page, name: str) -> None:
    """No violation, once what was told has faded."""
    await expect(page.locator(".q-notification")).to_have_count(0)
    assert await violations(page) == []
    if SHOTS:
        for scheme in ("dark", "light"):
            await page.emulate_media(color_scheme=scheme)
            await shot(page, f"{name}-{scheme}")


@pytest.fixture
async def console(
    make_settings: MakeSettings, docker_engine: DockerEngineHandle, bot_container: Callable[..., BotContainer]
) -> AsyncIterator[RunningConsole]:
    """The application over three real containers, all online."""
    for name in NAMES:
        bot_container(name, environment={"SAMPLE_BOT_STARTUP_MS": STARTUP_MS})
    async with running_console(make_settings(docker_host=docker_engine.host, bot_restart_timeout=60)) as running:

        def all_online() -> bool:
            shown = running.services.fleet.current().bots
            return len(shown) == len(NAMES) and all(bot.status is BotStatus.ONLINE for bot in shown)

        await eventually(all_online)
        yield running


@pytest.mark.docker
@pytest.mark.browser
async def test_a_rolling_restart_with_live_progress(console: RunningConsole, page: Page) -> None:
    """The preview says who is affected; each bot's steps are seen without a reload; aborted after its batch."""
    await console.services.messages.send(await console.principal("alice"), bot_name="marcus", content="Hello")
    await sign_in(page, console, path="/admin/restarts")
    await expect(page.get_by_test_id("empty")).to_be_visible()
    await expect_accessible(page, "empty")
    await page.evaluate("window.isSamePage = true")

    await page.get_by_test_id("open-rolling").click()
    dialog = page.get_by_test_id("rolling-dialog")
    await expect(dialog.get_by_test_id("rolling-impact")).to_contain_text("1 person is talking to these bots right now")
    await expect(dialog.get_by_role("row").last).to_contain_text("Marcus")  # whom people talk with comes last
    await expect_accessible(page, "dialog")
    await dialog.get_by_test_id("rolling-start").click()

    rolling = page.get_by_test_id("rolling")
    await expect(rolling).to_have_attribute("data-state", "running")
    await expect(rolling.get_by_test_id("action-progress").first).to_be_visible()
    await expect(dialog).to_have_count(0)
    await shot(page, "running")
    await rolling.get_by_test_id("abort").click()
    await expect(rolling.get_by_test_id("abort")).to_be_disabled()
    await expect(rolling).to_have_attribute("data-state", "aborted", timeout=LONG_MS)
    await expect(rolling.get_by_test_id("rolling-error")).to_have_text("Aborted by test-admin after 1 of 3 bots.")
    await expect(rolling.locator('li[data-state="untouched"]')).to_have_count(2)
    await expect(page.get_by_test_id("records")).to_contain_text("rolling restart")
    console.services.fleet.record_restart(failed_restart())
    reason = page.get_by_test_id("records").locator("details")
    await expect(reason.locator("summary")).to_have_text("The bot did not answer.")
    await reason.locator("summary").click()
    await expect(reason.locator("pre")).to_have_text("Last log lines:\n<b>Traceback</b>")
    await expect_accessible(page, "aborted")
    assert await page.evaluate("window.isSamePage")
    await page.set_viewport_size({"width": 360, "height": 800})
    await shot(page, "phone")
    await page.wait_for_function("document.documentElement.scrollWidth <= 360")
    await expect_accessible(page, "phone")


@pytest.mark.docker
@pytest.mark.browser
async def test_stop_start_and_policy_of_one_bot(console: RunningConsole, page: Page) -> None:
    """The question names the bot and the people; a viewer sees the policy and no button; changes are stored."""
    await sign_in(page, console, Role.OPERATOR, path="/admin/bots/elena")
    await page.get_by_test_id("do-stop").click()
    question = page.get_by_test_id("confirm-stop")
    await expect(question).to_contain_text("Stop Elena Rodriguez?")
    await expect(question.get_by_test_id("affected-users")).to_contain_text("No one is talking to it")
    await expect_accessible(page, "question")
    await question.get_by_test_id("confirm").click()

    def bot_status() -> BotStatus:
        return next(bot.status for bot in console.services.fleet.current().bots if bot.name == "elena")

    await eventually(lambda: bot_status() is BotStatus.OFFLINE)
    await expect(question).to_be_hidden()
    await page.get_by_test_id("do-start").click()
    await page.get_by_test_id("confirm-start").get_by_test_id("confirm").click()
    await eventually(lambda: bot_status() is BotStatus.ONLINE)

    await page.get_by_role("tab", name="Policy").click()
    await expect(page.get_by_test_id("switch-heal-silence")).to_have_attribute("aria-disabled", "true")
    await page.get_by_test_id("switch-auto-heal").click()
    await page.get_by_test_id("switch-heal-silence").click()
    await page.get_by_label("Reason for maintenance").fill("<b>New disk</b>")
    await page.get_by_test_id("begin-maintenance").click()
    await expect(page.get_by_test_id("maintenance")).to_have_text("In maintenance: <b>New disk</b>End maintenance")
    await eventually(lambda: bot_status() is BotStatus.MAINTENANCE)
    await console.services.policies.quarantine("elena", "three restarts did not help")
    await expect(page.get_by_test_id("quarantine")).to_contain_text("three restarts did not help")
    await expect_accessible(page, "policy")
    await page.get_by_test_id("release").click()
    await expect(page.get_by_test_id("quarantine")).to_have_count(0)
    await page.get_by_test_id("end-maintenance").click()
    await eventually(lambda: bot_status() is BotStatus.ONLINE)
    who = await console.services.auth.authenticate(await console.admin_login(), is_admin=True)
    policy = await console.services.policies.policy(who, "elena")
    assert policy.is_auto_healed
    assert policy.is_healed_when_silent
    assert policy.changed_by == "test-operator"
