"""The pages about people in a real browser: what an administrator does there, and what hostile names do not."""

import os
from pathlib import Path

from nicegui import Client, ui
from playwright.async_api import Page, expect
from sqlalchemy import text

from chat_api.core.database import Database
from chat_api.series.analytics import AnalyticsService
from models import Role
from tests.e2e.test_console import sign_in
from tests.support.api import ADMIN_PASSWORD
from tests.support.axe import violations
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole
from tests.support.eventually import eventually

HOSTILE = "<img src=x onerror=alert(1)>"
# A dialog that fades in has no contrast yet.
SETTLED = (
    "!document.querySelector('[class*=enter-active]')"
    " && document.getAnimations().every(one => one.effect.getComputedTiming().iterations === Infinity)"
)
SHOTS = os.environ.get("PEOPLE_SHOTS")


async def shot(page: Page, name: str) -> None:
    """Keep a picture, where somebody wants to look."""
    if SHOTS:
        await page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)


async def seed(console: RunningConsole) -> str:
    """A person with a hostile name who talked with elena; gives their id."""
    user = await console.services.auth.authenticate(await console.login("hostile", display_name=HOSTILE))
    await console.services.messages.send(user, bot_name="elena", content=f"secret {HOSTILE}")
    return user.user_id


async def test_a_person_is_shut_out_from_their_page(console_app: RunningConsole, page: Page) -> None:
    """From the list to the person; the sessions end, the ban asks for a reason once; a name is never markup."""
    token = await console_app.login("hostile", display_name=HOSTILE)
    await sign_in(page, console_app, path="/admin/users")
    await expect(page.get_by_test_id("people")).to_contain_text(HOSTILE)
    await shot(page, "users")
    await page.get_by_role("link", name=HOSTILE).click()
    await expect(page.get_by_test_id("person-state")).to_have_text("Signed in")
    await shot(page, "person")
    await page.get_by_test_id("end-all").click()
    await expect(page.get_by_test_id("ask")).to_contain_text("1 session ends now")
    await page.get_by_test_id("ask-do").click()
    await expect(page.get_by_test_id("person-state")).to_have_text("Signed out")
    async with console_app.client(token) as client:
        assert (await client.get("/api/me")).status_code == 401
    await page.get_by_test_id("ban").click()
    await page.get_by_test_id("ask-do").click()  # without a reason nothing happens
    await page.get_by_label("Reason").fill("a test of the ban")
    await shot(page, "ban")
    await page.get_by_test_id("ask-do").click()
    await expect(page.get_by_test_id("person-state")).to_have_text("Banned")
    await expect(page.get_by_text("a test of the ban")).to_be_visible()


async def test_the_page_follows_when_the_question_is_long_gone(
    console_app: RunningConsole, page: Page, database_url: str
) -> None:
    """A dialog goes at once, and what was answered in it takes its time: the page is built anew all the same."""
    await console_app.login("hostile", display_name=HOSTILE)
    await sign_in(page, console_app, path="/admin/users")
    await page.get_by_role("link", name=HOSTILE).click()
    await page.get_by_test_id("ban").click()
    await expect(page.get_by_test_id("ask")).to_be_visible()
    path = page.url.removeprefix(console_app.url)
    (client,) = [one for one in Client.instances.values() if one.request.url.path == path]

    def questions() -> int:
        return sum(isinstance(one, ui.dialog) for one in client.elements.values())

    asked = questions()
    database = Database(database_url, pool_size=1)
    async with database.write() as other:
        await other.execute(text("LOCK TABLE web_accounts IN SHARE ROW EXCLUSIVE MODE"))
        await page.get_by_label("Reason").fill("a test of the ban")
        await page.get_by_test_id("ask-do").click()
        await eventually(lambda: questions() < asked)
    await expect(page.get_by_test_id("person-state")).to_have_text("Banned")
    await database.dispose()


async def test_a_conversation_opens_for_a_reason(console_app: RunningConsole, page: Page) -> None:
    """The list has no word of it; the reason opens it and stands in the audit trail; deleting says what it erases."""
    await seed(console_app)
    await sign_in(page, console_app, path="/admin/conversations")
    await expect(page.get_by_test_id("conversations")).to_contain_text("elena")
    assert "secret" not in await page.content()
    await page.get_by_test_id("open").click()
    await page.get_by_label("Reason").fill("ticket 4711")
    await page.get_by_test_id("ask-do").click()
    await expect(page.get_by_test_id("transcript")).to_contain_text(f"secret {HOSTILE}")
    await shot(page, "conversation")
    await page.get_by_test_id("delete").click()
    await expect(page.get_by_test_id("ask")).to_contain_text("1 message ")
    await expect(page.get_by_test_id("ask")).to_contain_text(HOSTILE)
    await page.get_by_test_id("ask-do").click()
    await expect(page.get_by_test_id("transcript")).to_have_count(0)
    await page.goto(f"{console_app.url}/admin/audit")
    await expect(page.get_by_test_id("records")).to_contain_text("ticket 4711")
    assert "secret" not in await page.content()


async def test_a_change_of_role_reaches_the_open_page(
    console_app: RunningConsole, page: Page, open_context: OpenContext
) -> None:
    """Made a viewer on the Users page, an administrator's open page loses what viewers may not see, by itself."""
    await console_app.services.admin_setup.create_admin("colleague", ADMIN_PASSWORD)
    other = await (await open_context()).new_page()
    await other.goto(f"{console_app.url}/admin")
    await other.get_by_label("Name").fill("colleague")
    await other.get_by_label("Password").fill(ADMIN_PASSWORD)
    await other.get_by_role("button", name="Sign in").click()
    await expect(other.get_by_role("link", name="Conversations")).to_be_visible()
    await sign_in(page, console_app, path="/admin/users")
    await page.get_by_label("Role of colleague").click()
    await page.get_by_role("option", name="Viewer").click()
    await expect(page.get_by_text("colleague now has the role Viewer.")).to_be_visible()
    await expect(other.get_by_role("link", name="Conversations")).to_have_count(0)


async def test_everybody_can_use_the_pages(console_app: RunningConsole, page: Page) -> None:
    """axe finds nothing on any of them, nor in the question that is asked."""
    user_id = await seed(console_app)
    await AnalyticsService(console_app.services.analytics._database).count()
    await sign_in(page, console_app, path="/admin/users")
    for path, ready in (
        ("/admin/users", "people"),
        (f"/admin/users/{user_id}", "person-state"),
        ("/admin/conversations", "conversations"),
        ("/admin/analytics", "totals"),
    ):
        await page.goto(console_app.url + path)
        await expect(page.get_by_test_id(ready)).to_be_visible()
        await shot(page, path[1:].replace("/", "-")[:20])
        assert await violations(page) == [], path
    await page.set_viewport_size({"width": 390, "height": 800})
    await shot(page, "analytics-phone")
    await page.wait_for_function("document.documentElement.scrollWidth <= 390")  # charts follow the window a bit later
    await page.goto(f"{console_app.url}/admin/users/{user_id}")
    await page.get_by_test_id("erase").click()
    await expect(page.get_by_test_id("ask")).to_be_visible()
    await page.wait_for_function(SETTLED)
    await shot(page, "erase-phone")
    assert await violations(page) == []


async def test_each_role_sees_what_is_theirs(console_app: RunningConsole, open_context: OpenContext) -> None:
    """A viewer sees figures only; an operator sees people, and neither conversations nor what manages people."""
    user_id = await seed(console_app)
    for role, allowed in ((Role.VIEWER, {"/admin/analytics"}), (Role.OPERATOR, {"/admin/analytics", "/admin/users"})):
        page = await (await open_context()).new_page()
        await sign_in(page, console_app, role)
        for path in ("/admin/analytics", "/admin/users", "/admin/conversations"):
            await page.goto(console_app.url + path)
            await expect(page.get_by_test_id("page-failure")).to_have_count(0 if path in allowed else 1)
        await expect(page.get_by_test_id("admins")).to_have_count(0)
    await page.goto(f"{console_app.url}/admin/users/{user_id}")
    await expect(page.get_by_test_id("end-all")).to_be_visible()
    await expect(page.get_by_test_id("erase")).to_have_count(0)
