"""Signing in and out in a real browser: with scripts late, blocked, broken or off, and back to the page of before."""

import itertools
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Page, Route, expect

from tests.support.api import ADMIN_PASSWORD
from tests.support.browser import DEADLINE_MS, OpenContext
from tests.support.chat_browser import Chat
from tests.support.console_app import RunningConsole

WRONG = "wrong-and-secret"
RIGHT = "right-and-secret"
_number = itertools.count(1)


def from_elsewhere() -> dict[str, str]:
    """An address of its own, for limits count by it."""
    return {"X-Forwarded-For": f"203.0.113.{next(_number)}"}


@pytest.fixture(params=["off", "blocked", "late", "broken"])
async def hindered(request: pytest.FixtureRequest, browser: Browser) -> AsyncIterator[Page]:
    """A browser in which no script of ours does what it should."""
    held: list[Route] = []

    async def meet(route: Route) -> None:
        if route.request.resource_type != "script":
            await route.continue_()
        elif request.param == "blocked":
            await route.abort()
        elif request.param == "broken":
            await route.fulfill(body="throw new Error('broken')", content_type="text/javascript")
        else:
            held.append(route)

    context = await browser.new_context(java_script_enabled=request.param != "off", extra_http_headers=from_elsewhere())
    context.set_default_timeout(DEADLINE_MS)
    if request.param != "off":
        await context.route("**/*", meet)
    yield await context.new_page()
    for route in held:
        await route.abort()
    await context.close()


async def sign_in(page: Page, name: str, password: str) -> None:
    """Type both, and press Enter, which submits a form whatever scripts do."""
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Password").fill(password)
    await page.get_by_label("Password").press("Enter")


async def test_no_secret_stands_in_an_address(hindered: Page, console: RunningConsole) -> None:
    """Nor is one needed to sign in, to either side; a refusal is shown, with the name and without the password."""
    addresses: list[str] = []
    hindered.on("request", lambda request: addresses.append(request.url))
    hindered.on("framenavigated", lambda frame: addresses.append(frame.url))
    name = f"plain {next(_number)}"
    await console.login(name, password=RIGHT)
    doors = (("/?bot=marcus", name, RIGHT), ("/admin/login?next=%2Fadmin%2Faudit", "", ADMIN_PASSWORD))
    for path, known, right in doors:
        who = known or await console.admin_username()
        await hindered.goto(console.url + path, wait_until="commit")
        await sign_in(hindered, who, WRONG)
        await expect(hindered.get_by_test_id("form-error")).to_contain_text(re.compile("Wrong password|Incorrect"))
        await expect(hindered.get_by_label("Name", exact=True)).to_have_value(who)
        await expect(hindered.get_by_label("Password")).to_have_value("")
        await expect(hindered).to_have_url(console.url + path)
        await sign_in(hindered, who, right)
        where = console.url + ("/admin/audit" if "next" in path else path)
        await expect(hindered.locator("form[method=post]")).to_have_count(0)
        await expect(hindered).to_have_url(where)
    assert addresses
    for address in addresses:
        assert "secret" not in address
        assert quote(ADMIN_PASSWORD) not in address
        assert "password" not in address
    names = {cookie["name"] for cookie in await hindered.context.cookies()}
    assert {"we_session", "we_admin", "we_claim"} <= names


async def test_an_ended_session_comes_back_to_the_same_page(console: RunningConsole, open_context: OpenContext) -> None:
    """To the address that the browser is at, which a page changes while one filters."""
    page = await (await open_context(extra_http_headers=from_elsewhere())).new_page()
    name = await console.admin_username()
    await page.goto(f"{console.url}/admin")
    await sign_in(page, name, ADMIN_PASSWORD)
    await page.get_by_test_id("filter").fill("marcus")
    await expect(page.get_by_test_id("bot-elena")).to_have_count(0)
    filtered = page.url
    assert filtered != f"{console.url}/admin"
    await _end_sessions(console, page)
    await expect(page).to_have_url(
        f"{console.url}/admin/login?next={quote(filtered.removeprefix(console.url), safe='')}"
    )
    await sign_in(page, name, ADMIN_PASSWORD)
    await expect(page).to_have_url(filtered)
    await expect(page.get_by_test_id("filter")).to_have_value("marcus")


async def test_an_ended_chat_comes_back_to_the_same_bot(console: RunningConsole, open_context: OpenContext) -> None:
    """With what was being written."""
    page = await (await open_context()).new_page()
    chat = Chat(page, console)
    await chat.sign_in("interrupted", password=RIGHT)
    await chat.open("marcus")
    await chat.by_id("composer").fill("Where was I")
    await expect(page).to_have_url(f"{console.url}/?bot=marcus")
    await _end_sessions(console, page)
    await expect(page.get_by_role("button", name="Start chatting")).to_be_visible()
    await expect(page).to_have_url(f"{console.url}/?bot=marcus")
    await sign_in(page, "interrupted", RIGHT)
    await expect(page).to_have_url(f"{console.url}/?bot=marcus")
    await expect(chat.by_id("composer")).to_have_value("Where was I")


async def test_signing_out_leads_to_the_sign_in_alone(console: RunningConsole, open_context: OpenContext) -> None:
    """Also when the server tells the page that its session ended before the page has heard that it signed out."""
    page = await (await open_context(extra_http_headers=from_elsewhere())).new_page()
    name = await console.admin_username()
    await page.goto(f"{console.url}/admin/audit")
    await sign_in(page, name, ADMIN_PASSWORD)
    await expect(page.get_by_test_id("records")).to_be_visible()
    await page.evaluate(
        "() => { const told = sessionEnded; window.sessionEnded = () => { window.isTold = true; told(); }; }"
    )

    has_ended = False

    async def answer_late(route: Route) -> None:
        nonlocal has_ended
        if not has_ended:  # a page that waits for long asks again
            has_ended = True
            await _end_sessions(console, page)
            await console.app.state.open_pages.check_sessions()  # else done every two seconds
            await page.wait_for_function("window.isTold")
        await route.continue_()

    await page.route("**/api/logout", answer_late)
    await page.get_by_test_id("sign-out").click()
    await expect(page).to_have_url(f"{console.url}/admin/login")


async def _end_sessions(console: RunningConsole, page: Page) -> None:
    auth = console.services.auth
    for cookie in await page.context.cookies():
        if cookie["name"] in {"we_session", "we_admin"}:
            await auth.leave(cookie["value"])
