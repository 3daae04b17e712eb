"""Answers that a bot says piece by piece, in a real browser: they grow, are stopped, break off, and end alike."""

import asyncio
import re

import pytest
from playwright.async_api import Locator, expect

from tests.support.chat_browser import Chat, principal_of
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("elena", "marcus")]

LONG = (
    "I need **coral** reefs, sea grass, kelp, sand, tide pools, mangroves, open water and a very long and calm morning"
)


def _streaming(chat: Chat) -> Locator:
    return chat.page.locator("[data-testid=message][data-status=streaming]")


async def test_an_answer_grows_and_ends_as_html(chat: Chat, jake: RunningBot) -> None:
    """Until the first piece the bot is typing; then one bubble grows as text, and becomes HTML in its place."""
    await jake.set_faults(mode="hang")
    await chat.open("jake")
    await chat.say(LONG)
    await expect(chat.by_id("typing")).to_have_text(re.compile("Jake is typing"))
    await chat.by_id("stop").click()
    await jake.set_faults(mode="ok", hold_after=8)
    await chat.by_id("retry").click()
    await expect(_streaming(chat)).to_have_count(1)
    await expect(chat.by_id("typing")).to_have_count(0)
    await expect(_streaming(chat).locator(".chat-bubble")).to_have_text(re.compile(r"\*\*coral"))
    watching = chat.page.evaluate(
        """async () => {
            const bubble = document.querySelector("[data-status=streaming]");
            bubble.isSame = true;
            const lengths = [];
            while (bubble.dataset.status === "streaming") {
                lengths.push(bubble.querySelector(".chat-bubble").textContent.length);
                await new Promise(requestAnimationFrame);
            }
            return lengths;
        }"""
    )
    following = asyncio.ensure_future(watching)
    for pieces in (10, 12, 14):
        shown = await chat.text_of(_streaming(chat))
        await jake.set_faults(hold_after=pieces)
        await expect(_streaming(chat).locator(".chat-bubble")).not_to_have_text(shown)
    await jake.set_faults(hold_after=0)
    lengths = await following
    assert lengths == sorted(lengths)
    assert len(set(lengths)) >= 3
    await expect(chat.said("bot").locator("strong")).to_have_text("coral")
    await expect(chat.said("bot")).to_have_attribute("data-status", "answered")
    assert await chat.said("bot").evaluate("(bubble) => bubble.isSame")
    await expect(chat.by_id("ending")).to_have_count(0)
    await expect(chat.by_id("stop")).to_have_count(0)
    text = await chat.text_of(chat.said("bot"))
    await chat.page.reload()
    await expect(chat.said("bot").locator(".chat-bubble")).to_have_text(text)


async def test_stop_keeps_what_was_said_in_every_tab(chat: Chat, jake: RunningBot) -> None:
    """Both tabs see the answer grow; one stops it, and both keep the same part of it, marked as stopped."""
    await jake.set_faults(hold_after=8)
    await chat.open("jake")
    second = await chat.twin()
    await chat.say(LONG)
    for tab in (chat, second):
        await expect(_streaming(tab).locator(".chat-bubble")).to_have_text(re.compile("coral"))
    await second.by_id("stop").click()
    for tab in (chat, second):
        await expect(tab.by_id("ending")).to_have_text("Stopped")
        await expect(tab.by_id("stop")).to_have_count(0)
    kept = await chat.text_of(chat.said("bot"))
    assert "coral" in kept
    assert "morning" not in kept
    assert await second.text_of(second.said("bot")) == kept
    await second.page.reload()
    await expect(second.by_id("ending")).to_have_text("Stopped")
    assert await second.text_of(second.said("bot")) == kept


async def test_stop_before_the_first_word_offers_retry(chat: Chat, jake: RunningBot) -> None:
    """There is no answer then, which is no failure of the bot's; Retry has it answered."""
    await jake.set_faults(is_held=True)
    await chat.open("jake")
    second = await chat.twin()
    await chat.say("Take your time.")
    await expect(second.by_id("typing")).to_be_visible()
    await chat.by_id("stop").click()
    for tab in (chat, second):
        await expect(tab.by_id("failure")).to_have_text("You stopped this answer.")
        await expect(tab.by_id("typing")).to_have_count(0)
    await jake.set_faults(is_held=False)
    await second.by_id("retry").click()
    for tab in (chat, second):
        await expect(tab.said("bot")).to_have_count(1)
        await expect(tab.by_id("failure")).to_have_count(0)


async def test_an_answer_that_breaks_off_says_so(chat: Chat, jake: RunningBot) -> None:
    """What came of it stays, marked as cut off."""
    await jake.set_faults(mode="truncate_stream")
    await chat.open("jake")
    second = await chat.twin()
    await chat.say(LONG)
    for tab in (chat, second):
        await expect(tab.by_id("ending")).to_have_text("Cut off")
    assert await chat.texts() == await second.texts()


async def test_a_tab_that_comes_in_the_middle_ends_with_the_whole(chat: Chat, jake: RunningBot) -> None:
    """Pieces that do not fit are left out: it shows that the bot is typing, then the whole answer."""
    await jake.set_faults(hold_after=8)
    await chat.open("jake")
    await chat.say(LONG)
    await expect(_streaming(chat).locator(".chat-bubble")).to_have_text(re.compile("coral"))
    second = await chat.twin()
    await expect(second.by_id("typing")).to_be_visible()
    await jake.set_faults(hold_after=0)
    await expect(second.said("bot")).to_have_count(1)
    await expect(second.said("bot")).to_have_attribute("data-status", "answered")
    assert await chat.texts() == await second.texts()


async def test_a_reader_who_scrolls_up_is_not_pulled_back(
    chat: Chat, console: RunningConsole, jake: RunningBot
) -> None:
    """An answer that grows is followed at the end of the thread, and only there."""
    person = await principal_of(chat, console)
    for number in range(5):
        await console.services.messages.send(person, bot_name="jake", content=f"I need {number} " + "words " * 90)
    await chat.page.reload()
    await chat.open("jake")
    await jake.set_faults(hold_after=120)
    await chat.say("I need " + "words " * 200)
    await expect(_streaming(chat)).to_be_in_viewport()
    thread = chat.by_id("thread")
    assert await thread.evaluate("(box) => box.scrollHeight - box.scrollTop - box.clientHeight < 3")
    await thread.hover()
    await chat.page.mouse.wheel(0, -40)
    await expect(thread).to_have_js_property("scrollTop", await _settled_top(chat))
    top = await thread.evaluate("(box) => box.scrollTop")
    await jake.set_faults(hold_after=0)
    await expect(_streaming(chat)).to_have_count(0)
    assert await thread.evaluate("(box) => box.scrollTop") == top
    await expect(chat.by_id("news")).to_be_visible()


async def _settled_top(chat: Chat) -> float:
    """Where the thread stands once the wheel has come to rest."""
    return float(
        await chat.by_id("thread").evaluate(
            """async (box) => {
                for (let before = -1; before !== box.scrollTop; ) {
                    before = box.scrollTop;
                    await new Promise((resolve) => setTimeout(resolve, 200));
                }
                return box.scrollTop;
            }"""
        )
    )
