"""The chat page in a real browser, over real bots and a real database."""

import re

import pytest
from playwright.async_api import Page, expect

from tests.support.briefly_shown import briefly_shown
from tests.support.browser import OpenContext
from tests.support.chat_browser import Chat, person, principal_of
from tests.support.console_app import RunningConsole
from tests.support.sample_bots import RunningBot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("elena", "marcus", "jake")]

HOSTILE = (
    "<img src=x onerror=\"window.hacked='img'\"> <script>window.hacked='script'</script>"
    " [click](javascript:window.hacked='link') **bold** <svg onload=\"window.hacked='svg'\">"
)


async def test_talk_to_two_bots_reload_and_find_the_history(chat: Chat) -> None:
    """The main job: sign in by name, talk to two bots, come back and find both conversations, in order."""
    await chat.by_id("bot-elena").click()
    await expect(chat.by_id("empty")).to_contain_text("Say hello to Elena")
    answer = await chat.talk("Hello Elena, how are you?")
    again = await chat.talk("I like **coral** reefs.")
    await chat.by_id("bot-marcus").click()
    await expect(chat.page).to_have_url(re.compile(r"\?bot=marcus$"))
    other = await chat.talk("Hello Marcus.")
    await chat.page.reload()
    await chat.loaded()
    await expect(chat.by_id("message")).to_have_count(2)
    assert await chat.texts() == ["Hello Marcus.", other]
    await chat.by_id("bot-elena").click()
    await expect(chat.by_id("message")).to_have_count(4)
    assert await chat.texts() == ["Hello Elena, how are you?", answer, "I like coral reefs.", again]
    assert await chat.said("user").last.locator("strong").inner_text() == "coral"
    await chat.page.go_back()
    await expect(chat.by_id("message")).to_have_count(2)


async def test_a_second_tab_shows_the_same_at_once(chat: Chat) -> None:
    """Both tabs of a person end with the same messages, each once, whichever was written in."""
    await chat.open("elena")
    second = await chat.twin()
    await chat.talk("Written in the first tab.")
    await expect(second.by_id("message")).to_have_count(2)
    await second.talk("Written in the second tab.")
    await expect(chat.by_id("message")).to_have_count(4)
    assert await chat.texts() == await second.texts()


async def test_a_message_for_another_bot_is_counted(chat: Chat, elena: RunningBot) -> None:
    """An answer that comes while another thread is open shows in the list, and is unread until it is opened."""
    await elena.set_faults(is_held=True)
    await chat.open("elena")
    await chat.say("Take your time.")
    await chat.open("marcus")
    await elena.set_faults(is_held=False)
    await expect(chat.by_id("bot-elena").get_by_label("1 unread")).to_be_visible()
    await chat.by_id("bot-elena").click()
    await expect(chat.said("bot")).to_have_count(1)
    await expect(chat.by_id("bot-elena").get_by_label("1 unread")).to_have_count(0)


async def test_typing_is_seen_and_the_answer_outlives_the_page(chat: Chat, elena: RunningBot) -> None:
    """While a bot thinks the page says so, even after a reload; leaving the page cancels nothing."""
    await chat.open("elena")
    before = len(await elena.calls())
    await elena.set_faults(is_held=True)
    await chat.say("Think about this.")
    await expect(chat.by_id("typing")).to_have_text(re.compile("Elena is typing"))
    await chat.page.reload()
    await expect(chat.by_id("typing")).to_be_visible()
    await elena.set_faults(is_held=False)
    await expect(chat.said("bot")).to_have_count(1)
    await expect(chat.by_id("typing")).to_have_count(0)
    assert len(await elena.calls()) == before + 1


async def test_a_failure_is_said_and_retry_works_once_the_bot_is_well(chat: Chat, elena: RunningBot) -> None:
    """A bot's failure is shown at the message, in words without internals; Retry has the same message answered."""
    await chat.open("elena")
    await elena.set_faults(mode="exception")
    await chat.say("Can you hear me?")
    await expect(chat.by_id("failure")).to_have_text("The bot couldn't answer this message.")
    await chat.by_id("retry").click()
    await expect(chat.by_id("failure")).to_be_visible()
    await chat.page.reload()
    await expect(chat.by_id("failure")).to_be_visible()
    await elena.set_faults(mode="ok")
    await chat.by_id("retry").click()
    await expect(chat.said("bot")).to_have_count(1)
    await expect(chat.by_id("failure")).to_have_count(0)
    await expect(chat.said("user")).to_have_count(1)


async def test_a_bot_may_say_nothing_or_not_be_ready(chat: Chat, elena: RunningBot) -> None:
    """Silence is an answer and no failure, in the thread and in the list; who starts says so, and Retry is offered."""
    await chat.open("elena")
    await elena.set_faults(mode="empty")
    await chat.say("Nothing to add?")
    await expect(chat.by_id("silent")).to_have_text("Elena Rodriguez chose not to answer.")
    await expect(chat.by_id("failure")).to_have_count(0)
    await expect(chat.by_id("bot-elena")).to_contain_text("Chose not to answer")
    await chat.page.reload()
    await expect(chat.by_id("silent")).to_be_visible()
    await elena.set_faults(mode="not_ready")
    await chat.say("Awake?")
    await expect(chat.by_id("failure")).to_have_text("This bot is still starting. Please try again in a moment.")
    await elena.set_faults(mode="ok")
    await chat.by_id("retry").click()
    await expect(chat.by_id("failure")).to_have_count(0)


async def test_an_offline_bot_says_so(chat: Chat, marcus: RunningBot) -> None:
    """The list and the thread follow a bot that goes and comes back; a message to it fails visibly."""
    await chat.open("marcus")
    await expect(chat.by_id("bot-status")).to_have_text("Online")
    await marcus.kill()
    await expect(chat.by_id("bot-status")).to_have_text("Offline")
    await expect(chat.by_id("offline-notice")).to_contain_text("Marcus is offline")
    await chat.say("Anybody there?")
    await expect(chat.by_id("failure")).to_be_visible()
    await marcus.start()
    await expect(chat.by_id("bot-status")).to_have_text("Online")


async def test_hostile_text_executes_nothing(chat: Chat, elena: RunningBot) -> None:
    """Markup of a user, or of a bot that repeats it, is text; Markdown in it works."""
    await chat.open("elena")
    await chat.talk(f"I need {HOSTILE}")  # her rules repeat what one needs
    await chat.page.reload()
    await chat.loaded()
    first = chat.said("user").first
    await expect(first).to_contain_text("<img src=x onerror=")
    await expect(first.locator("strong")).to_have_text("bold")
    assert await chat.page.locator(".chat-messages :is(img, script, svg, [onerror])").count() == 0
    assert await chat.page.locator(".chat-messages a[href^=javascript]").count() == 0
    assert await chat.page.evaluate("window.hacked") is None


async def test_a_hostile_name_executes_nothing(page: Page, console: RunningConsole) -> None:
    """A name is hostile input too."""
    chat = Chat(page, console)
    await chat.sign_in("<img src=x onerror=hack()>")
    await expect(chat.by_id("me")).to_contain_text("<img src=x")
    assert await page.locator("img").count() == 0


async def test_two_strangers_with_one_name_see_nothing_of_each_other(
    open_context: OpenContext, console: RunningConsole
) -> None:
    """The second alice is a guest, is told so, and neither sees what the other says, live or later."""
    first = await person(await open_context(), console, "alice")
    await first.open("elena")
    await first.talk("My secret is a pearl.")
    second = await person(await open_context(), console, "alice")
    await expect(first.by_id("guest-badge")).to_have_count(0)
    await expect(second.by_id("guest-badge")).to_have_text("Guest")
    await second.open("elena")
    await expect(second.by_id("empty")).to_be_visible()
    await first.talk("And it is hidden.")
    await second.talk("Hello from the guest.")
    assert "pearl" not in await second.page.content()
    assert "guest" not in " ".join(await first.texts())
    await expect(first.by_id("message")).to_have_count(4)
    await expect(second.by_id("message")).to_have_count(2)


async def test_a_password_keeps_the_name(open_context: OpenContext, console: RunningConsole) -> None:
    """With the password the same person comes in from another browser and finds the history."""
    first = Chat(await (await open_context()).new_page(), console)
    await first.sign_in("carol", password="correct horse battery")
    await first.open("elena")
    await first.talk("Remember me.")
    second = Chat(await (await open_context()).new_page(), console)
    await second.sign_in("carol", password="correct horse battery")
    await expect(second.by_id("guest-badge")).to_have_count(0)
    await expect(second.said("user")).to_have_text(re.compile("Remember me."))


async def test_drafts_are_kept_per_bot_until_sign_out(chat: Chat) -> None:
    """What was not sent is there after a reload, at its own bot; signing out asks what becomes of it."""
    await chat.open("elena")
    await chat.by_id("composer").fill("for Elena")
    await chat.by_id("bot-marcus").click()
    await expect(chat.by_id("composer")).to_have_value("")
    await chat.by_id("composer").fill("for Marcus")
    await chat.page.reload()
    await expect(chat.by_id("composer")).to_have_value("for Marcus")
    await chat.by_id("bot-elena").click()
    await expect(chat.by_id("composer")).to_have_value("for Elena")
    await chat.by_id("sign-out").click()
    await expect(chat.by_id("passwordless-unsent")).to_have_text("2 unsent messages or drafts will be discarded.")
    await chat.by_id("confirm-sign-out").click()
    await expect(chat.page.get_by_role("button", name="Start chatting")).to_be_visible()
    assert await chat.page.evaluate("Object.keys(localStorage).filter((key) => key.startsWith('we-chat'))") == []


async def test_signing_out_without_a_password_is_asked_first(
    chat: Chat, console: RunningConsole, open_context: OpenContext
) -> None:
    """It says what is lost; a password keeps the name, and then signing out is one click and takes nothing."""
    await chat.open("elena")
    name = await chat.page.locator(".chat-me-name").inner_text()
    await chat.by_id("sign-out").click()
    await expect(chat.by_id("passwordless-dialog")).to_contain_text("no one can sign in with this name again")
    await chat.page.get_by_role("button", name="Stay signed in").click()
    await expect(chat.by_id("passwordless-dialog")).to_be_hidden()
    await chat.by_id("sign-out").click()
    await chat.by_id("new-password").fill("a password to keep it")
    await chat.by_id("set-password").click()
    await expect(chat.by_id("passwordless-dialog")).to_have_count(0)
    await expect(chat.by_id("me")).to_contain_text(name)
    await chat.by_id("sign-out").click()
    await expect(chat.page.get_by_role("button", name="Start chatting")).to_be_visible()
    assert {cookie["name"] for cookie in await chat.page.context.cookies()} & {"we_session", "we_claim"} == set()
    await chat.sign_in(name, password="a password to keep it")
    await expect(chat.by_id("guest-badge")).to_have_count(0)

    guest = Chat(await (await open_context()).new_page(), console)
    await guest.sign_in(name)
    await guest.by_id("sign-out").click()
    await expect(guest.by_id("passwordless-dialog")).to_contain_text("You're a guest.")
    await expect(guest.by_id("new-password")).to_have_count(0)
    await guest.by_id("confirm-sign-out").click()
    await expect(guest.page.get_by_role("button", name="Start chatting")).to_be_visible()


async def test_the_composer_takes_lines_and_stops_at_the_limit(chat: Chat) -> None:
    """Shift+Enter makes a line, Enter sends, and a text over the limit is counted and not sent."""
    await chat.open("elena")
    composer = chat.by_id("composer")
    height = await composer.evaluate("(box) => box.offsetHeight")
    await composer.press_sequentially("one")
    await composer.press("Shift+Enter")
    await composer.press_sequentially("two")
    assert await composer.evaluate("(box) => box.offsetHeight") > height
    await composer.press("Enter")
    await expect(composer).to_have_value("")
    await expect(chat.said("user").locator(".chat-bubble")).to_have_text(re.compile("one\\s*two"))
    await composer.fill("x" * 4001)
    await expect(chat.by_id("counter")).to_have_text("4001 / 4000")
    await expect(chat.by_id("send")).to_be_disabled()
    await composer.press("Enter")
    await expect(chat.said("user")).to_have_count(1)


async def test_code_can_be_copied(chat: Chat) -> None:
    """A code block has a copy button that says what it did."""
    await chat.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    await chat.open("elena")
    await chat.talk("```python\nprint('reef')\n```")
    async with briefly_shown(chat.page, "Copied"):
        await chat.page.get_by_role("button", name="Copy code").click()
    assert await chat.page.evaluate("navigator.clipboard.readText()") == "print('reef')\n"


async def test_older_messages_come_on_scrolling_up_and_the_place_is_kept(chat: Chat, console: RunningConsole) -> None:
    """A long history opens at its end with one page; scrolling up brings the next one without a jump."""
    principal = await principal_of(chat, console)
    for number in range(40):
        await console.services.messages.send(principal, bot_name="elena", content=f"message {number}")
    await chat.page.reload()
    await chat.open("elena")
    await expect(chat.by_id("message")).to_have_count(50)
    await expect(chat.said("user").last).to_be_in_viewport()
    top = chat.by_id("message").first
    text = await chat.text_of(top)
    await chat.by_id("thread").evaluate("(box) => (box.scrollTop = 0)")
    await expect(chat.by_id("message")).to_have_count(80)
    bubble = chat.page.locator(".chat-bubble", has_text=re.compile(rf"^\s*{re.escape(text)}\s*$"))
    await expect(chat.said("user").filter(has=bubble)).to_be_in_viewport()
    texts = [await chat.text_of(message) for message in await chat.said("user").all()]
    assert texts == [f"message {number}" for number in range(40)]


async def test_a_lost_connection_is_said_and_what_was_written_goes_out_once(chat: Chat, elena: RunningBot) -> None:
    """Without a connection a banner says so; a message written meanwhile is sent after it is back, once."""
    await chat.open("elena")
    before = len(await elena.calls())
    await chat.page.context.set_offline(True)
    await chat.page.evaluate("window.socket.io.engine.close()")
    await expect(chat.by_id("lost")).to_be_visible()
    await chat.say("Written in a tunnel.")
    await expect(chat.said("user")).to_have_attribute("data-status", "sending")
    await chat.page.context.set_offline(False)
    await expect(chat.said("bot")).to_have_count(1)
    await expect(chat.by_id("lost")).to_have_count(0)
    await expect(chat.said("user")).to_have_count(1)
    assert len(await elena.calls()) == before + 1


async def test_an_ended_session_closes_the_page(chat: Chat) -> None:
    """Signing out elsewhere ends every open page of the session, and nothing more is shown there."""
    await chat.open("elena")
    answer = await chat.page.context.request.post(
        f"{chat._url}/api/logout", headers={"Origin": chat._url, "Content-Type": "application/json"}, data="{}"
    )
    assert answer.ok, await answer.text()
    await expect(chat.page.get_by_role("button", name="Start chatting")).to_be_visible()


async def test_a_refused_name_is_explained(page: Page, console: RunningConsole) -> None:
    """The form says what the API says."""
    await page.goto(console.url)
    await page.evaluate("document.querySelector('[name=username]').removeAttribute('minlength')")
    await page.get_by_label("Name", exact=True).fill("ab")
    await page.get_by_role("button", name="Start chatting").click()
    await expect(page.get_by_test_id("form-error")).to_contain_text("at least 3 characters")


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_a_phone_shows_the_list_or_the_thread(
    open_context: OpenContext, console: RunningConsole, scheme: str
) -> None:
    """At 360 px nothing overflows, and one walks between list and thread."""
    context = await open_context(viewport={"width": 360, "height": 740}, color_scheme=scheme)
    chat = await person(context, console, "dora")
    await chat.by_id("bot-elena").click()
    await expect(chat.by_id("bot-elena")).to_be_hidden()
    await chat.talk("A long word: " + "w" * 200 + " and a table\n\n" + "|a" * 30 + "|\n" + "|-" * 30 + "|")
    assert await chat.page.evaluate("document.documentElement.scrollWidth") <= 360
    assert await chat.by_id("thread").evaluate("(box) => box.scrollWidth <= box.clientWidth")
    await chat.by_id("back").click()
    await expect(chat.by_id("bot-elena")).to_be_visible()
