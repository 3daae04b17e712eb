"""A real Chromium. A page error, an error in its console or a request to another host fails the test."""

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect

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

DEADLINE_MS = 20_000

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
        context = await browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))  # type: ignore[arg-type]
        context.set_default_timeout(DEADLINE_MS)
        watch(context, faults)
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        await context.close()
    assert not faults, "\n".join(faults)


@pytest.fixture
async def page(open_context: OpenContext) -> Page:
    """A page in a browser of its own."""
    return await (await open_context()).new_page()


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
