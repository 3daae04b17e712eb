"""A real Chromium. A page error, an error in its console or a request to another host fails the test."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, Request, async_playwright, expect

from tests.support.eventually import DEADLINE_S

# Chromium without its own windows: the same engine for a page at a good deal less work for each new context.
EXECUTABLE = "chromium-headless-shell"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
# What Chromium reports as a console error although it is an answer that a page handles: a refused form, a server away.
HANDLED = (
    "Failed to load resource",
    "net::ERR_CONNECTION_REFUSED",
    "WebSocket connection to",
    "WebSocket is already in CLOSING",
)

DEADLINE_MS = 1000 * DEADLINE_S
STORES = "local_storage,indexeddb,cache_storage,service_workers,file_systems"

OpenContext = Callable[..., Awaitable[BrowserContext]]


@pytest.fixture(scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Chromium for the whole session."""
    executable = shutil.which(EXECUTABLE)
    if executable is None:
        pytest.fail(f"The browser tests need `{EXECUTABLE}`: apt-get install {EXECUTABLE}", pytrace=False)
    expect.set_options(timeout=DEADLINE_MS)
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=executable, args=list(FLAGS))
        yield chromium
        await chromium.close()


@pytest.fixture
async def open_context(browser: Browser) -> AsyncIterator[OpenContext]:
    """Open browsers of different people: each context has its own cookies, and all are watched."""
    contexts: list[BrowserContext] = []
    faults: list[str] = []

    async def open_one(**options: object) -> BrowserContext:
        contexts.append(await _new_context(browser, faults, **options))
        return contexts[-1]

    yield open_one
    for context in contexts:
        await context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture(scope="session")
async def used_context(browser: Browser) -> AsyncIterator[tuple[BrowserContext, list[str]]]:
    """A browser that keeps what it has cached from test to test, and its faults."""
    faults: list[str] = []
    context = await _new_context(browser, faults)
    yield context, faults
    await context.close()


@pytest.fixture
async def page(used_context: tuple[BrowserContext, list[str]]) -> AsyncIterator[Page]:
    """A page in the browser of somebody who was never here: no cookies, nothing stored."""
    context, faults = used_context
    faults.clear()
    origins: set[str] = set()

    def note(request: Request) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https"}:
            origins.add(f"{parts.scheme}://{parts.netloc}")

    context.on("request", note)
    yield await context.new_page()
    for opened in context.pages:
        await opened.close()
    context.remove_listener("request", note)
    await _forget(context, origins)
    assert not faults, "\n".join(faults)


async def _new_context(browser: Browser, faults: list[str], **options: object) -> BrowserContext:
    context = await browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))  # type: ignore[arg-type]
    context.set_default_timeout(DEADLINE_MS)
    watch(context, faults)
    return context


async def _forget(context: BrowserContext, origins: Iterable[str]) -> None:
    """All but the HTTP cache: scripts and styles of one server are the same for every test of it."""
    await context.unroute_all()
    await context.set_offline(False)
    await context.clear_permissions()
    await context.clear_cookies()
    blank = await context.new_page()
    devtools = await context.new_cdp_session(blank)
    for origin in origins:
        await devtools.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": STORES})
    await blank.close()


def watch(context: BrowserContext, faults: list[str]) -> None:
    """Note errors of the pages of ``context``, and requests that leave the machine."""
    context.on("weberror", lambda error: faults.append(f"page error: {error.error}"))
    context.on(
        "console",
        lambda message: (
            faults.append(f"console error: {message.text}")
            if message.type == "error" and not message.text.startswith(HANDLED)
            else None
        ),
    )
    context.on(
        "request",
        lambda request: faults.append(f"foreign request: {request.url}") if _is_foreign(request.url) else None,
    )


def _is_foreign(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme in {"http", "https", "ws", "wss"} and parts.hostname not in {"127.0.0.1", "localhost"}
