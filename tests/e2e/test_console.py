"""The console in a real browser, over real bots: what an operator sees and does."""

import asyncio
import re
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from nicegui import Client
from playwright.async_api import Page, expect

from chat_api.core.errors import BotFailed
from chat_api.core.ids import new_id
from chat_api.fleet.schemas import BotStatus, RestartView
from models import RestartState, Role
from tests.support.api import ADMIN_PASSWORD, MakeSettings
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole, running_console
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot


async def sign_in(page: Page, console: RunningConsole, role: Role = Role.ADMIN, *, path: str = "/admin") -> None:
    """Open a page of the console as somebody of this role, whose browser signed in over the API."""
    body = {"username": await console.admin_username(role), "password": ADMIN_PASSWORD}
    answer = await page.context.request.post(f"{console.url}/api/admin/login", data=body)
    assert answer.ok, await answer.text()
    await page.goto(console.url + path)
    await expect(page.locator(".we-shell")).to_be_visible()


async def expect_status(page: Page, bot: RunningBot, status: BotStatus) -> None:
    """Wait until a bot's row shows a status, as data and as the word that is read."""
    row = page.get_by_test_id(f"bot-{bot.name}")
    await expect(row).to_have_attribute("data-status", status)
    await expect(row.locator(".we-status")).to_have_text(status.capitalize())


async def test_a_bot_goes_down_and_comes_back_without_a_reload(
    console_app: RunningConsole, page: Page, elena: RunningBot, marcus: RunningBot
) -> None:
    """The operator sees it happen on the page that is open, with the banner's word and the reason."""
    await sign_in(page, console_app)
    await expect_status(page, elena, BotStatus.ONLINE)
    await expect_status(page, marcus, BotStatus.ONLINE)
    await expect(page.get_by_test_id("banner")).to_contain_text("Healthy")
    await page.evaluate("window.isSamePage = true")

    await elena.kill()
    await expect_status(page, elena, BotStatus.OFFLINE)
    await expect(page.get_by_test_id("banner")).to_contain_text("Degraded")
    await expect(page.get_by_test_id("banner")).to_contain_text("Elena")
    await expect(page.get_by_test_id("bot-elena").get_by_test_id("note")).not_to_be_empty()
    await expect_status(page, marcus, BotStatus.ONLINE)

    await elena.start()
    await expect_status(page, elena, BotStatus.ONLINE)
    await expect(page.get_by_test_id("banner")).to_contain_text("Healthy")
    assert await page.evaluate("window.isSamePage")


async def test_how_busy_a_bot_is_can_be_seen(
    make_settings: MakeSettings, page: Page, elena: RunningBot, marcus: RunningBot
) -> None:
    """Calls under way and waiting in the row of their bot; a breaker that is not closed has its own word."""
    async with running_console(make_settings(bots=(elena, marcus), bot_max_parallel_calls=1)) as console:
        await sign_in(page, console)
        note = page.get_by_test_id("bot-elena").get_by_test_id("note")
        await expect_status(page, elena, BotStatus.ONLINE)
        await expect(note).to_be_empty()
        users = [await console.principal(name) for name in ("alice", "bob")]
        await elena.set_faults(is_held=True)
        sending = [
            asyncio.ensure_future(console.services.messages.send(user, bot_name="elena", content="Hi"))
            for user in users
        ]
        await expect(note).to_have_text("calls 1/1 (+1 waiting)")
        await expect(page.get_by_test_id("breaker")).to_have_count(0)
        await elena.set_faults(is_held=False)
        await asyncio.gather(*sending)
        await expect(note).to_be_empty()

        await marcus.set_faults(mode="exception")
        for number in range(5):
            with pytest.raises(BotFailed):
                await console.services.messages.send(users[number % 2], bot_name="marcus", content="Hi")
        await expect(page.get_by_test_id("bot-marcus").get_by_test_id("breaker")).to_have_text("Calls paused")
        await expect(page.get_by_test_id("bot-marcus")).to_have_attribute("data-status", BotStatus.DEGRADED)
        await expect(page.get_by_test_id("bot-marcus").get_by_test_id("breaker")).to_have_text("Probing")
        await marcus.set_faults(mode="ok")


async def test_signing_in(console_app: RunningConsole, page: Page) -> None:
    """A wrong password is told; the right one leads to the page that was asked for, never to another site."""
    await console_app.admin_username()
    await page.goto(f"{console_app.url}/admin/audit")
    await page.get_by_label("Name").fill("test-admin")
    await page.get_by_label("Password").fill("not the password")
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_test_id("form-error")).to_contain_text("Incorrect username, password or code.")
    await page.get_by_label("Password").fill(ADMIN_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{console_app.url}/admin/audit")
    await expect(page.get_by_test_id("records")).to_contain_text("admin.login")

    await page.get_by_test_id("sign-out").click()
    await expect(page).to_have_url(re.compile("/admin/login$"))
    for evil in ("//evil.example/admin", "/\\evil.example/admin"):
        await page.goto(f"{console_app.url}/admin/login?next={evil}")
        await page.get_by_label("Name").fill("test-admin")
        await page.get_by_label("Password").fill(ADMIN_PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await expect(page).to_have_url(f"{console_app.url}/admin")
        await page.get_by_test_id("sign-out").click()
        await expect(page).to_have_url(re.compile("/admin/login$"))


async def test_the_first_administrator(make_settings: MakeSettings, page: Page) -> None:
    """Where there is no administrator, the code that was printed at the start makes one, once."""
    async with running_console(make_settings()) as console:
        code = console.app.state.setup_code
        await page.goto(f"{console.url}/admin")
        for tried in ("0000000000000000", code):
            await page.get_by_label("Setup code").fill(tried)
            await page.get_by_label("Name").fill("olivia")
            await page.get_by_label("Password").fill("a long enough password")
            await page.get_by_role("button", name="Create and sign in").click()
            if tried != code:
                await expect(page.get_by_test_id("form-error")).not_to_be_empty()
        await expect(page).to_have_url(f"{console.url}/admin")
        await expect(page.get_by_test_id("empty")).to_contain_text("No bots yet")


async def test_a_viewer_may_look_but_not_touch(
    console_app: RunningConsole, open_context: OpenContext, elena: RunningBot
) -> None:
    """The restart button is there for an operator, and not for a viewer."""
    for role, count in ((Role.VIEWER, 0), (Role.OPERATOR, 1)):
        page = await (await open_context()).new_page()
        await sign_in(page, console_app, role)
        await expect_status(page, elena, BotStatus.ONLINE)
        await expect(page.get_by_test_id("restart-elena")).to_have_count(count)
    await expect(page.get_by_test_id("restart-elena")).to_be_disabled()  # there is no engine here, and it says so
    await expect(page.locator("[title='No container engine is configured']")).to_have_count(2)


async def test_signing_out_elsewhere_closes_the_open_page(console_app: RunningConsole, page: Page) -> None:
    """A session that ends in another window ends in this one too."""
    await sign_in(page, console_app, path="/admin/restarts")
    await page.goto(f"{console_app.url}/admin")
    await expect(page.get_by_test_id("banner")).to_be_visible()
    other = await page.context.new_page()
    await other.goto(f"{console_app.url}/admin/restarts")
    await other.get_by_test_id("sign-out").click()
    await expect(page).to_have_url(re.compile("/admin/login"))
    await page.go_back()
    await expect(page).to_have_url(re.compile("/admin/login"))


async def test_a_restart_is_asked_once_with_its_cost(
    console_app: RunningConsole, page: Page, elena: RunningBot
) -> None:
    """The question names the bot and who is affected; where there is no engine, the answer to a yes says so."""
    token = await console_app.login("alice")
    async with console_app.client(token) as client:
        answer = await client.post("/api/chat", json={"content": "Hello", "bot_name": elena.name})
        assert answer.status_code == 200
    await sign_in(page, console_app, Role.OPERATOR)
    await expect_status(page, elena, BotStatus.ONLINE)
    dialog = page.get_by_test_id("confirm-restart")
    for confirmed in (False, True):
        # Its button is off here, for there is no engine; a page may have been built while there was one.
        await page.evaluate("Object.values(mounted_app.$refs).find(one => one?.confirm).ask('restart', ['elena'])")
        await expect(dialog).to_contain_text("Restart Elena Rodriguez?")
        await expect(dialog.get_by_test_id("affected-users")).to_contain_text("1 person is talking to it")
        await expect(dialog.get_by_role("button", name="Cancel")).to_be_focused()
        if confirmed:
            await dialog.get_by_test_id("confirm").click()
        else:
            await page.keyboard.press("Escape")
        await expect(dialog).to_be_hidden()
    await expect(page.get_by_role("alert")).to_contain_text("No container engine")


async def test_a_restart_shows_its_progress(console_app: RunningConsole, page: Page, elena: RunningBot) -> None:
    """The row shows each step and how long it takes, and the reason when it fails."""
    await sign_in(page, console_app)
    await expect_status(page, elena, BotStatus.ONLINE)
    fleet = console_app.services.fleet
    row = page.get_by_test_id("bot-elena")
    for state in (RestartState.REQUESTED, RestartState.STOPPING, RestartState.STARTING, RestartState.HEALTH_CHECK):
        fleet.record_restart(_restart(state))
        await expect(row.get_by_test_id("restart-progress")).to_have_attribute("data-state", state)
        await expect(row.get_by_test_id("restart-progress")).to_contain_text("of ~12 s")
    await elena.kill()
    fleet.record_restart(_restart(RestartState.FAILED, error="The image is gone."))
    await expect_status(page, elena, BotStatus.OFFLINE)
    await expect(row.get_by_test_id("note")).to_contain_text("Restart failed: The image is gone.")
    await expect(row.get_by_test_id("restart-progress")).to_have_count(0)


async def test_the_list_of_restarts_is_live(console_app: RunningConsole, page: Page) -> None:
    """A restart that begins, moves and fails is followed on the open list, as one line."""
    await sign_in(page, console_app, path="/admin/restarts")
    await expect(page.get_by_test_id("empty")).to_be_visible()
    restart = _restart(RestartState.REQUESTED)
    fleet = console_app.services.fleet
    for state in (RestartState.REQUESTED, RestartState.STARTING, RestartState.FAILED):
        fleet.record_restart(replace(restart, state=state))
        await expect(page.get_by_test_id("records").locator("tbody tr")).to_have_count(1)
        await expect(page.get_by_test_id("records").locator(".we-status")).to_have_text(state.capitalize())
    await expect(page.get_by_test_id("empty")).to_be_hidden()


def _restart(state: RestartState, *, error: str | None = None) -> RestartView:
    now = datetime.now(UTC)
    return RestartView(
        restart_id=new_id(),
        bot_name="elena",
        requested_by="test-admin",
        requested_at=now,
        state=state,
        estimate_s=12.0,
        finished_at=now if state is RestartState.FAILED else None,
        error=error,
    )


async def test_a_lost_connection_is_never_green(make_settings: MakeSettings, page: Page, elena: RunningBot) -> None:
    """When the console's server is gone, the open page says so, and no bot is shown as online."""
    async with running_console(make_settings(bots=(elena,))) as console:
        await sign_in(page, console)
        await expect_status(page, elena, BotStatus.ONLINE)
    await expect(page.get_by_test_id("banner")).to_contain_text("Connection lost")
    await expect_status(page, elena, BotStatus.UNKNOWN)
    await expect(page.get_by_test_id("bot-elena").get_by_test_id("note")).to_contain_text("last seen")
    await expect(page.get_by_test_id("service-postgres")).to_contain_text("Unknown")


async def test_keyboard_filter_and_theme(console_app: RunningConsole, page: Page, elena: RunningBot) -> None:
    """The search is one key away, the list can be narrowed and sorted, and the theme is remembered."""
    await sign_in(page, console_app)
    await expect_status(page, elena, BotStatus.ONLINE)
    await page.keyboard.press("/")
    await page.keyboard.type("marcus")
    await expect(page.get_by_test_id("bot-elena")).to_have_count(0)
    await expect(page.get_by_test_id("bot-marcus")).to_have_count(1)
    await page.keyboard.press("Escape")
    await page.get_by_test_id("chip-problems").click()
    await page.get_by_role("button", name="Show all").click()
    await page.get_by_role("button", name="Bot", exact=True).press("Enter")
    await expect(page.locator("th[aria-sort=ascending]")).to_contain_text("Bot")
    await page.get_by_role("button", name="Bot", exact=True).press("Enter")
    names = await page.locator("tbody tr[data-bot]").evaluate_all("rows => rows.map(row => row.dataset.testid)")
    assert names == ["bot-marcus", "bot-elena"]

    theme = page.locator("html")
    await expect(theme).to_have_attribute("data-theme", "light")
    await page.get_by_role("button", name="Dark or light").click()
    await expect(theme).to_have_attribute("data-theme", "dark")
    await page.reload()
    await expect(theme).to_have_attribute("data-theme", "dark")
    await expect(page.locator("body")).to_have_class(re.compile("body--dark"))


async def test_every_page_fits_a_phone_and_follows_the_system(
    console_app: RunningConsole, open_context: OpenContext
) -> None:
    """At 360 px nothing scrolls sideways, and a dark system gets a dark page."""
    context = await open_context(viewport={"width": 360, "height": 780}, color_scheme="dark")
    page = await context.new_page()
    await sign_in(page, console_app)
    await expect(page.get_by_test_id("bot-elena")).to_be_visible()
    for path in ("/admin", "/admin/restarts", "/admin/audit", "/admin/nothing"):
        await page.goto(console_app.url + path)
        await expect(page.locator("main")).to_be_visible()
        await expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        assert await page.evaluate("document.documentElement.scrollWidth") <= 360, path


async def test_windows_that_close_are_forgotten(console_app: RunningConsole, open_context: OpenContext) -> None:
    """Browser windows, opened, reloaded and closed, leave no page behind."""
    context = await open_context()
    await sign_in(await context.new_page(), console_app)
    for _ in range(3):
        window = await context.new_page()
        await window.goto(f"{console_app.url}/admin")
        await expect(window.get_by_test_id("banner")).to_be_visible()
        await window.reload()
        await expect(window.get_by_test_id("banner")).to_be_visible()
        await window.close()
    for window in context.pages:
        await window.close()
    pages = console_app.app.state.open_pages
    await eventually(lambda: len(pages) == 0)
    assert Client.instances == {}
