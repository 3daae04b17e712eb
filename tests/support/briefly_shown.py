"""What a page shows for a moment and takes back: an observer in the page sees it at any speed of the test."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page

from tests.support.eventually import DEADLINE_S

# A label counts too: some buttons have only an icon.
_WATCH = """(text) => {
  const isShown = () => document.body.innerText.includes(text) || document.querySelector(`[aria-label="${text}"]`);
  window.brieflyShown = new Promise((resolve) => {
    const observer = new MutationObserver(() => isShown() && resolve(observer.disconnect()));
    observer.observe(document.body, { subtree: true, childList: true, characterData: true, attributes: true });
  });
}"""


@asynccontextmanager
async def briefly_shown(page: Page, text: str) -> AsyncIterator[None]:
    """What is done inside makes ``text`` appear, for however short a time."""
    await page.evaluate(_WATCH, text)
    yield
    async with asyncio.timeout(DEADLINE_S):
        await page.evaluate("window.brieflyShown")
