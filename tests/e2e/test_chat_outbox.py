"""What people write, in a real browser: stored in the order of writing, each once, and theirs until they discard it."""

import asyncio
import contextlib
import random
import re
from collections.abc import Callable

import pytest
from playwright.async_api import WebSocketRoute, expect

from chat_api.core.errors import RateLimited
from tests.support.browser import OpenContext
from tests.support.chat_browser import Chat, person, principal_of
from tests.support.console_app import RunningConsole
from tests.support.eventually import eventually
from tests.support.sample_bots import RunningBot

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("elena", "marcus", "jake")]

SOCKET = re.compile("/_nicegui_ws/")


async def _stored(chat: Chat, console: RunningConsole, bot: str = "elena") -> list[str]:
    """The messages of a person to a bot, as they are stored."""
    page = await console.services.messages.history(await principal_of(chat, console), bot, limit=200)
    return [line.content for line in reversed(page.messages) if line.reply_to is None]


async def _becomes(chat: Chat, console: RunningConsole, texts: list[str], bot: str = "elena") -> None:
    async def is_so() -> bool:
        return len(await _stored(chat, console, bot)) >= len(texts)

    await eventually(is_so)
    assert await _stored(chat, console, bot) == texts


class _Line:
    """The line between a page and the server: slow by turns."""

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._tasks: list[asyncio.Task[None]] = []

    async def attach(self, chat: Chat) -> None:
        """Be the line of a page, which is loaded anew for that."""
        await chat.page.route_web_socket(SOCKET, self._open)
        await chat.page.reload()
        await chat.loaded()

    def _open(self, socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        socket.on_message(self._slowly(server.send))
        server.on_message(self._slowly(socket.send))

    def _slowly(self, send: Callable[[str | bytes], None]) -> Callable[[str | bytes], None]:
        """In order, as a real line does, each a little later."""
        waiting: asyncio.Queue[str | bytes] = asyncio.Queue()

        async def pass_on() -> None:
            while True:
                message = await waiting.get()
                await asyncio.sleep(self._chance.random() * 0.05)
                with contextlib.suppress(Exception):  # the page has gone, or was loaded anew
                    send(message)

        self._tasks.append(asyncio.create_task(pass_on()))
        return waiting.put_nowait

    async def __aenter__(self) -> "_Line":
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@pytest.mark.parametrize("seed", [1, 2])
async def test_order_is_the_order_of_writing(chat: Chat, console: RunningConsole, seed: int) -> None:
    """Two tabs, two bots, a slow line that is cut, a reload in the middle: all is stored once, in order."""
    chance = random.Random(seed)
    await chat.open("elena")
    second = await chat.twin()
    async with _Line(seed) as line:
        for tab in (chat, second):
            await line.attach(tab)
        written: dict[str, list[str]] = {"elena": [], "marcus": []}
        for number in range(12):
            tab, bot = chance.choice((chat, second)), chance.choice(("elena", "marcus"))
            if chance.random() < 0.4:
                await chance.choice((chat, second)).page.evaluate("window.socket.io.engine.close()")
            if number == 6:
                await tab.page.reload()
                await expect(tab.by_id("composer")).to_be_visible()
            await tab.by_id(f"bot-{bot}").click()
            await tab.say(f"message {number}")
            written[bot].append(f"message {number}")
        for bot, texts in written.items():
            await _becomes(chat, console, texts, bot)


async def test_written_offline_and_reloaded(chat: Chat, console: RunningConsole) -> None:
    """Five messages without a connection, a page that is loaded anew: in the order of writing, and so in every tab."""
    await chat.open("elena")
    second = await chat.twin()
    await chat.go_offline()
    texts = [f"offline {number}" for number in range(5)]
    for text in texts:
        await chat.say(text)
    await expect(chat.by_id("note")).to_have_text([re.compile("Waiting to be sent")] * 5)
    await expect(second.said("user")).to_have_count(5)  # it sees them, and leaves them to the tab that wrote them
    await chat.go_online()
    await chat.page.reload()
    await _becomes(chat, console, texts)
    for tab in (chat, second):
        await expect(tab.said("user").locator(".chat-bubble")).to_have_text(texts)
        await expect(tab.said("bot")).to_have_count(5)
    assert await chat.page.evaluate("Object.keys(localStorage).filter((key) => key.includes(':unsent:'))") == []


async def test_what_a_closed_tab_wrote_is_sent_by_another(chat: Chat, console: RunningConsole) -> None:
    """And before what is written there afterwards."""
    await chat.open("elena")
    second = await chat.twin()
    await chat.go_offline()
    await chat.say("from the tab that was closed")
    await chat.page.close()
    await second.say("from the other tab")
    await second.page.context.set_offline(False)
    await _becomes(second, console, ["from the tab that was closed", "from the other tab"])


async def test_one_that_is_refused_for_now_holds_up_the_rest(chat: Chat, console: RunningConsole) -> None:
    """Nothing overtakes it; Retry sends it at once, in its place, and the rest follows."""
    await chat.open("elena")
    await chat.say("first")
    await expect(chat.said("bot")).to_have_count(1)
    limits, writer = console.services.limits, await principal_of(chat, console)
    limits.set_rate(1)
    try:
        with contextlib.suppress(RateLimited):
            await limits.hit(writer.user_id)  # the one that is allowed
        await chat.say("second")
        await expect(chat.by_id("failure")).to_be_visible()
        await chat.say("third")
        await expect(chat.said("user").last).to_have_attribute("data-status", "sending")
    finally:
        limits.set_rate(console.settings.rate_limit_requests_per_minute)
    await chat.by_id("retry").click()
    await _becomes(chat, console, ["first", "second", "third"])
    await expect(chat.by_id("failure")).to_have_count(0)


async def test_what_is_refused_for_good_stays_until_it_is_discarded(chat: Chat, console: RunningConsole) -> None:
    """It keeps its text, over a reload too, and holds nothing up; sent again, it is written now."""
    await chat.open("elena")
    await chat.page.evaluate(
        """() => {
            const key = Object.keys(sessionStorage).find((name) => name.endsWith(":tab"));
            const [id, tab] = ["x".repeat(101), sessionStorage[key]];
            const entry = { client_id: id, bot: "elena", text: "refused", at: Date.now() / 1000, tab };
            localStorage.setItem(key.replace(":tab", ":unsent:" + entry.client_id), JSON.stringify(entry));
        }"""
    )
    await chat.page.reload()
    await expect(chat.by_id("failure")).to_contain_text("client_msg_id")
    await chat.say("accepted")
    await _becomes(chat, console, ["accepted"])
    await chat.page.reload()
    await chat.loaded()
    await expect(chat.said("user")).to_have_count(2)
    await expect(chat.said("user").last).to_contain_text("refused")
    await chat.by_id("discard").click()
    await expect(chat.said("user")).to_have_count(1)
    await chat.page.reload()
    await chat.loaded()
    await expect(chat.said("user")).to_have_count(1)


async def test_text_for_a_bot_that_is_gone_stays(chat: Chat, console: RunningConsole) -> None:
    """Messages and drafts for it can be read, copied and discarded, and nothing else takes them away."""
    await chat.page.evaluate(
        """() => {
            const key = Object.keys(sessionStorage).find((name) => name.endsWith(":tab"));
            const bot = "gabriel-the-old";
            const entry = { client_id: "gone-1", bot, text: "Are you there?", at: Date.now() / 1000, tab: "t" };
            localStorage.setItem(key.replace(":tab", ":unsent:gone-1"), JSON.stringify(entry));
            localStorage.setItem(key.replace(":tab", ":draft:gabriel-the-old"), "A draft for him");
        }"""
    )
    for _ in range(2):
        await chat.page.reload()
        await chat.by_id("gone-gabriel-the-old").click()
        await expect(chat.by_id("stranded-text")).to_have_count(2)
    await expect(chat.by_id("stranded-text").first).to_contain_text("Are you there?")
    await expect(chat.by_id("stranded-text").last).to_contain_text("A draft for him")
    await chat.by_id("discard-text").first.click()
    await expect(chat.by_id("stranded-text")).to_have_count(1)
    await chat.by_id("discard-text").click()
    await expect(chat.by_id("gone-gabriel-the-old")).to_have_count(0)
    assert await _kept(chat) == []


async def _kept(chat: Chat) -> list[str]:
    """The texts that the browser keeps."""
    script = "Object.keys(localStorage).filter((key) => /:(unsent|draft):/.test(key))"
    return list(await chat.page.evaluate(script))


FULL = "Storage.prototype.setItem = () => { throw new DOMException('full', 'QuotaExceededError'); }"
BLOCKED = """for (const name of ["localStorage", "sessionStorage"]) {
    const get = () => { throw new DOMException("blocked", "SecurityError"); };
    Object.defineProperty(window, name, { configurable: true, get });
}"""


@pytest.mark.parametrize("trouble", [FULL, BLOCKED], ids=["full", "blocked"])
async def test_storage_that_fails_is_said(open_context: OpenContext, console: RunningConsole, trouble: str) -> None:
    """A browser that keeps nothing says so; what is written is sent all the same, in order."""
    context = await open_context()
    await context.add_init_script(trouble)
    chat = await person(context, console, f"storage {len(trouble)}")
    await chat.open("elena")
    await chat.go_offline()
    await chat.say("one")
    await chat.say("two")
    await expect(chat.by_id("storage-notice")).to_contain_text("can't save unsent text")
    await chat.go_online()
    await _becomes(chat, console, ["one", "two"])
    await expect(chat.by_id("storage-notice")).to_have_count(0)
    # Nor does signing out need room: who opens the page before the server could be told sees nothing of the account.
    await context.route("**/api/logout", lambda route: route.abort())
    await chat.by_id("sign-out").click()
    await chat.by_id("confirm-sign-out").click()
    await expect(chat.by_id("signed-out")).to_be_visible()
    await chat.page.goto(console.url)
    await expect(chat.by_id("signed-out")).to_be_visible()
    await context.unroute("**/api/logout")
    await expect(chat.page.get_by_role("button", name="Start chatting")).to_be_visible()


async def test_storage_that_is_cleared_discards_nothing(chat: Chat, console: RunningConsole) -> None:
    """Another tab clears all that this site keeps, as an extension or a developer does: what waits is sent, once."""
    await chat.open("elena")
    second = await chat.twin()
    await chat.go_offline()
    texts = ["one", "two", "three"]
    for text in texts:
        await chat.say(text)
    await expect(second.said("user")).to_have_count(3)
    await second.page.evaluate("localStorage.clear()")
    await chat.go_online()
    await _becomes(chat, console, texts)
    for tab in (chat, second):
        await expect(tab.said("user").locator(".chat-bubble")).to_have_text(texts)
    await expect(chat.said("bot")).to_have_count(3)
    assert await _kept(chat) == []


async def test_what_a_dying_connection_took_along_is_asked_again(chat: Chat, elena: RunningBot) -> None:
    """A history that was being opened is shown, and a retry is done: neither waits for ever."""
    await chat.open("elena")
    await elena.set_faults(mode="exception")
    await chat.say("A question")
    await expect(chat.by_id("failure")).to_be_visible()
    await elena.set_faults(mode="ok")
    await chat.page.evaluate("window.socket.io.engine.transport.ws.send = () => {}")
    await chat.by_id("retry").click()
    await chat.by_id("bot-marcus").click()
    await expect(chat.by_id("thread")).to_have_attribute("aria-busy", "true")
    await chat.page.evaluate("window.socket.io.engine.close()")
    await expect(chat.by_id("empty")).to_be_visible()
    await chat.by_id("bot-elena").click()
    await expect(chat.said("bot")).to_have_count(1)


async def test_what_one_person_left_unsent_is_not_the_next_ones(
    open_context: OpenContext, console: RunningConsole
) -> None:
    """It is kept under the name of its author: unseen and unsent until they are back in this browser."""
    chat = Chat(await (await open_context()).new_page(), console)
    await chat.sign_in("somebody with a password", password="keeps the name")
    await chat.open("elena")
    await chat.by_id("composer").fill("a draft of the first")
    await chat.by_id("sign-out").click()
    await expect(chat.by_id("sign-out-dialog")).to_contain_text("1 message or draft hasn’t been sent.")
    await chat.by_id("keep-and-sign-out").click()
    await expect(chat.page.get_by_role("button", name="Start chatting")).to_be_visible()
    name = "somebody else entirely"
    await chat.page.context.clear_cookies()
    await chat.sign_in(name)
    await chat.open("elena")
    await expect(chat.by_id("composer")).to_have_value("")
    assert len(await _kept(chat)) == 1


async def test_signing_out_without_a_connection(chat: Chat, console: RunningConsole) -> None:
    """The device shows nothing any more at once, in every tab; the session ends before anything else is shown."""
    await chat.open("elena")
    await chat.talk("My secret is a pearl.")
    alice = await principal_of(chat, console)
    second = await chat.twin()
    await chat.go_offline()
    await chat.by_id("sign-out").click()
    await chat.by_id("confirm-sign-out").click()
    for tab in (chat, second):
        await expect(tab.by_id("signed-out")).to_contain_text("You’re signed out")
        assert "pearl" not in await tab.page.content()
    assert await console.services.auth.living([alice.session_id])
    third = await chat.page.context.new_page()
    # The server can be reached, but not told: whoever opens the page sees nothing of the account.
    await third.route("**/api/logout", lambda route: route.abort())
    await chat.page.close()
    await second.page.close()
    await third.context.set_offline(False)
    await third.goto(console.url)
    await expect(third.get_by_test_id("signed-out")).to_be_visible()
    assert "pearl" not in await third.content()
    assert await third.get_by_test_id("me").count() == 0
    await third.unroute("**/api/logout")
    await expect(third.get_by_role("button", name="Start chatting")).to_be_visible()
    assert not await console.services.auth.living([alice.session_id])


async def test_the_end_of_a_session_keeps_the_bot_and_the_text(chat: Chat, console: RunningConsole) -> None:
    """After signing in again one is with the same bot, and what was being written is there."""
    await chat.open("marcus")
    await chat.by_id("composer").fill("half a sent")
    session = (await principal_of(chat, console)).session_id
    expire = "UPDATE web_user_sessions SET expires_at = now() - interval '1 second' WHERE id = $1"
    await console.services.system._database.fetch(expire, session)
    await expect(chat.page.get_by_role("button", name="Start chatting")).to_be_visible()
    await expect(chat.page).to_have_url(re.compile(r"\?bot=marcus$"))
    await chat.page.get_by_label("Name", exact=True).fill(chat.name)
    await chat.page.get_by_role("button", name="Start chatting").click()
    await expect(chat.by_id("composer")).to_have_value("half a sent")
    await expect(chat.page).to_have_url(re.compile(r"\?bot=marcus$"))


async def test_the_place_is_kept_over_an_outage(chat: Chat, console: RunningConsole, elena: RunningBot) -> None:
    """Loaded anew after a while, the page shows what was read, with the draft and the editor that was open."""
    principal = await principal_of(chat, console)
    for number in range(60):
        await console.services.messages.send(principal, bot_name="elena", content=f"message {number}")
    await chat.page.reload()
    await chat.open("elena")
    await expect(chat.by_id("message")).to_have_count(50)
    await chat.by_id("thread").evaluate("(box) => (box.scrollTop = 0)")
    await expect(chat.by_id("message")).to_have_count(100)
    target = chat.said("user").filter(has=chat.page.get_by_text("message 20", exact=True))
    await target.evaluate(
        """(item) => {
            const box = item.closest("[data-testid=thread]");
            box.scrollTop += item.getBoundingClientRect().top - box.getBoundingClientRect().top;
        }"""
    )
    await chat.do(target, "Edit")
    await chat.by_id("editor-text").fill("an edit that is not finished")
    await chat.by_id("composer").fill("a draft")
    edited = chat.by_id("message").filter(has=chat.by_id("editor"))
    top = await edited.evaluate("(item) => item.getBoundingClientRect().top")
    await console.services.messages.send(principal, bot_name="elena", content="Meanwhile")
    await expect(chat.by_id("news")).to_be_visible()
    await chat.page.reload()
    await expect(chat.by_id("editor-text")).to_have_value("an edit that is not finished")
    await expect(chat.by_id("composer")).to_have_value("a draft")
    await expect(edited).to_be_in_viewport()
    assert abs(await edited.evaluate("(item) => item.getBoundingClientRect().top") - top) < 3
    await expect(chat.by_id("news")).to_be_visible()


async def test_an_answer_after_a_retry_says_what_it_answers(chat: Chat, elena: RunningBot) -> None:
    """Of two failed messages the first is retried: its answer stands below the second, with its question."""
    await chat.open("elena")
    await elena.set_faults(mode="exception")
    await chat.say("The first question")
    await expect(chat.by_id("failure")).to_have_count(1)
    await chat.say("The second question")
    await expect(chat.by_id("failure")).to_have_count(2)
    await elena.set_faults(mode="ok")
    await chat.by_id("retry").first.click()
    await expect(chat.said("bot").get_by_test_id("reply-to")).to_contain_text("The first question")
    await chat.page.reload()
    await expect(chat.said("bot").get_by_test_id("reply-to")).to_contain_text("The first question")
    await chat.by_id("reply-to").click()
    await expect(chat.said("user").first).to_be_focused()
