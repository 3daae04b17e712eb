"""Edits, deletions, reactions and read marks in a real browser: done in one tab, seen in the other."""

import pytest
from playwright.async_api import expect

from tests.support.briefly_shown import briefly_shown
from tests.support.chat_browser import Chat, principal_of
from tests.support.console_app import RunningConsole
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("elena", "marcus", "jake")]


@pytest.fixture
async def tabs(chat: Chat) -> tuple[Chat, Chat]:
    """Two tabs of one person, with a question and its answer in each."""
    await chat.open("elena")
    await chat.talk("I need *coral*.")
    return chat, await chat.twin()


async def test_an_edit_is_seen_in_every_tab(tabs: tuple[Chat, Chat]) -> None:
    """Enter saves, Escape does not; the message says that it was edited, and the list shows its new text."""
    one, other = tabs
    await one.do(one.said("user"), "Edit")
    await expect(one.by_id("editor-text")).to_have_value("I need *coral*.")
    await one.by_id("editor-text").fill("Never mind.")
    await one.by_id("editor-text").press("Escape")
    await expect(one.by_id("editor")).to_have_count(0)
    await one.do(one.said("user"), "Edit")
    await one.by_id("editor-text").fill("I need **kelp**.")
    await one.by_id("editor-text").press("Enter")
    for tab in tabs:
        await expect(tab.said("user").locator("strong")).to_have_text("kelp")
        await expect(tab.by_id("edited")).to_have_text("Edited")
    await expect(one.by_id("editor")).to_have_count(0)
    await other.page.reload()
    await expect(other.said("user").locator("strong")).to_have_text("kelp")
    await expect(other.by_id("edited")).to_be_visible()


async def test_an_edit_of_an_old_version_shows_the_current_text(
    tabs: tuple[Chat, Chat], console: RunningConsole
) -> None:
    """Whoever edits what was changed meanwhile is told, sees what it says now, and loses nothing of what was typed."""
    one, other = tabs
    await one.do(one.said("user"), "Edit")
    await one.by_id("editor-text").fill("Written in the first tab.")
    await other.do(other.said("user"), "Edit")
    await other.by_id("editor-text").fill("Written in the second tab.")
    await other.by_id("editor-text").press("Enter")
    await expect(one.by_id("conflict")).to_contain_text("Written in the second tab.")
    await expect(one.by_id("editor-text")).to_have_value("Written in the first tab.")
    await one.by_id("editor-text").press("Enter")
    for tab in tabs:
        await expect(tab.said("user").locator(".chat-bubble")).to_have_text("Written in the first tab.")
        await expect(tab.by_id("editor")).to_have_count(0)


async def test_an_edit_that_comes_too_late_is_refused_with_the_current_text(
    chat: Chat, console: RunningConsole
) -> None:
    """Also when the page had not heard of the other change when it saved."""
    await chat.open("elena")
    await chat.talk("I need *coral*.")
    await chat.page.evaluate("window.socket.off('chat')")  # deaf to events
    person = await principal_of(chat, console)
    (message,) = (
        line for line in (await console.services.messages.history(person, "elena")).messages if not line.reply_to
    )
    await console.services.changes.edit(person, message.message_id, content="Written elsewhere.", version=1)
    await chat.do(chat.said("user"), "Edit")
    await chat.by_id("editor-text").fill("Written here.")
    await chat.by_id("editor-text").press("Enter")
    await expect(chat.by_id("conflict")).to_contain_text("Written elsewhere.")
    await expect(chat.by_id("editor-text")).to_have_value("Written here.")
    await expect(chat.by_id("save-edit")).to_be_enabled()


async def test_a_message_is_deleted_after_one_question(tabs: tuple[Chat, Chat]) -> None:
    """Cancel deletes nothing; then the message is gone in both tabs and after a reload, and its answer stays."""
    one, other = tabs
    await one.do(one.said("user"), "Delete")
    await one.by_id("delete-dialog").get_by_role("button", name="Cancel").click()
    await expect(one.by_id("delete-dialog")).to_be_hidden()
    await expect(one.said("user")).to_have_count(1)
    await one.do(one.said("user"), "Delete")
    await expect(one.by_id("delete-dialog")).to_contain_text("I need *coral*.")
    await one.by_id("confirm-delete").click()
    for tab in tabs:
        await expect(tab.said("user")).to_have_count(0)
        await expect(tab.said("bot")).to_have_count(1)
    await other.page.reload()
    await other.loaded()
    await expect(other.by_id("message")).to_have_count(1)


async def test_the_list_follows_when_the_last_line_goes(tabs: tuple[Chat, Chat], console: RunningConsole) -> None:
    """When the last line of a conversation is deleted, by whichever door, the list shows the one before."""
    person = await principal_of(tabs[0], console)
    (answer,) = (line for line in (await console.services.messages.history(person, "elena")).messages if line.reply_to)
    await console.services.changes.delete(person, answer.message_id)
    for tab in tabs:
        await expect(tab.said("bot")).to_have_count(0)
        await expect(tab.by_id("bot-elena")).to_contain_text("You: I need *coral*.")


async def test_reactions_are_seen_in_every_tab(tabs: tuple[Chat, Chat]) -> None:
    """An emoji on an answer, with the pointer; taken back where it shows, from the other tab."""
    one, other = tabs
    await one.do(one.said("bot"), "React: heart")
    for tab in tabs:
        await expect(tab.said("bot").get_by_test_id("reaction")).to_have_text("❤️")
    await other.page.reload()
    await other.said("bot").get_by_test_id("reaction").click()
    for tab in tabs:
        await expect(tab.by_id("reaction")).to_have_count(0)


async def test_everything_is_reached_by_keyboard(tabs: tuple[Chat, Chat]) -> None:
    """From the composer back to the newest message, up with the arrow, into its row of buttons, and out with Escape."""
    one, other = tabs
    page = one.page
    await one.by_id("composer").focus()
    await page.keyboard.press("Shift+Tab")
    await expect(one.said("bot")).to_be_focused()
    await page.keyboard.press("ArrowUp")
    await expect(one.said("user")).to_be_focused()
    await page.keyboard.press("Tab")
    await expect(page.get_by_role("button", name="React: thumbs up")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(other.said("user").get_by_test_id("reaction")).to_have_text("👍")
    await page.keyboard.press("Escape")
    await expect(one.by_id("composer")).to_be_focused()
    await expect(one.by_id("tools")).to_have_count(0)


async def test_a_message_is_copied_as_it_was_written(tabs: tuple[Chat, Chat]) -> None:
    """Copy gives the text, not the markup that shows it."""
    one, _ = tabs
    await one.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    async with briefly_shown(one.page, "Copied"):
        await one.do(one.said("user"), "Copy text")
    assert await one.page.evaluate("navigator.clipboard.readText()") == "I need *coral*."


async def test_nothing_moves_when_a_message_is_pointed_at(tabs: tuple[Chat, Chat]) -> None:
    """The row of buttons and a reaction take no room of their own."""
    one, _ = tabs
    places = "() => [...document.querySelectorAll('.chat-bubble')].map((bubble) => bubble.getBoundingClientRect().top)"
    before = await one.page.evaluate(places)
    await one.do(one.said("user"), "React: laughing")
    await expect(one.by_id("reaction")).to_be_visible()
    assert await one.page.evaluate(places) == before


async def test_reading_in_one_tab_clears_the_badge_in_the_other(chat: Chat, console: RunningConsole) -> None:
    """What is unread is counted at load and as it comes; reading it in one tab is seen in the others, and kept."""
    await chat.open("marcus")
    person = await principal_of(chat, console)
    for number in range(2):
        await console.services.messages.send(person, bot_name="elena", content=f"message {number}")
    second = await chat.twin()
    for tab in (chat, second):
        await expect(tab.by_id("bot-elena").get_by_label("2 unread")).to_be_visible()
    await console.services.messages.send(person, bot_name="elena", content="one more")
    for tab in (chat, second):
        await expect(tab.by_id("bot-elena").get_by_label("3 unread")).to_be_visible()
    await second.open("elena")
    for tab in (chat, second):
        await expect(tab.by_id("bot-elena").locator(".chat-unread")).to_have_count(0)
    await chat.page.reload()
    await chat.loaded()
    await expect(chat.by_id("bot-elena").locator(".chat-unread")).to_have_count(0)


async def test_an_answer_is_read_only_at_the_end_of_the_thread(chat: Chat, console: RunningConsole) -> None:
    """What comes below the part that is looked at stays unread until somebody goes there."""
    person = await principal_of(chat, console)
    for _ in range(12):
        await console.services.messages.send(person, bot_name="elena", content="I need " + "words " * 100)
    await chat.page.reload()
    await chat.open("elena")
    await expect(chat.said("bot").last).to_be_in_viewport()
    badge = chat.by_id("bot-elena").locator(".chat-unread")
    await expect(badge).to_have_count(0)
    await chat.by_id("thread").evaluate("(box) => (box.scrollTop = 200)")
    await expect(chat.said("bot").last).not_to_be_in_viewport()
    await console.services.messages.send(person, bot_name="elena", content="Below.")
    await expect(chat.by_id("bot-elena").get_by_label("1 unread")).to_be_visible()
    await chat.by_id("news").click()
    await expect(badge).to_have_count(0)

    async def is_read() -> bool:
        (summary,) = await console.services.messages.conversations(person)
        return summary.unread_count == 0

    await eventually(is_read)


async def test_what_was_missed_while_away_is_made_up_for(
    chat: Chat, console: RunningConsole, elena: RunningBot
) -> None:
    """Whatever happened while the connection was lost is there when it is back: an edit, a deletion and an answer."""
    await chat.open("elena")
    await chat.talk("First.")
    await chat.talk("Second.")
    person = await principal_of(chat, console)
    lines = (await console.services.messages.history(person, "elena")).messages
    second, first = (line for line in lines if not line.reply_to)
    await chat.page.context.set_offline(True)
    await chat.page.evaluate("window.socket.io.engine.close()")
    await expect(chat.by_id("lost")).to_be_visible()
    await console.services.changes.delete(person, first.message_id)
    await console.services.changes.edit(person, second.message_id, content="Changed while away.", version=1)
    await console.services.messages.send(person, bot_name="elena", content="Said while away.")
    await chat.page.context.set_offline(False)
    await expect(chat.said("user")).to_have_count(2)
    await expect(chat.said("user").first.locator(".chat-bubble")).to_have_text("Changed while away.")
    await expect(chat.said("user").last.locator(".chat-bubble")).to_have_text("Said while away.")
    await expect(chat.said("bot")).to_have_count(3)


async def test_a_refusal_is_said(chat: Chat, elena: RunningBot) -> None:
    """What a service refuses is said in its words; here a message that another tab has deleted meanwhile."""
    await chat.open("elena")
    await chat.talk("Short-lived.")
    second = await chat.twin()
    await second.page.evaluate("window.socket.off('chat')")  # deaf to events
    await chat.do(chat.said("user"), "Delete")
    await chat.by_id("confirm-delete").click()
    await expect(chat.said("user")).to_have_count(0)
    async with briefly_shown(second.page, "Unknown message."):
        await second.do(second.said("user"), "React: heart")


async def test_a_message_that_is_being_answered_cannot_be_deleted(chat: Chat, elena: RunningBot) -> None:
    """The page offers only what the service would do."""
    await elena.set_faults(is_held=True)
    await chat.open("elena")
    await chat.say("Wait for it.")
    waiting = chat.said("user")
    await expect(waiting).to_have_attribute("data-status", "pending")
    await waiting.hover()
    await expect(waiting.get_by_role("button", name="Edit")).to_be_visible()
    await expect(waiting.get_by_role("button", name="Delete")).to_have_count(0)
    await chat.by_id("stop").click()
    await expect(chat.by_id("failure")).to_be_visible()
    await waiting.hover()
    await expect(waiting.get_by_role("button", name="Delete")).to_be_visible()
