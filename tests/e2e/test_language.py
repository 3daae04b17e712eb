"""The pages in the language of their reader: found by the browser, changed by the control, and nothing left out."""

import re
from datetime import UTC, datetime
from uuid import UUID

import pytest
from playwright.async_api import Page, expect

from chat_api.alerts import outbox_repository as outbox
from chat_api.alerts import repository as alerts
from chat_api.alerts.notifications import resolved_title
from chat_api.alerts.schemas import AlertView, NotificationView
from chat_api.core.database import Database
from chat_api.core.ids import new_id
from chat_api.core.language import speaking
from chat_api.core.stored_sentences import in_own_language
from chat_api.fleet.schemas import BotStatus
from chat_api.fleet.sentences import bot_trouble
from chat_api.incidents import repository as incidents
from chat_api.incidents import sentences
from console.frame import NAVIGATION
from models import (
    AlertStatus,
    IncidentEntry,
    IncidentEntryKind,
    NotificationKind,
    NotificationStatus,
    Severity,
)
from tests.e2e.test_console import sign_in
from tests.support.api import ADMIN_PASSWORD
from tests.support.browser import OpenContext
from tests.support.catalogues import read
from tests.support.console_app import RunningConsole

pytestmark = pytest.mark.browser

GERMAN = {"locale": "de-DE"}
ENGLISH = re.compile("^en")
PAGES = (*(path for path, *_ in NAVIGATION), "/admin/bots/elena", "/admin/services/redis")
# All that is read, also by who cannot see it.
TEXTS = """(root) => {
  const texts = [...root.querySelectorAll("[title], [aria-label], [placeholder]")].flatMap((one) =>
    ["title", "aria-label", "placeholder"].map((name) => one.getAttribute(name)));
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT, (node) =>
    node.parentElement.closest("script, style, i") ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  while (walker.nextNode()) texts.push(walker.currentNode.textContent);
  return texts.map((text) => text?.trim()).filter(Boolean);
}"""


async def test_a_german_browser_reads_german_until_english_is_chosen(
    console: RunningConsole, open_context: OpenContext
) -> None:
    """The sign-in and the Fleet page; the choice outlives the page, and the session."""
    page = await (await open_context(**GERMAN)).new_page()
    name = await console.admin_username()
    await page.goto(f"{console.url}/admin")
    await _expect_language(page, "de", "Konsole")
    await expect(page).to_have_title(re.compile("^Anmelden"))
    await page.get_by_label("Name", exact=True).fill(name)
    await page.get_by_label("Passwort").fill(ADMIN_PASSWORD)
    await page.get_by_role("button", name="Anmelden").click()
    await _expect_language(page, "de", "Flotte")
    await expect(page.get_by_test_id("banner")).to_contain_text("Alle 3 Bots sind online")
    await expect(page.get_by_role("link", name="Vorfälle")).to_be_visible()
    await expect(page.get_by_test_id("bot-elena").locator(".we-status")).to_have_text("Online")

    await _choose(page, "English")
    await _expect_language(page, ENGLISH, "Fleet")
    await expect(page.get_by_test_id("banner")).to_contain_text("All 3 bots are online")
    await expect(page.get_by_role("link", name="Incidents")).to_be_visible()
    await page.reload()
    await _expect_language(page, ENGLISH, "Fleet")
    await page.get_by_test_id("sign-out").click()
    await _expect_language(page, ENGLISH, "Console")
    await _choose(page, "Deutsch")
    await _expect_language(page, "de", "Konsole")


async def test_the_chat_page_has_the_choice_too(console: RunningConsole, open_context: OpenContext) -> None:
    """On its sign-in page, where what was refused is not sent again, and beside who is signed in."""
    page = await (await open_context(**GERMAN)).new_page()
    await page.goto(f"{console.url}/?bot=marcus")
    await page.get_by_label("Name", exact=True).fill("  .")
    await page.get_by_role("button", name="Chat starten").click()
    await expect(page.get_by_test_id("form-error")).to_contain_text("Name:")
    await _choose(page, "English")
    await expect(page.get_by_test_id("form-error")).to_be_empty()
    await expect(page).to_have_url(f"{console.url}/?bot=marcus")
    await page.get_by_label("Name", exact=True).fill("polyglot")
    await page.get_by_role("button", name="Start chatting").click()
    await expect(page.get_by_test_id("me")).to_contain_text("polyglot")
    await expect(page.locator("html")).to_have_attribute("lang", ENGLISH)
    await _choose(page, "Deutsch")
    await expect(page.locator("html")).to_have_attribute("lang", "de")
    await expect(page.get_by_test_id("me").get_by_role("button", name="Abmelden")).to_be_visible()
    await expect(page.get_by_test_id("me").get_by_label("Sprache")).to_have_value("de")


async def test_it_is_chosen_without_scripts(console: RunningConsole, open_context: OpenContext) -> None:
    """By a form, which leads back to the page that was asked for."""
    page = await (await open_context(**GERMAN, java_script_enabled=False)).new_page()
    await console.admin_username()
    address = f"{console.url}/admin/login?next=%2Fadmin%2Faudit"
    await page.goto(address)
    await _expect_language(page, "de", "Konsole")
    await _choose(page, "English")
    await page.get_by_role("button", name="Anwenden").click()
    await _expect_language(page, ENGLISH, "Console")
    await expect(page).to_have_url(address)
    await page.goto(address)
    await _expect_language(page, ENGLISH, "Console")


async def test_who_signed_out_without_a_connection_reads_it_in_german(
    console: RunningConsole, open_context: OpenContext
) -> None:
    """Also where the next page ends before it has its own texts: the session could not be ended yet."""
    context = await open_context(**GERMAN)
    await context.add_cookies([{"name": "we-signed-out", "value": "1", "url": console.url}])
    page = await context.new_page()
    await page.route("**/api/logout", lambda route: route.abort())
    for path in ("/", "/admin"):
        await page.goto(console.url + path)
        await expect(page.get_by_test_id("signed-out")).to_contain_text("Sie sind abgemeldet")
        await expect(page).to_have_title("Abgemeldet")


async def test_nothing_stays_english(console: RunningConsole, open_context: OpenContext) -> None:
    """No text of a page is one that the catalogue has in German; at a desk and on a phone the pages fit as before."""
    page = await (await open_context(**GERMAN)).new_page()
    await sign_in(page, console)
    incident_id = await _store_a_bad_day(console)
    catalogue = [(message.id, message.string) for message in read("de") if isinstance(message.id, str)]
    english = {text for text, german in catalogue if text != german} - {german for _, german in catalogue}
    found = {}
    for path in (*PAGES, f"/admin/incidents/{incident_id}", "/admin/alerts?tab=history"):
        await page.goto(console.url + path)
        await expect(page.locator(".we-main h1, .we-main [role=heading][aria-level='1']")).to_be_visible()
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        texts = set(await page.locator("body").evaluate(TEXTS))
        with speaking("de"):
            left = sorted(english & texts | {text for text in texts if in_own_language(text) != text})
        for width_px in (360, 1440):
            await page.set_viewport_size({"width": width_px, "height": 900})
            needed_px = await page.evaluate("document.documentElement.scrollWidth")
            if needed_px > width_px:
                left.append(f"{needed_px} of {width_px} pixels")
        if left:
            found[path] = left
    assert found == {}


async def _store_a_bad_day(console: RunningConsole) -> UUID:
    """An incident, an alert and a message about it, as the service writes them; gives the incident's id."""
    title, detail = bot_trouble("Elena", BotStatus.OFFLINE), sentences.joined([sentences.exited(137)])
    incident_id, alert_id, now = new_id(), new_id(), datetime.now(UTC)
    lines = (
        (IncidentEntryKind.OPENED, sentences.opened(title, detail)),
        (IncidentEntryKind.EVIDENCE, sentences.evidence_captured("elena", sentences.INCIDENT_OPENED)),
        (IncidentEntryKind.BOT_RECOVERED, sentences.recovered(["elena"])),
        (IncidentEntryKind.RESOLVED, sentences.resolved("bot:elena", is_gone=False, others=())),
    )
    message = NotificationView(
        notification_id=new_id(),
        alert_id=alert_id,
        channel_id=None,
        channel_name="Pager",
        kind=NotificationKind.RESOLVED,
        severity=Severity.CRITICAL,
        title=resolved_title(title),
        body="",
        status=NotificationStatus.SENT,
        created_at=now,
        due_at=now,
    )
    assert console.settings.database_url is not None
    database = Database(console.settings.database_url.get_secret_value(), pool_size=2)
    async with database.write() as connection:
        await incidents.open_one(
            connection, incident_id=incident_id, cause="bot:elena", title=title, detail=detail, at=now
        )
        for kind, content in lines:
            await incidents.add_entry(
                connection, IncidentEntry(id=new_id(), incident_id=incident_id, at=now, kind=kind, content=content)
            )
        await incidents.resolve(connection, incident_id, at=now)
        await alerts.put_alert(
            connection,
            AlertView(
                alert_id=alert_id,
                key="rule:of a test",
                status=AlertStatus.RESOLVED,
                severity=Severity.CRITICAL,
                title=title,
                body=title,
                subjects=("Elena",),
                opened_at=now,
                resolved_at=now,
            ),
        )
        await outbox.put(connection, [message])
    await database.dispose()
    return incident_id


async def _expect_language(page: Page, code: str | re.Pattern[str], heading: str) -> None:
    await expect(page.get_by_role("heading", level=1)).to_have_text(heading)
    await expect(page.locator("html")).to_have_attribute("lang", code)


async def _choose(page: Page, language: str) -> None:
    await page.locator('select[data-we="language"]').select_option(label=language)
