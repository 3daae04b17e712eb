"""What bots remember, in a real browser: on one's own page, and on a person's for an administrator with a reason."""

from playwright.async_api import Page, expect

from tests.e2e.test_console import sign_in
from tests.e2e.test_people import SETTLED, shot
from tests.support.axe import violations
from tests.support.chat_browser import Chat, principal_of
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot

HOSTILE = "<img src=x onerror=alert(1)>"
SAID = (
    f"I live in Seattle {HOSTILE}",
    "My name is Alicia. I like tide pools",
    "Do you remember the octopus we talked about last week? I went back to see it with my sister.",
    "I work as a nurse, so I mostly write at night. Tell me something calm.",
    "My sister thinks that I should keep a diary.",
    "Good night!",
)


async def test_people_see_and_erase_what_bots_remember(
    console_app: RunningConsole, page: Page, marcus: RunningBot
) -> None:
    """From the chat to one's own page, where a part is erased; an administrator sees the rest for a reason, erases it
    with the person, and the receipt stays. What bots say is never markup.
    """
    chat = Chat(page, console_app)
    await chat.sign_in("alicia")
    user = await principal_of(chat, console_app)
    for said in SAID:
        await console_app.services.messages.send(user, bot_name="marcus", content=said)

    await page.get_by_test_id("memory").click()
    card = page.get_by_test_id("memories-marcus")
    await expect(card).to_contain_text("Likes tide pools")
    await expect(page.get_by_test_id("unsupported")).to_contain_text("Elena")
    assert await violations(page) == []
    await shot(page, "own-memory")
    await page.set_viewport_size({"width": 390, "height": 844})
    await shot(page, "own-memory-phone")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 390
    await page.set_viewport_size({"width": 1440, "height": 900})
    await card.get_by_test_id("erase-bot").click()
    await page.get_by_test_id("choice-knowledge").click()
    await page.get_by_test_id("choice-trust").click()
    await page.wait_for_function(SETTLED)
    assert await violations(page) == []
    await shot(page, "erase-part")
    await page.get_by_test_id("ask-do").click()
    await expect(page.get_by_test_id("receipt-state")).to_have_text("Completed")
    await expect(card.get_by_text("Recent memories")).to_have_count(0)
    await expect(card).to_contain_text("Lives in Seattle")

    await console_app.services.messages.send(user, bot_name="marcus", content=f"Remember {HOSTILE}")
    await sign_in(page, console_app, path=f"/admin/users/{user.user_id}")
    await page.get_by_test_id("show-memories").click()
    await page.get_by_label("Reason").fill("ticket 4711")
    await page.get_by_test_id("ask-do").click()
    await expect(card).to_contain_text(f"Remember {HOSTILE}")
    await expect(page.get_by_test_id("receipts")).to_contain_text("Completed")
    assert await violations(page) == []
    await shot(page, "person-memories")
    await marcus.kill()
    await page.get_by_test_id("erase").click()
    await page.get_by_label("Username").fill("alicia")
    await page.wait_for_function(SETTLED)
    await shot(page, "erase-person")
    await page.get_by_test_id("ask-do").click()
    await expect(page.get_by_text("Not reached").first).to_be_visible()
    assert await violations(page) == []
    await shot(page, "receipt")
    await marcus.start()
    await page.get_by_test_id("retry").click()
    await expect(page.get_by_text("Not reached")).to_have_count(0)
    await page.goto(f"{console_app.url}/admin/audit")
    await expect(page.get_by_test_id("records")).to_contain_text("ticket 4711")
