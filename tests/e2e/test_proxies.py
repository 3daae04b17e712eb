"""The console behind real proxies, as ``docs/deploy.md`` says to set them up."""

import itertools
import ssl
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from playwright.async_api import expect

from tests.support.api import ADMIN_PASSWORD
from tests.support.browser import OpenContext
from tests.support.console_app import RunningConsole
from tests.support.eventually import DEADLINE_S
from tests.support.proxies import FILES, FOLDER, ROOT, running_proxy

WRONG = "a wrong password"
# A client's own address on this machine, and so in no way the proxy's.
_number = itertools.count(11)


@pytest.fixture(scope="module", params=FILES)
async def proxy(
    request: pytest.FixtureRequest, console: RunningConsole, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[str]:
    """Each proxy before the application, encrypted."""
    folder = tmp_path_factory.mktemp(request.param)
    async with running_proxy(request.param, folder, upstream=urlsplit(console.url).netloc) as url:
        yield url


async def an_administrator(console: RunningConsole) -> str:
    """The name of a new one: tries at an account from places where it has not been count together."""
    name = f"proxied {next(_number)}"
    await console.services.admin_setup.create_admin(name, ADMIN_PASSWORD)
    return name


def client_of(proxy: str, **headers: str) -> httpx.AsyncClient:
    """A browser without scripts, at an address of its own."""
    trusting = ssl.create_default_context()
    trusting.check_hostname, trusting.verify_mode = False, ssl.CERT_NONE
    transport = httpx.AsyncHTTPTransport(local_address=f"127.0.0.{next(_number)}", verify=trusting)
    return httpx.AsyncClient(
        transport=transport, base_url=proxy, timeout=DEADLINE_S, headers={"Origin": proxy} | headers
    )


async def test_signing_in_by_the_form_alone(console: RunningConsole, proxy: str) -> None:
    """Origin and scheme arrive: the form is taken, and cookies belong to the encrypted host."""
    form = {"username": await an_administrator(console), "password": ADMIN_PASSWORD}
    async with client_of(proxy) as client:
        asked = await client.get("/admin/audit")
        assert asked.headers["location"] == "/admin/login?next=%2Fadmin%2Faudit"
        answer = await client.post(asked.headers["location"], data=form)
        assert (answer.status_code, answer.headers["location"]) == (303, "/admin/audit")
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-we_admin=")
        assert "Secure" in cookie
        assert answer.headers["strict-transport-security"]
        assert (await client.get("/admin/audit")).status_code == 200
        foreign = await client.post("/admin/login", data=form, headers={"Origin": "https://evil.example"})
        assert foreign.status_code == 403
        assert (await client.get("/metrics")).status_code == 404


async def test_guessing_is_slow_for_one_client_and_not_for_the_next(console: RunningConsole, proxy: str) -> None:
    """By the client's address, whatever it writes into the header itself; the proxy's is not everybody's."""
    form = {"username": await an_administrator(console), "password": WRONG}
    async with client_of(proxy) as guessing, client_of(proxy) as other:
        statuses = []
        for number in range(11):
            forged = {"X-Forwarded-For": f"203.0.113.{number}:{5000 + number}", "Forwarded": f"for=203.0.113.{number}"}
            statuses.append((await guessing.post("/admin/login", data=form, headers=forged)).status_code)
        assert statuses == [401] * 10 + [429]
        assert (await other.post("/admin/login", data=form | {"password": ADMIN_PASSWORD})).status_code == 303


async def test_the_pages_live(console: RunningConsole, proxy: str, open_context: OpenContext) -> None:
    """A browser signs in, its sockets connect, and the pages stay as they are."""
    page = await (await open_context(ignore_https_errors=True)).new_page()
    name = await an_administrator(console)
    await page.goto(f"{proxy}/admin")
    await page.get_by_label("Name").fill(name)
    await page.get_by_label("Password").fill(ADMIN_PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page).to_have_url(f"{proxy}/admin")
    await expect(page.get_by_test_id("bot-elena")).to_have_attribute("data-status", "online")
    await page.evaluate("window.isSamePage = true")

    chat = await page.context.new_page()
    await chat.goto(f"{proxy}/?bot=elena")
    await chat.get_by_label("Name", exact=True).fill(f"proxied {urlsplit(proxy).port}")
    await chat.get_by_role("button", name="Start chatting").click()
    await expect(chat).to_have_url(f"{proxy}/?bot=elena")
    await chat.get_by_test_id("composer").fill("Hello?")
    await chat.get_by_test_id("composer").press("Enter")
    await expect(chat.get_by_test_id("thread").locator("[data-role=bot]").first).not_to_be_empty()
    assert await page.evaluate("window.isSamePage")


async def test_a_blocked_socket_is_told(console: RunningConsole, open_context: OpenContext, tmp_path: Path) -> None:
    """Instead of "Loading" for ever, or a page that loads anew all the time."""
    blocking = {"default_backend": "http-request deny if { path_beg /_nicegui_ws/ }\n    default_backend"}
    upstream = urlsplit(console.url).netloc
    async with running_proxy("haproxy", tmp_path, upstream=upstream, changed=blocking) as url:
        page = await (await open_context(ignore_https_errors=True)).new_page()
        await page.goto(f"{url}/?bot=elena")
        await page.get_by_label("Name", exact=True).fill("blocked")
        await page.get_by_role("button", name="Start chatting").click()
        blocked = page.get_by_test_id("connection-blocked")
        await expect(blocked).to_contain_text("Live connection is blocked")
        await expect(blocked).to_contain_text("WebSocket upgrades")
        await expect(page.get_by_test_id("thread")).to_contain_text("once this page has a live connection")
        await expect(page.get_by_label("Loading")).to_have_count(0)
        await page.evaluate("window.isSamePage = true")
        await page.evaluate("socket.emitReserved('connect_error', new Error('timeout'))")
        await page.evaluate("new Promise((tried) => socket.io.once('reconnect_attempt', () => tried()))")
        await expect(blocked).to_have_count(1)
        assert await page.evaluate("window.isSamePage")


@pytest.mark.parametrize("file", sorted(path.name for path in FOLDER.iterdir()))
def test_the_documentation_shows_what_is_tested(file: str) -> None:
    """Word for word."""
    assert (FOLDER / file).read_text() in (ROOT / "docs" / "deploy.md").read_text()
